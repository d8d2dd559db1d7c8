"""An opened photo in, each picture in its file out, the one that viewers show first."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, cast

from PIL import Image

from detector.frames.photo_opening import OpenedPhoto, open_part
from detector.frames.sharpest import PILLOW_ERRORS

MP_ENTRIES = 0xB002  # CIPA DC-007, 5.2.3.3
NO_PICTURE = (b"hdrgm:", b"HDRGainMap", b"urn:iso:std:iso:ts:21496", b"epth", b"isparity", b"Matte")
"""In the metadata of what is no picture of its own: a gain map, a map of depth, a cut-out."""
METADATA_BYTES = 1 << 16


def find_pages(photo: OpenedPhoto, notes: list[str]) -> Iterator[OpenedPhoto]:
    """Each picture, not yet decoded; the one before may be closed when the next is asked for.

    What is not there, or cannot be opened, is passed over with a note. Raises what Pillow raises for the
    pages of a TIFF.
    """
    image = photo.image
    yield photo
    if image.format == "TIFF":
        for page in range(1, int(getattr(image, "n_frames", 1))):
            image.seek(page)
            yield photo
    elif image.format == "HEIF":
        primary = image.tell()
        for index in range(int(getattr(image, "n_frames", 1))):
            if index != primary:
                image.seek(index)
                yield photo
    elif image.format == "MPO":
        yield from _further_jpegs(photo, notes)


def _further_jpegs(photo: OpenedPhoto, notes: list[str]) -> Iterator[OpenedPhoto]:
    image, colour = photo.image, photo.image.mode
    entries = cast("Any", image).mpinfo[MP_ENTRIES]
    for index, entry in enumerate(entries[1:], start=1):
        if "Thumbnail" in entry["Attribute"]["MPType"]:
            continue
        try:
            image.seek(index)
            photo.file.seek(cast("Any", image).offset)
            content = photo.file.read(entry["Size"])
            part = open_part(content)
        except PILLOW_ERRORS:
            notes.append(f"its picture {index + 1} of {len(entries)} is missing or damaged")
            continue
        with closing(part):
            if not _is_picture(part, content, colour):
                continue
            yield OpenedPhoto(part, cast("Any", part).fp)


def _is_picture(part: Image.Image, content: bytes, colour: str) -> bool:
    """Whether it shows what a camera saw, rather than how bright or how far that was."""
    if part.mode == "L" and colour != "L":
        return False
    return not any(word in content[:METADATA_BYTES] for word in NO_PICTURE)
