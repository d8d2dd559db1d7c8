"""Pictures in, which of them may be cut out of which out: candidates, to be looked at closer.

A PDQ hash changes wholly when a tenth of a picture is cut off. So what a cut would leave is hashed too, in a
few places, and may differ more than a copy may: of cuts of up to 15 % anywhere nearly all are within
`MAX_DISTANCE` of one of these windows, of pictures that have nothing in common none
(`scripts/measure_copies.py`).
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.copies.hashes import HASH_BYTES, hash_parts

# Left, top, width and height, as shares of the picture.
WINDOWS = (
    *((left, top, 0.9, 0.9) for left in (0.0, 0.05, 0.1) for top in (0.0, 0.05, 0.1)),
    *((0.0, 0.0, 1.0, 0.9), (0.0, 0.1, 1.0, 0.9), (0.0, 0.0, 0.9, 1.0), (0.1, 0.0, 0.9, 1.0)),
    (0.025, 0.025, 0.95, 0.95),
)
MAX_DISTANCE = 72  # bits of 256; what has nothing in common begins at 90
NEAREST = 4  # of each window, that a picture is compared with
AT_ONCE = 4096  # pictures compared with a window of all, for memory


def hash_windows(image: NDArray[np.uint8]) -> bytes:
    """The hashes of all `WINDOWS` of an upright RGB picture (height, width, 3), one after the other."""
    return b"".join(hash_parts(image, WINDOWS))


def find_cuts(
    hashes: NDArray[np.uint8],
    windows: NDArray[np.uint8],
    numbers: NDArray[np.int64],
    max_distance: int = MAX_DISTANCE,
) -> Iterator[tuple[int, int]]:
    """Pairs of numbers of a picture and of another that it may be cut out of, each once.

    `hashes` (m, 32) are of pictures with these `numbers` (m,), several of one where it has several, as of its
    mirror image. `windows` (n, k, 32) are of the pictures 0 to n - 1, of which the wholes should be one.
    """
    found: set[tuple[int, int]] = set()
    for place in range(windows.shape[1]):
        rows = np.ascontiguousarray(windows[:, place])
        for start in range(0, len(hashes), AT_ONCE):
            asked = np.ascontiguousarray(hashes[start : start + AT_ONCE])
            apart, nearest = cv2.batchDistance(
                asked, rows, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=min(NEAREST, len(rows))
            )
            for query, rank in np.argwhere(apart <= max_distance).tolist():
                pair = int(numbers[start + query]), int(nearest[query, rank])
                if pair[0] != pair[1] and pair not in found:
                    found.add(pair)
                    yield pair


def read_windows(stored: list[bytes]) -> NDArray[np.uint8]:
    """Windows (n, k, 32) of what `hash_windows` gave for n pictures."""
    return np.frombuffer(b"".join(stored), np.uint8).reshape(len(stored), len(WINDOWS), HASH_BYTES)
