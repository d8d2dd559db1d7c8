"""Photos and animated pictures in, frames out, through Pillow."""

import functools
import re
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, ImageOps
from PIL.Image import open as open_image  # bound now: ultralytics replaces Image.open by one that installs

from detector.errors import MediaError
from detector.frames.frame import Coverage, Frame, Sampling
from detector.frames.sharpest import PILLOW_ERRORS, Candidate, pick_sharpest, whole_frame

PHOTO_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "HEIF", "AVIF")
ANIMATED_FORMATS = frozenset(("GIF", "WEBP", "PNG", "AVIF"))
MAX_PHOTO_PIXELS = 178_000_000  # twice Pillow's own warning level; past this it refuses too
MAX_ANIMATION_FRAMES = 20_000
UTC_OFFSET = re.compile(r"[+-]\d\d:\d\d|Z")


@functools.cache
def register_formats() -> None:
    """Makes HEIF known to Pillow, once."""
    import pillow_heif

    Image.init()
    pillow_heif.register_heif_opener()


def read_photo(path: Path, sampling: Sampling, coverage: Coverage) -> Iterator[Frame]:
    """The frames of a photo, one for each page of a TIFF, or of an animated picture. Raises MediaError."""
    register_formats()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of damaged metadata; the pixels decide here
        try:
            with open_image(path, formats=PHOTO_FORMATS) as image:
                if image.width * image.height > MAX_PHOTO_PIXELS:
                    raise MediaError(f"too large: {image.width} × {image.height} pixels")
                if image.format in ANIMATED_FORMATS and getattr(image, "is_animated", False):
                    coverage.kind = "video"
                    for candidate in pick_sharpest(
                        _animation(image, sampling, coverage), sampling.every_seconds
                    ):
                        yield whole_frame(candidate)
                else:
                    coverage.captured_at = _photo_capture_time(image)
                    yield from _photo_pages(image, coverage, sampling.photo_side)
        except Image.DecompressionBombError as error:
            raise MediaError(f"too large: {error}") from error
        except PILLOW_ERRORS as error:
            if isinstance(error, OSError) and error.strerror:
                raise MediaError(f"cannot be read: {error.strerror}") from error
            raise MediaError(f"damaged: {error}") from error


def read_animation(path: Path, sampling: Sampling) -> Iterator[Candidate]:
    """Every frame of an animated picture that `read_photo` has read before. Raises what Pillow raises."""
    with open_image(path, formats=PHOTO_FORMATS) as image:
        yield from _animation(image, sampling, Coverage("video"))


def _photo_pages(image: Image.Image, coverage: Coverage, photo_side: int) -> Iterator[Frame]:
    width, height = image.size
    if photo_side and image.format == "JPEG":
        share = photo_side / max(width, height)
        image.draft(None, (round(width * share), round(height * share)))  # never smaller than that
    pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
    for page in range(pages):
        if page:
            image.seek(page)
            if image.width * image.height > MAX_PHOTO_PIXELS:
                raise MediaError(f"too large: page {page + 1} has {image.width} × {image.height} pixels")
        try:
            image.load()
        except PILLOW_ERRORS as error:
            coverage.frames_unreadable += 1
            with _truncated_allowed():
                image.load()
            yield _photo_frame(page, image, (width, height))
            raise MediaError(f"damaged, seen only in part: {error}") from error
        yield _photo_frame(page, image, (width, height))


def _photo_capture_time(image: Image.Image) -> str:
    """DateTimeOriginal with OffsetTimeOriginal (Exif 3.0, 4.6.6.2.3); "" for none that is a time."""
    try:
        tags = image.getexif().get_ifd(ExifTags.IFD.Exif)
        taken = datetime.strptime(
            str(tags.get(ExifTags.Base.DateTimeOriginal, "")).strip("\0 "), "%Y:%m:%d %H:%M:%S"
        )
        offset = str(tags.get(ExifTags.Base.OffsetTimeOriginal, "")).strip("\0 ")
    except PILLOW_ERRORS:
        return ""
    return taken.isoformat() + (offset if UTC_OFFSET.fullmatch(offset) else "")


def _photo_frame(page: int, image: Image.Image, resolution_wh: tuple[int, int]) -> Frame:
    rgb = _photo_rgb(image)
    height, width = rgb.shape[:2]
    if not page and max(resolution_wh) > max(width, height):
        lying = (width > height) == (resolution_wh[0] > resolution_wh[1])
        return Frame(page, 0.0, rgb, resolution_wh if lying else resolution_wh[::-1])
    return Frame(page, 0.0, rgb, (width, height))


@contextmanager
def _truncated_allowed() -> Iterator[None]:
    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _animation(image: Image.Image, sampling: Sampling, coverage: Coverage) -> Iterator[Candidate]:
    give_up_at = time.monotonic() + sampling.max_seconds
    time_seconds = 0.0
    for index in range(MAX_ANIMATION_FRAMES):
        try:
            image.seek(index)
            image.load()
        except EOFError:
            return
        yield Candidate(index, time_seconds, _photo_rgb(image))
        time_seconds += float(image.info.get("duration", 0) or 100) / 1000  # browsers show 0 as 0.1 s
        coverage.read_seconds = time_seconds
        if time.monotonic() > give_up_at:
            raise MediaError(f"stopped by the time limit at {time_seconds:.1f} s")
    raise MediaError(f"stopped after {MAX_ANIMATION_FRAMES} frames")


def _photo_rgb(image: Image.Image) -> NDArray[np.uint8]:
    upright = image
    with suppress(*PILLOW_ERRORS):  # broken metadata is no reason to lose the picture
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith(("I", "F")):
        return _deep_grey_rgb(np.asarray(upright))
    if upright.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in upright.info:
        layers = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers)
    return np.asarray(upright if upright.mode == "RGB" else upright.convert("RGB"))


def _deep_grey_rgb(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Grey of 16 or 32 bits, or floating point, as 8-bit RGB; Pillow's own conversion clips at 255."""
    values = np.nan_to_num(grey.astype(np.float32))
    top = float(values.max(initial=0))
    full = next((full for full in (1.0, 255.0, 65535.0) if top <= full), top)
    if grey.dtype == np.uint16:
        full = 65535.0
    eight = np.clip(values * (255.0 / full), 0, 255).astype(np.uint8)
    return np.repeat(eight[..., None], 3, axis=2)
