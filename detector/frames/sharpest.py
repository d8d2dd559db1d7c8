"""Candidates in, the sharpest of each span out, as RGB."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detector.errors import MediaError
from detector.frames.display import AS_IT_IS, Display, to_rgb
from detector.frames.frame import Frame

PILLOW_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, IndexError, KeyError, TypeError),
    *(
        ArithmeticError,
        MemoryError,
        RuntimeError,
        AttributeError,
        AssertionError,
        Image.DecompressionBombError,
    ),
)  # what its readers are seen to raise for damaged files


@dataclass(frozen=True, slots=True)
class Candidate:
    """A frame that may be given out; its picture is as it was decoded."""

    index: int
    time_seconds: float
    picture: "av.VideoFrame | NDArray[np.uint8]"
    display: Display = AS_IT_IS


def pick_sharpest(candidates: Iterable[Candidate], every_seconds: float) -> Iterator[Candidate]:
    """The sharpest candidate of each span of `every_seconds`; all of them when it is 0."""
    best: Candidate | None = None
    best_span, best_sharpness = 0, -1.0
    try:
        for candidate in candidates:
            if not every_seconds:
                yield candidate
                continue
            span = int(candidate.time_seconds / every_seconds)
            sharpness = _sharpness(candidate.picture)
            if best and span != best_span:
                yield best
                best = None
            if not best or sharpness > best_sharpness:
                best, best_span, best_sharpness = candidate, span, sharpness
    except (MediaError, av.FFmpegError, *PILLOW_ERRORS):
        if best:  # what was seen until the file broke is kept
            yield best
        raise
    if best:
        yield best


def whole_frame(candidate: Candidate) -> Frame:
    """The candidate as a frame in all its pixels."""
    image = to_rgb(candidate.picture, candidate.display)
    return Frame(candidate.index, candidate.time_seconds, image, (image.shape[1], image.shape[0]))


def _sharpness(picture: "av.VideoFrame | NDArray[np.uint8]") -> float:
    """Mean brightness step between neighbours, across and down, on every fourth row."""
    luma = picture[..., 1] if isinstance(picture, np.ndarray) else _find_luma(picture)
    rows, below = luma[:-1:4], luma[1::4]
    if rows.shape[0] < 1 or rows.shape[1] < 2:
        return 0.0
    across = cv2.norm(rows[:, 1:], rows[:, :-1], cv2.NORM_L1) / rows[:, 1:].size
    return across + cv2.norm(rows, below[: len(rows)], cv2.NORM_L1) / rows.size


def _find_luma(picture: av.VideoFrame) -> "NDArray[np.uint8] | NDArray[np.uint16]":
    """Brightness (height, width), where it lies if that can be; in what bits it has."""
    first, *others = picture.format.components
    plain = first.is_luma and 8 <= first.bits <= 16 and all(one.plane != first.plane for one in others)
    if not plain or picture.format.has_palette or (picture.format.is_big_endian and first.bits > 8):
        picture = picture.reformat(format="gray")
        first = picture.format.components[0]
    plane = picture.planes[0]
    if first.bits == 8:
        return np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)[:, : plane.width]
    return np.frombuffer(memoryview(plane), np.uint16).reshape(plane.height, -1)[:, : plane.width]
