"""A picture in, its PDQ hash out.

PDQ is what fact-checkers and platforms exchange: 256 bits that hardly change when a picture is re-encoded or
resized, and a quality that is low for pictures with little to recognise
(https://github.com/facebook/ThreatExchange/tree/main/pdq and its hashing/hashing.pdf). Its Python package has
no wheels, so it is written here: box filter, reduction and cosine transform are all linear, so they are three
matrices. A picture cut out of another has another hash: most of those with bars or a screen around them are
found by hashing what is inside, too (`find_inner`), those with a tenth cut off by hashing such parts of the
larger picture (`cuts.py`).
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

HASH_BYTES = 32
MIN_QUALITY = 50  # PDQ's README: hashes below are to be discarded
# Median amplitude of the waves. Drawn flags of straight stripes have almost none: their bits are noise, which
# PDQ's own quality does not notice. Of 1,202 photos of scenes and flags 24 are below, all drawn flags.
MIN_WAVE = 10.0
REDUCED_SIDE = 512  # pixels; longer sides are thinned by whole steps to less than twice this
BAND_ROWS = 64
BLOCKS = 64  # a side, of the reduced picture
FREQUENCIES = 16  # a side, the lowest without the constant
SORTED_AT_ONCE = 10_000  # hashes, of which each bit takes a byte meanwhile
MIN_SIDE = 5  # pixels; PDQ gives smaller pictures the hash 0 and quality 0
PLAIN_TOLERANCE = 4  # levels of 256, with PLAIN_SHARE: how a row of a caption bar or of a screen's margin is
PLAIN_SHARE = 0.5  # told; on 150 photos with such bars tighter values found fewer, looser ones cut into skies
MIN_INNER = 0.2  # of each side
MIN_INSIDE = 0.5  # of the area; below it screenshots of different plain pictures have hashes within the limit

Luma = NDArray[np.float32]
"""Brightness (height, width) of a picture, thinned."""


@dataclass(frozen=True, slots=True)
class PictureHash:
    """A picture's PDQ hash, and that of its mirror image, which the first does not tell exactly."""

    bits: bytes
    """`HASH_BYTES`; `.hex()` is how PDQ hashes are written and exchanged."""
    mirrored_bits: bytes
    """Of the picture with left and right exchanged."""
    quality: int
    """0 to 100; below `MIN_QUALITY` equal hashes mean nothing. PDQ's, but 0 for stripes (`MIN_WAVE`)."""


def hash_picture(image: NDArray[np.uint8]) -> PictureHash:
    """The hash of an upright RGB picture (height, width, 3)."""
    return hash_luma(find_luma(image))


