"""A loaded picture of any mode in, upright sRGB pixels out; in bands, so that no second copy is needed."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from detector.frames.profiles import ToSrgb
from detector.frames.sharpest import PILLOW_ERRORS

BAND_PIXELS = 1 << 20
TURNS: dict[int, Callable[[NDArray[np.uint8]], object]] = {  # Exif 3.0, 4.6.5.1.6
    2: lambda image: cv2.flip(image, 1),
    3: lambda image: cv2.rotate(image, cv2.ROTATE_180),
    4: lambda image: cv2.flip(image, 0),
    5: cv2.transpose,
    6: lambda image: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE),
    7: lambda image: cv2.flip(cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE), 0),
    8: lambda image: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def read_pixels(image: Image.Image, convert: ToSrgb, unless_told: int = 1) -> NDArray[np.uint8]:
    """Upright sRGB (height, width, 3); what is transparent is white.

    `unless_told` is the orientation, 1 to 8, of a picture whose own metadata say nothing of it.
    """
    width, height = image.size
    full = _full_scale(image)
    pixels = np.empty((height, width, 3), np.uint8)
    top = 0
    for band in _bands(image):
        pixels[top : top + band.height] = np.asarray(_band_rgb(band, convert, full))
        top += band.height
    return _turn(pixels, _orientation(image) or unless_told)


def _orientation(image: Image.Image) -> int:
    """How a loaded picture has to be turned, 1 to 8; 0 where nothing sound is said."""
    with suppress(*PILLOW_ERRORS):
        return int(image.getexif().get(ExifTags.Base.Orientation, 0))
    return 0


def _turn(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    turn = TURNS.get(orientation)
    return np.asarray(turn(pixels), np.uint8) if turn else pixels


def _bands(image: Image.Image) -> Iterator[Image.Image]:
    width, height = image.size
    rows = max(BAND_PIXELS // width, 1)
    for top in range(0, height, rows):
        yield image if rows >= height else image.crop((0, top, width, min(top + rows, height)))


def _band_rgb(band: Image.Image, convert: ToSrgb, full: float) -> Image.Image:
    if full:
        values = np.nan_to_num(np.asarray(band).astype(np.float32))
        return convert(Image.fromarray(np.clip(values * (255.0 / full), 0, 255).astype(np.uint8)))
    if band.mode in ("P", "PA", "RGBa", "La") or "transparency" in band.info:
        band = band.convert("RGBA")
    elif band.mode == "1":
        band = band.convert("L")
    if band.mode not in ("RGBA", "LA"):
        return convert(band)
    opaque = convert(band.convert(band.mode[:-1]))
    return Image.composite(opaque, Image.new("RGB", band.size, "white"), band.getchannel("A"))


def _full_scale(image: Image.Image) -> float:
    """Value of white in grey of 16 or 32 bits or floating point, which Pillow would clip at 255; else 0."""
    if not image.mode.startswith(("I", "F")):
        return 0.0
    if image.mode.startswith("I;16"):
        return 65535.0
    top = max(float(np.nan_to_num(np.asarray(band)).max(initial=0)) for band in _bands(image))
    return next((full for full in (1.0, 255.0, 65535.0) if top <= full), top)
