"""Pictures in, whether their edges run alike out, whatever the colours: for flags painted over by another.

Where a picture shows hardly anything but a flag, another flag painted over it changes most of its PDQ hash.
What stays are the places and directions of its edges: of folds, of shadows, often of stripes. A hash of these
says which pictures are worth a closer look; the look itself compares directions place by place.
"""

import itertools
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.copies.hashes import HASH_BYTES

HASH_SIDE = 128  # pixels of the picture that is hashed
CELLS = 11  # a side, of the hash; each gives two bits, what remains of `HASH_BYTES` is 0
MAX_EDGE_DISTANCE = 44  # bits of 242; of 17 repainted photos 43 at most
LOOK_SIDE = 192  # pixels at which pictures are looked at
TILE = 16  # pixels
REACH = 2  # pixels that a tile may have moved
MIN_TEXTURE = 0.005  # mean square of a tile with edges
MIN_TEXTURED = 0.6  # of the tiles: of repainted photos 0.64 or more, of drawn flags mostly a third
MIN_AGREEMENT = 0.8  # of repainted photos 0.87 or more, 0.84 when recompressed with quality 70
NEAREST = 4  # that a picture is compared with, itself among them
AT_ONCE = 4096  # pictures compared with all, for memory
BLUR = 1.5  # pixels: what JPEG leaves of small pictures has edges of its own
SOFTENING = 16.0  # levels, with which the logarithm of dark pixels is not all noise
FAINT = 0.3  # a step of the logarithm that counts by half

Image = NDArray[np.uint8]


def hash_edges(image: Image) -> bytes:
    """The hash of the edges of an upright RGB picture (height, width, 3), of `HASH_BYTES`."""
    directions, strength = _find_directions(image, HASH_SIDE)
    even = directions / (strength + 1e-3)[..., None]
    cells = cv2.resize(even, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return _pack(cells > 0)


def mirror_edges(hashes: Image) -> Image:
    """The hashes (n, `HASH_BYTES`) of the mirror images."""
    bits = np.unpackbits(hashes, axis=1, count=2 * CELLS * CELLS).reshape(-1, CELLS, CELLS, 2)[:, :, ::-1]
    turned = np.stack([bits[..., 0], 1 - bits[..., 1]], axis=-1)
    return np.frombuffer(b"".join(map(_pack, turned)), np.uint8).reshape(-1, HASH_BYTES)


def find_alike(edges: Image) -> list[tuple[int, int]]:
    """Pairs of rows of these hashes (n, `HASH_BYTES`) that are near each other, mirrored or not, each once,
    the smaller number first.

    Of each picture the nearest few: in all pictures of one flag the edges run much alike.
    """
    found = set()
    for asked in (edges, mirror_edges(edges)):
        for start in range(0, len(asked), AT_ONCE):
            apart, nearest = cv2.batchDistance(
                asked[start : start + AT_ONCE],
                edges,
                cv2.CV_32S,
                normType=cv2.NORM_HAMMING,
                K=min(NEAREST, len(edges)),
            )
            for row, rank in np.argwhere(apart <= MAX_EDGE_DISTANCE).tolist():
                pair = sorted((start + row, int(nearest[row, rank])))
                found.add((pair[0], pair[1]))
    return sorted(pair for pair in found if pair[0] != pair[1])


def have_same_edges(first: Image, second: Image) -> bool:
    """Whether edges run alike in two pictures, mirrored or not."""
    return any(lie_alike(first, second))


def lie_alike(first: Image, second: Image) -> Iterator[bool]:
    """The same for two pictures as they stand, then with the second mirrored."""
    seen = _look(first)
    for other in (second, np.ascontiguousarray(second[:, ::-1])):
        share, agreement = _compare(seen, _look(other))
        yield share >= MIN_TEXTURED and agreement >= MIN_AGREEMENT


def _compare(first: NDArray[np.float32], second: NDArray[np.float32]) -> tuple[float, float]:
    """The share of tiles in which both have edges, and how well these agree in the middle one."""
    agreements = []
    for top, left in itertools.product(range(0, LOOK_SIDE, TILE), repeat=2):
        tile = first[top : top + TILE, left : left + TILE]
        rows, columns = (slice(max(0, start - REACH), start + TILE + REACH) for start in (top, left))
        if (tile**2).mean() >= MIN_TEXTURE and (second[rows, columns] ** 2).mean() >= MIN_TEXTURE:
            found = cv2.matchTemplate(second[rows, columns], tile, cv2.TM_CCORR_NORMED)
            agreements.append(float(found.max()))
    return len(agreements) * (TILE / LOOK_SIDE) ** 2, float(np.median(agreements or [0.0]))


def _find_directions(image: Image, side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Direction of the edge at each pixel, the angle doubled so that both sides of an edge count alike (side,
    side, 2), as long as the edge is strong; and its strength (side, side)."""
    grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    small = cv2.GaussianBlur(np.log(small + SOFTENING), (0, 0), BLUR)
    across, down = cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1)
    strength = np.hypot(across, down)
    squared = np.stack([across**2 - down**2, 2 * across * down], axis=-1)
    return np.asarray(squared, np.float32), np.asarray(strength, np.float32)


def _look(image: Image) -> NDArray[np.float32]:
    squared, strength = _find_directions(image, LOOK_SIDE)
    weight = strength / (strength + FAINT) / (strength**2 + 1e-6)
    return np.asarray(squared * weight[..., None], np.float32)


def _pack(bits: NDArray[np.bool_] | Image) -> bytes:
    return np.packbits(bits.ravel()).tobytes().ljust(HASH_BYTES, b"\0")
