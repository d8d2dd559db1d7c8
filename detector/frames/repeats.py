"""Frames of one file in, which of them shows the same as the one before out: a still needs one look.

A photo with music, a title, a slide: much of what is shared as video hardly moves.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

CELL = 8  # pixels of a side; the noise of a codec is gone in the mean of a cell, a distant flag is not
TOLERANCE = 6  # levels of 256 by which a cell may differ


class Repeats:
    """Remembers the last frame that was different from all before it."""

    def __init__(self) -> None:
        self._image: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._cells: NDArray[np.uint8] = np.empty(0, np.uint8)

    def is_repeat(self, image: NDArray[np.uint8]) -> bool:
        """Whether an RGB image (height, width, 3) shows the same as the last one that was no repeat."""
        if not self._image.size:  # all that a photo needs: its cells would be averaged for nothing
            self._image = image
            return False
        if not self._cells.size:
            self._cells = _average(self._image)
        cells = _average(image)
        if cells.shape == self._cells.shape and cv2.norm(cells, self._cells, cv2.NORM_INF) < TOLERANCE:
            return True
        self._cells = cells
        return False


def _average(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    size = (max(1, round(width / CELL)), max(1, round(height / CELL)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
