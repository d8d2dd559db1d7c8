"""An opened photo in, what turns its pixels into sRGB out, however its file tells their colour space."""

import functools
import io
import struct
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import ExifTags, Image, ImageCms

from detector.frames.boxes import read_jp2_profile, read_nclx
from detector.frames.colour import ADOBE_RGB, SAME_LEVELS, ColourSpace, find_table, read_code_points
from detector.frames.sharpest import PILLOW_ERRORS

ToSrgb = Callable[[Image.Image], Image.Image]
"""A picture without alpha, of the mode it was found for, in; RGB out."""

MAX_PROFILE_BYTES = 16 << 20
MAX_CHUNKS = 1000  # of a PNG before its pixels
PSD_PROFILE = 1039  # number of the image resource
SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
"""Pillow's mode for the kinds of profiles that are applied."""
UNCALIBRATED, ADOBE_RGB_VALUE = (
    0xFFFF,
    2,
)  # of Exif's ColorSpace; the second is not in the standard, but in use


def find_conversion(image: Image.Image, file: BinaryIO, notes: list[str]) -> ToSrgb:
    """What turns the image's pixels into sRGB. A profile that cannot be used is ignored, with a note.

    Of several statements the one that holds: cICP before iCCP (PNG, 3rd edition, 4.3), HDR code points before
    a profile, which cannot say them, a profile before others, Exif last.
    """
    space = _code_points(image, file)
    if space.is_hdr or (image.format == "PNG" and space != ColourSpace()):
        return _by_space(space)
    profile = _embedded_profile(image, file)
    if profile:
        try:
            return _by_profile(profile, _base_mode(image))
        except _ProfileError as error:
            notes.append(f"colour profile ignored: {error}")
    if space == ColourSpace() and not profile and _is_adobe_rgb(image):
        space = ADOBE_RGB
    return _by_space(space)


class _ProfileError(Exception):
    """A profile cannot be used; the message says why."""


def _base_mode(image: Image.Image) -> str:
    """Mode of the picture without palette, alpha and depth, as `pixels.py` takes it."""
    if image.mode in ("CMYK", "LAB"):
        return image.mode
    return "L" if image.mode[0] in "1LIF" else "RGB"


# What a file says


def _code_points(image: Image.Image, file: BinaryIO) -> ColourSpace:
    nclx = image.info.get("nclx_profile")
    if isinstance(nclx, dict):
        return read_code_points(int(nclx["color_primaries"]), int(nclx["transfer_characteristics"]))
    if image.format == "AVIF":
        return read_code_points(*read_nclx(file))
    return read_code_points(*_read_cicp(file)) if image.format == "PNG" else ColourSpace()


def _read_cicp(file: BinaryIO) -> tuple[int, int]:
    """Code points of a PNG's cICP chunk; (2, 2), which is unspecified, where it has none."""
    at = 8
    for _ in range(MAX_CHUNKS):
        file.seek(at)
        head = file.read(10)
        if len(head) < 10 or head[4:8] in (b"IDAT", b"IEND"):
            break
        if head[4:8] == b"cICP":
            return head[8], head[9]
        at += 12 + struct.unpack(">I", head[:4])[0]
    return 2, 2


def _embedded_profile(image: Image.Image, file: BinaryIO) -> bytes:
    if image.format == "JPEG2000":
        return read_jp2_profile(file)
    if image.format == "PSD":
        resources = cast("list[tuple[int, bytes, bytes]]", getattr(image, "resources", []))
        return next((data for number, _, data in resources if number == PSD_PROFILE), b"")
    profile = image.info.get("icc_profile", b"")
    return profile if isinstance(profile, bytes) else b""


def _is_adobe_rgb(image: Image.Image) -> bool:
    """Whether Exif alone says so: DCF 2.0, 3.2.1.5, by an interoperability index of R03."""
    try:
        exif = image.getexif()
        told = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace, 1)
        index = str(exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex, "")).strip("\0 ")
    except PILLOW_ERRORS:
        return False
    return told == ADOBE_RGB_VALUE or (told == UNCALIBRATED and index == "R03")


# What is done about it


def _by_space(space: ColourSpace) -> ToSrgb:
    table = find_table(space)
    if not table:
        return to_rgb
    return lambda image: to_rgb(image).filter(table)


def to_rgb(image: Image.Image) -> Image.Image:
    """As RGB, its values taken as sRGB."""
    return image if image.mode == "RGB" else image.convert("RGB")


@functools.lru_cache(16)
def _by_profile(profile: bytes, mode: str) -> ToSrgb:
    """Raises _ProfileError."""
    if len(profile) > MAX_PROFILE_BYTES:
        raise _ProfileError("too large")
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        kind = str(opened.profile.xcolor_space).strip()
    except (*PILLOW_ERRORS, ImageCms.PyCMSError) as error:
        raise _ProfileError("it is damaged") from error
    wanted = SPACES.get(kind, "")
    if not wanted or (wanted != mode and (wanted, mode) != ("RGB", "L")):
        raise _ProfileError(f"it is for {kind or 'nothing known'}, the picture is {mode}")
    try:
        transform = ImageCms.buildTransform(
            *(opened, ImageCms.createProfile("sRGB"), wanted, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC),
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (*PILLOW_ERRORS, ImageCms.PyCMSError) as error:
        raise _ProfileError("it is damaged") from error
    if wanted == "RGB" and _changes_nothing(transform):
        return to_rgb

    def convert(image: Image.Image) -> Image.Image:
        same = image if image.mode == wanted else image.convert(wanted)
        return cast("Image.Image", ImageCms.applyTransform(same, transform))

    return convert


def _changes_nothing(transform: Any) -> bool:
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(27, 27, 3)
    converted = np.asarray(ImageCms.applyTransform(Image.fromarray(grid), transform))
    return float(np.abs(converted.astype(float) - grid).max()) <= SAME_LEVELS
