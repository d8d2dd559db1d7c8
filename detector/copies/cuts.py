"""Pictures in, which of them may be cut out of which out: candidates, to be looked at closer.

A PDQ hash changes wholly when a tenth of a picture is cut off. So what a cut would leave is hashed too, in a
few places, and may differ more than a copy may: of cuts of up to 15 % anywhere nearly all are within
`MAX_DISTANCE` of one of these windows, of pictures that have nothing in common none
(`scripts/measure_copies.py`).
"""

import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.copies.clusters import FEW, Sorted, find_matches
from detector.copies.hashes import HASH_BYTES, Luma, distances, hash_parts, sort_bits

# Left, top, width and height, as shares of the picture.
WINDOWS = (
    *((left, top, 0.9, 0.9) for left in (0.0, 0.05, 0.1) for top in (0.0, 0.05, 0.1)),
    *((0.0, 0.0, 1.0, 0.9), (0.0, 0.1, 1.0, 0.9), (0.0, 0.0, 0.9, 1.0), (0.1, 0.0, 0.9, 1.0)),
    (0.025, 0.025, 0.95, 0.95),
)
MAX_DISTANCE = 72  # bits of 256; what has nothing in common begins at 90
# Two bytes each, of the slowest waves: of right pairs one of these is so near in 99.7 of 100 (394 photos, cut
# anywhere by up to 15 % or with a caption), of pictures that have nothing in common in one of 100.
SLOWEST_CHUNKS, CHUNK_BITS = 4, 2
# Hashes and parts whose chunks are so near: five minutes of a processor. Where there are more, chunks have
# to be nearer: of 296 right pairs one of the four is at most one bit apart in 95 of 100, the same in 71.
MAX_CANDIDATES = 25e9
MISSED = (29, 5)  # in 100, for each number of bits

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Windows:
    """Hashes of parts of some pictures."""

    rows: NDArray[np.int64]
    """Numbers (n,) of the pictures, each once."""
    hashes: NDArray[np.uint8]
    """(n, k, 32)"""


def hash_windows(luma: Luma) -> bytes:
    """The hashes of all `WINDOWS` of a picture, of which `find_luma` gave this, one after the other."""
    return b"".join(hash_parts(luma, WINDOWS))


def find_cuts(
    hashes: NDArray[np.uint8], numbers: NDArray[np.int64], blocks: Iterable[Windows], chunk_bits: int
) -> list[tuple[int, int]]:
    """Pairs of numbers of a picture and of another that it may be cut out of, the nearest first; of two that
    may each be cut out of the other only the nearer way.

    `hashes` (m, 32) are of pictures with these `numbers` (m,), several of one where it has several, as of its
    mirror image. Each block has the windows of some pictures, of which the wholes should be one.
    """
    asked = _sort(sort_bits(hashes))
    found = [np.empty((3, 0), np.int64)]
    for block in blocks:
        count = block.hashes.shape[1]
        rows = sort_bits(block.hashes.reshape(-1, HASH_BYTES))
        for row, query, apart in _find_near(rows, asked, chunk_bits):
            part, whole = numbers[query], block.rows[row // count]
            other = part != whole  # each whole is found to be in itself
            if other.any():
                found.append(np.stack([apart[other], part[other], whole[other]]))
    nearest = np.unique(np.concatenate(found, axis=1), axis=1)
    _, firsts = np.unique(np.sort(nearest[1:], axis=0), axis=1, return_index=True)
    return [(part, whole) for _, part, whole in nearest[:, np.sort(firsts)].T.tolist()]


def find_parts(
    hashes: NDArray[np.uint8], windows: NDArray[np.uint8], chunk_bits: int = CHUNK_BITS
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Numbers of hashes (m, 32) and of windows (n, 32) that are near each other, and by how many bits.

    Of such pairs a few in a thousand are left out: those that differ much in the slowest waves.
    """
    asked, rows = hashes, windows
    if min(len(hashes), len(windows)) > FEW:
        asked, rows = sort_bits(hashes), sort_bits(windows)
    yield from _find_near(asked, _sort(rows), chunk_bits)


def _sort(hashes: NDArray[np.uint8]) -> list[Sorted]:
    return [Sorted(hashes, chunk) for chunk in range(SLOWEST_CHUNKS)]


def _find_near(
    asked: NDArray[np.uint8], rows: list[Sorted], chunk_bits: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    near = find_matches(asked, rows, max_distance=MAX_DISTANCE, chunks=SLOWEST_CHUNKS, chunk_bits=chunk_bits)
    for query, row in near:
        yield query, row, distances(asked[query], rows[0].hashes[row]).astype(np.int64)


def choose_bits(hashes: int, parts: int) -> int:
    """How far apart chunks may be in `find_parts`, of so many hashes and parts, whose bits are taken to be
    evenly spread: the fewer bits, the more pairs are missed, which is said."""
    for bits in range(CHUNK_BITS, -1, -1):
        near = sum(math.comb(16, differing) for differing in range(bits + 1))
        if hashes * parts * SLOWEST_CHUNKS * near / 2**16 <= MAX_CANDIDATES:
            break
    if bits < CHUNK_BITS:
        log.warning("among so many photos about %d in 100 cropped copies are missed", MISSED[bits])
    return bits


def read_windows(stored: list[bytes]) -> NDArray[np.uint8]:
    """Windows (n, k, 32) of what `hash_windows` gave for n pictures. Raises ValueError for anything else."""
    return np.frombuffer(b"".join(stored), np.uint8).reshape(len(stored), len(WINDOWS), HASH_BYTES)
