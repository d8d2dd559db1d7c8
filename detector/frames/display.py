"""A decoded picture of a video in, as it is to be shown out: upright, square pixels, sRGB."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.sidedata.sidedata import SideData, SideDataContainer
from numpy.typing import NDArray

from detector.errors import NotReadError
from detector.frames.colour import read_code_points, to_srgb

UNSPECIFIED = 2  # of primaries, transfer and matrix (ITU-T H.273)
BT709 = 1
HD_WIDTH, HD_HEIGHT = (
    1280,
    577,
)  # from there on what does not tell its matrix is taken for BT.709, as players do
MAX_STRETCH = 4  # of a pixel's sides; film on a quarter of its width has 2
MAX_SKEW = 0.01  # of a side, by which a display matrix may be rounded


@dataclass(frozen=True, slots=True)
class Display:
    """What a container says of a stream, where its frames do not say it."""

    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel, its height being 1."""
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED
    full_range: int = 0
    """1: not full, 2: full, 0: not said."""


AS_IT_IS = Display()


def read_display(stream: av.VideoStream) -> Display:
    """What the container says of a stream, before anything of it is decoded."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if not 1 / MAX_STRETCH <= aspect <= MAX_STRETCH:
        aspect = Fraction(1)  # a mistake, or a trap
    context = stream.codec_context
    colours = context.color_primaries, context.color_trc, context.colorspace, context.color_range
    return Display(aspect, *map(int, colours))


def to_rgb(picture: "av.VideoFrame | NDArray[np.uint8]", display: Display) -> NDArray[np.uint8]:
    """Upright sRGB (height, width, 3) of square pixels. HDR is tone-mapped as `find_table` says.

    Raises NotReadError when it is to be shown in a way that is no turn and no mirroring.
    """
    if isinstance(picture, np.ndarray):
        return picture
    matrix = _read_matrix(picture)
    _settle_colours(picture, display)
    space = read_code_points(int(picture.color_primaries), int(picture.color_trc))
    wide, high = display.pixel_aspect.numerator, display.pixel_aspect.denominator
    width = round(picture.width * max(1, wide / high))  # made larger, so that nothing is lost
    height = round(picture.height * max(1, high / wide))
    if (width, height) != (picture.width, picture.height):
        picture = picture.reformat(width, height, "rgb24", interpolation="BICUBIC")
    image = picture.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    return _turn(to_srgb(image, space), matrix)


def _settle_colours(picture: av.VideoFrame, display: Display) -> None:
    """What a frame does not say of its colours its container says, or its size."""
    if picture.color_primaries in (0, UNSPECIFIED):
        picture.color_primaries = display.primaries
    if picture.color_trc in (0, UNSPECIFIED):
        picture.color_trc = display.transfer
    if not picture.color_range and display.full_range:
        picture.color_range = display.full_range
    if picture.format.is_rgb or picture.colorspace not in (0, UNSPECIFIED):
        return
    if display.matrix not in (0, UNSPECIFIED):
        picture.colorspace = display.matrix
    elif picture.width >= HD_WIDTH or picture.height >= HD_HEIGHT:
        picture.colorspace = BT709


def _read_matrix(picture: av.VideoFrame) -> tuple[int, int, int, int]:
    """How a picture is to be shown: across and down are a × across + c × down and b × across + d × down;
    each of (a, b, c, d) is 1, 0 or -1."""
    beside = SideDataContainer(picture)  # type: ignore[call-arg]  # kept by the picture it would keep it, too
    data = beside.get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    a, b, u, c, d, v, *_ = struct.unpack("=9i", cast("SideData", data))
    straight, crosswise = min(abs(a), abs(d)), min(abs(b), abs(c))
    if not (a or b or c or d):
        return 1, 0, 0, 1  # never filled in
    if not (u or v) and max(abs(b), abs(c)) <= MAX_SKEW * straight:
        return _sign(a), 0, 0, _sign(d)
    if not (u or v) and max(abs(a), abs(d)) <= MAX_SKEW * crosswise:
        return 0, _sign(b), _sign(c), 0
    raise NotReadError("to be shown sheared, or turned by other than quarters of a circle")


def _sign(number: int) -> int:
    return 1 if number > 0 else -1


def _turn(image: NDArray[np.uint8], matrix: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    a, b, c, d = matrix
    if b:
        image = image.transpose(1, 0, 2)
    if b + d < 0:
        image = image[::-1]
    if a + c < 0:
        image = image[:, ::-1]
    return np.ascontiguousarray(image)
