"""A photo's path in, the picture opened through Pillow out, nothing decoded yet; errors become MediaError."""

import functools
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from PIL import Image, UnidentifiedImageError
from PIL.Image import open as open_image  # bound now: ultralytics replaces Image.open by one that installs

from detector.errors import MediaError, NotReadError
from detector.formats import SIGNATURE_BYTES, is_targa
from detector.frames.memory import check_webp
from detector.frames.previews import find_preview, find_raw
from detector.frames.sharpest import PILLOW_ERRORS
from detector.frames.tiff import describe_samples, read_directories

PHOTO_FORMATS = (
    *("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "HEIF", "AVIF"),
    *("JPEG2000", "PPM", "PSD"),
)
SEQUENCE_BRAND, STILL_BRAND = b"avis", b"avif"
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class OpenedPhoto(NamedTuple):
    """A picture as it lies in its file."""

    image: Image.Image
    file: BinaryIO
    """What it was opened from: the file itself, or a preview that was taken out of it."""
    orientation: int = 1
    """How it has to be turned where it does not tell itself, 1 to 8 as in Exif."""
    note: str = ""
    """What its row is to say of it."""


@functools.cache
def register_formats() -> None:
    """Makes HEIF known to Pillow, once, and leaves the limit of size to `memory.py`, which counts bytes."""
    import pillow_heif

    Image.init()
    pillow_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = None


@contextmanager
def opened_photo(path: Path, max_bytes: int) -> Iterator[OpenedPhoto]:
    """The picture, of a camera raw its largest preview. Whatever is raised inside becomes MediaError."""
    register_formats()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of damaged metadata; the pixels decide here
        try:
            with path.open("rb") as file:
                photo = _open_raw(file) or _open(file, path, max_bytes)
                with photo.image:
                    yield photo
        except PILLOW_ERRORS as error:
            raise MediaError(_reason(error, path)) from error


def open_part(content: bytes) -> Image.Image:
    """A JPEG that was taken out of another file."""
    return open_image(io.BytesIO(content), formats=("JPEG",))


def open_still(photo: OpenedPhoto) -> OpenedPhoto | None:
    """The still of an animated AVIF, which its decoder shows when the file is of the other brand."""
    if photo.image.format != "AVIF":
        return None
    photo.file.seek(0)
    content = photo.file.read()
    if content[8:12] != SEQUENCE_BRAND:
        return None
    file = io.BytesIO(content[:8] + STILL_BRAND + content[12:])
    try:
        return OpenedPhoto(open_image(file, formats=("AVIF",)), file)
    except UnidentifiedImageError:  # it has none
        return None


def size_of(file: BinaryIO) -> int:
    """Bytes of a file."""
    return file.seek(0, io.SEEK_END)


def _open(file: BinaryIO, path: Path, max_bytes: int) -> OpenedPhoto:
    check_webp(file, max_bytes)
    file.seek(0)
    formats = ("TGA",) if is_targa(path, file.read(SIGNATURE_BYTES)) else PHOTO_FORMATS
    try:
        return OpenedPhoto(open_image(file, formats=formats), file)
    except UnidentifiedImageError as error:
        file.seek(0)
        if file.read(4) in TIFF_STARTS and (directories := read_directories(file)):
            told = describe_samples(directories)
            raise NotReadError(f"TIFF with {told}: not read by this tool") from error
        raise MediaError("damaged: what follows its first bytes is not understood") from error


def _open_raw(file: BinaryIO) -> OpenedPhoto | None:
    kind = find_raw(file)
    if not kind:
        return None
    preview = find_preview(file)
    if not preview:
        raise NotReadError(f"{kind} without a preview: not read by this tool")
    note = f"{kind}: looked at in its embedded preview of {preview.width} × {preview.height} pixels"
    try:
        image = open_image(preview.file, formats=("JPEG",))
    except UnidentifiedImageError as error:  # its own words name an object in memory
        raise MediaError(f"{kind}: damaged, its preview is not understood") from error
    return OpenedPhoto(image, preview.file, preview.orientation, note)


def in_words(error: BaseException) -> str:
    """What a decoder says of a damaged file, in one line."""
    if isinstance(error, OverflowError):  # Python's words for it are about Python
        return "a size in it is impossibly large"
    said = error.args[0] if error.args and isinstance(error.args[0], bytes) else str(error).encode()
    return " ".join(said.decode(errors="replace").split()) or type(error).__name__


def _reason(error: BaseException, path: Path) -> str:
    """Pillow's own words; no path of this machine is among them."""
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    return f"damaged: {in_words(error).replace(str(path), path.name)}"
