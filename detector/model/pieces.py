"""A very long picture in, the overlapping pieces of it that are looked at besides the whole out."""

import math

import numpy as np
from numpy.typing import NDArray

LONG_RATIO = 3.0  # of the sides; from there on a network sees too little of the short one
PIECE_RATIO = 2.0  # of a piece's sides
OVERLAP = 1.0  # of neighbouring pieces, in short sides: what is no longer than that is whole in one of them
MAX_PIECES = 64  # of a picture; of one that is longer still the pieces are longer, too
EDGE = 0.01  # of a piece's length: a box that comes so near to a cut goes on beyond it

Piece = tuple[slice, slice]
"""Rows and columns."""


def find_pieces(width: int, height: int) -> list[Piece]:
    """Pieces of equal size from one end to the other; none for a picture that is not very long."""
    long, short = max(width, height), min(width, height)
    if long <= LONG_RATIO * short:
        return []
    count = math.ceil((long - PIECE_RATIO * short) / ((PIECE_RATIO - OVERLAP) * short)) + 1
    count = min(count, MAX_PIECES)
    length = math.ceil(max(PIECE_RATIO * short, (long + (count - 1) * OVERLAP * short) / count))
    starts = np.linspace(0, long - length, count).round().astype(int).tolist()
    along = [slice(start, start + length) for start in starts]
    across = slice(0, short)
    return [(across, one) if width > height else (one, across) for one in along]


def keep_whole(xyxy: NDArray[np.float32], piece: Piece, width: int, height: int) -> NDArray[np.bool_]:
    """Which boxes (n, 4), in pixels of the picture, are not cut off where the piece ends inside the picture.

    One that is longer than pieces overlap is kept: it is whole in none of them.
    """
    axis, (start, end) = (0, (piece[1].start, piece[1].stop))
    size, short = width, height
    if height > width:
        axis, (start, end), size, short = 1, (piece[0].start, piece[0].stop), height, width
    near = EDGE * (end - start)
    first, last = xyxy[:, axis], xyxy[:, axis + 2]
    cut = ((first < start + near) & (start > 0)) | ((last > end - near) & (end < size))
    return np.asarray(~cut | (last - first > OVERLAP * short))