def find_luma(image: NDArray[np.uint8]) -> Luma:
    """The brightness (height, width) that an upright RGB picture (height, width, 3) is hashed by, thinned."""
    height, width = image.shape[:2]
    step_y, step_x = max(1, height // REDUCED_SIDE), max(1, width // REDUCED_SIDE)
    rows, bands = image[step_y // 2 :: step_y], []
    for start in range(0, len(rows), BAND_ROWS):  # so little that it stays in the processor's cache
        band = np.ascontiguousarray(rows[start : start + BAND_ROWS]).view("V3")  # whole pixels: twice as fast
        pixels = np.ascontiguousarray(band[:, step_x // 2 :: step_x]).view(np.uint8)
        bands.append(cv2.cvtColor(pixels.astype(np.float32), cv2.COLOR_RGB2GRAY))  # PDQ's weights, too
    return np.asarray(np.concatenate(bands), np.float32)


def hash_luma(luma: Luma) -> PictureHash:
    """The hash of the picture with this brightness."""
    if min(luma.shape) < MIN_SIDE:
        return PictureHash(bytes(HASH_BYTES), bytes(HASH_BYTES), 0)
    strips, columns = _reduce_rows(luma), _reduction(luma.shape[1])
    both = np.stack([strips, strips[:, ::-1]]) @ columns.T
    waves = _find_waves(both)
    quality = _quality(both[0]) if np.median(np.abs(waves[0])) >= MIN_WAVE else 0
    bits, mirrored_bits = _to_bits(waves)
    return PictureHash(bits, mirrored_bits, quality)


def hash_parts(luma: Luma, parts: Sequence[tuple[float, float, float, float]]) -> list[bytes]:
    """The hashes of parts of a picture with this brightness: left, top, width and height, as its shares.

    0 for parts that are too small.
    """
    height, width = luma.shape
    strips: dict[tuple[int, int], Luma] = {}  # many parts have the same rows
    blocks = np.zeros((len(parts), BLOCKS, BLOCKS), np.float32)
    small = np.zeros(len(parts), np.bool_)
    for number, (left, top, across, down) in enumerate(parts):
        begin, end = round(left * width), round((left + across) * width)
        rows = first, last = round(top * height), round((top + down) * height)
        small[number] = min(end - begin, last - first) < MIN_SIDE
        if small[number]:
            continue
        if rows not in strips:
            strips[rows] = _reduce_rows(luma[first:last])
        np.matmul(strips[rows][:, begin:end], _reduction(end - begin).T, out=blocks[number])
    found = _to_bits(_find_waves(blocks))
    return [bytes(HASH_BYTES) if is_small else one for is_small, one in zip(small, found, strict=True)]


def _reduce_rows(luma: Luma) -> Luma:
    """`_reduction` of the rows (BLOCKS, width), without the zeros, which are 59 of 60."""
    reduced = np.empty((BLOCKS, luma.shape[1]), np.float32)
    for row, (begin, weights) in zip(reduced, _weights(luma.shape[0]), strict=True):
        np.dot(weights, luma[begin : begin + len(weights)], out=row)
    return reduced


@functools.lru_cache(maxsize=256)
def _reduction(side: int) -> NDArray[np.float32]:
    """PDQ's Jarosz filter and decimation of one side as a matrix (BLOCKS, side)."""
    matrix = np.zeros((BLOCKS, side), np.float32)
    for row, (begin, weights) in zip(matrix, _weights(side), strict=True):
        row[begin : begin + len(weights)] = weights
    return matrix


@functools.lru_cache(maxsize=256)
def _weights(side: int) -> list[tuple[int, NDArray[np.float32]]]:
    """Of each row of `_reduction` where what is not 0 begins, and that: the mean of means around a place."""
    window = -(-side // (2 * BLOCKS))
    after = (window + 2) // 2  # one more than before when the window is even
    before = window - after
    centres = ((np.arange(BLOCKS)[:, None] + 0.5) * side / BLOCKS).astype(int)
    place = centres + np.arange(-2 * window, 2 * window + 1)
    begins, ends = (np.clip(one, 0, side) for one in (place - before, place + after))
    counts = np.maximum(ends - begins, 1)
    middle = 2 * window
    within = (place >= begins[:, middle, None]) & (place < ends[:, middle, None])
    sums = np.pad(np.cumsum(within / counts[:, middle, None] / counts, axis=1), ((0, 0), (1, 0)))
    number = np.arange(place.shape[1])
    twice = sums[:, np.minimum(number + before + 1, len(number))] - sums[:, np.maximum(number - after + 1, 0)]
    inside = (place >= 0) & (place < side)
    return [
        (int(where[is_inside][0]), row[is_inside].astype(np.float32))
        for where, row, is_inside in zip(place, twice, inside, strict=True)
    ]


@functools.cache
def _cosines() -> NDArray[np.float32]:
    frequency, place = np.arange(1, FREQUENCIES + 1)[:, None], np.arange(BLOCKS)
    waves = np.cos(np.pi / 2 / BLOCKS * frequency * (2 * place + 1))
    return np.asarray(np.sqrt(2 / BLOCKS) * waves, np.float32)


def _find_waves(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of several pictures (n, BLOCKS, BLOCKS)."""
    return np.asarray(_cosines() @ blocks @ _cosines().T, np.float32)


def _to_bits(waves: NDArray[np.float32]) -> list[bytes]:
    flat = waves.reshape(len(waves), -1)
    middle = flat.shape[1] // 2 - 1  # the lower of the two middle ones is PDQ's median
    above = flat > np.partition(flat, middle, axis=1)[:, middle : middle + 1]
    return [bits.tobytes() for bits in np.packbits(above[:, ::-1], axis=1)]


def _quality(blocks: NDArray[np.float32]) -> int:
    steps = [np.trunc(np.diff(blocks, axis=axis) * (100 / 255)) for axis in (0, 1)]
    return min(100, int(sum(np.abs(step).sum() for step in steps)) // 90)


def hash_whole_and_inside(image: NDArray[np.uint8], luma: Luma) -> tuple[PictureHash, PictureHash]:
    """The hashes of the picture and of what is inside its plain margins, for clusters that see through these.

    `luma` is what `find_luma` gives for it. The whole has quality 0 where less than `MIN_INSIDE` is inside:
    its margins decide its bits.
    """
    whole, inner = hash_luma(luma), find_inner(image)
    if inner.shape == image.shape:
        return whole, whole
    if inner.size < MIN_INSIDE * image.size:
        whole = replace(whole, quality=0)
    return whole, hash_picture(inner)


def find_inner(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The part of the picture (height, width, 3) inside plain rows and columns at its edges.

    Plain is a row half of which has one brightness: bars, captions, what a screenshot has around the picture,
    sometimes a clear sky. A view, of the whole picture where nothing is plain or too little is left.
    """
    height, width = image.shape[:2]
    step_y, step_x = max(1, height // REDUCED_SIDE), max(1, width // REDUCED_SIDE)
    green = image[::step_y, ::step_x, 1]
    top, bottom = _inside_plain(green[:, ::4])
    left, right = _inside_plain(green[top:bottom:4].T)
    above, below = _inside_plain(green[top:bottom, left:right:4])
    top, bottom = top + above, top + below
    if bottom - top < MIN_INNER * green.shape[0] or right - left < MIN_INNER * green.shape[1]:
        return image
    return image[top * step_y : bottom * step_y, left * step_x : right * step_x]


def _inside_plain(rows: NDArray[np.uint8]) -> tuple[int, int]:
    """Numbers of the first row that is not plain, and of the one after the last; 0 and 0 if all are."""
    above = _count_plain(rows) if rows.size else len(rows)
    return (above, len(rows) - _count_plain(rows[::-1])) if above < len(rows) else (0, 0)


def _count_plain(rows: NDArray[np.uint8]) -> int:
    """How many are plain before the first that is not: in most photos none, so that few are looked at."""
    seen = 0
    while seen < len(rows):
        busy = _are_busy(rows[seen : 2 * seen + 1])
        if busy.any():
            return seen + int(busy.argmax())
        seen += len(busy)
    return seen


def _are_busy(rows: NDArray[np.uint8]) -> NDArray[np.bool_]:
    middle = rows.shape[1] // 2
    usual = np.partition(rows, middle, axis=1)[:, middle : middle + 1].astype(np.int16)
    share = (np.abs(rows - usual) <= PLAIN_TOLERANCE).mean(axis=1)
    return np.asarray(share < PLAIN_SHARE, np.bool_)


def sort_bits(hashes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The hashes (n, 32) with the bits of the slowest waves first: these hardly change."""
    sorted_ = np.empty_like(hashes)
    for start in range(0, len(hashes), SORTED_AT_ONCE):
        bits = np.unpackbits(hashes[start : start + SORTED_AT_ONCE], axis=1)
        sorted_[start : start + SORTED_AT_ONCE] = np.packbits(np.take(bits, _slowest_first(), axis=1), axis=1)
    return sorted_


@functools.cache
def _slowest_first() -> NDArray[np.int64]:
    frequency = np.arange(1, FREQUENCIES + 1)
    speed = frequency[:, None] ** 2 + frequency**2
    return speed.size - 1 - np.argsort(speed, axis=None, kind="stable")  # as `_to_bits` turns them round


def distances(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Bits in which hashes (n, 32) differ, row by row; one of the two may be a single hash (32,)."""
    words = np.bitwise_count(a.view(np.uint64) ^ b.view(np.uint64))
    # a sixth of the time that NumPy's sum over so short rows takes
    total = np.add(words[..., 0], words[..., 1], dtype=np.uint16) + words[..., 2] + words[..., 3]
    return np.asarray(total, np.uint16)
