"""Photos in, frames out, through Pillow: one for each picture in the file, or those of an animation."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import cv2
from PIL import ExifTags, Image, ImageFile

from detector.errors import MediaError
from detector.frames.animations import is_animated, read_animated
from detector.frames.frame import Coverage, Frame, Sampling
from detector.frames.memory import check_memory, find_needed_bytes
from detector.frames.pages import find_pages
from detector.frames.photo_opening import OpenedPhoto, in_words, open_still, opened_photo, size_of
from detector.frames.pixels import read_pixels
from detector.frames.profiles import find_conversion
from detector.frames.sharpest import PILLOW_ERRORS, Candidate, pick_sharpest, whole_frame

REDUCTIONS = (1, 2, 4, 8)  # libjpeg decodes at these shares of the sides
LONG_RATIO = 3.0  # pictures longer than that are looked at piece by piece (model/pieces.py)
SAME_LEVELS = 2.0  # of 255, between pictures that are the same but for how they were encoded
UTC_OFFSET = re.compile(r"[+-]\d\d:\d\d|Z")


def read_photo(path: Path, sampling: Sampling, coverage: Coverage) -> Iterator[Frame]:
    """The frames of a photo, one for each picture in it, or of an animated picture. Raises MediaError."""
    give_up_at = time.monotonic() + sampling.max_seconds
    with opened_photo(path, sampling.photo_bytes) as photo:
        if photo.note:
            coverage.notes.append(photo.note)
        if is_animated(photo.image):
            coverage.kind = "video"
            candidates = _animation(photo, sampling, coverage)
            for candidate in pick_sharpest(candidates, sampling.every_seconds):
                yield whole_frame(candidate)
            yield from _cover(photo, sampling, coverage)
            return
        coverage.captured_at = _capture_time(photo.image)
        for number, page in enumerate(find_pages(photo, coverage.notes)):
            if number and time.monotonic() > give_up_at:
                raise MediaError(f"stopped by the time limit after {number} pictures")
            yield from _read_page(number, page, sampling, coverage)


def read_animation(path: Path, sampling: Sampling) -> Iterator[Candidate]:
    """Every frame of an animated picture that `read_photo` has read before. Raises MediaError."""
    with opened_photo(path, sampling.photo_bytes) as photo:
        yield from _animation(photo, sampling, Coverage("video"))


def _animation(photo: OpenedPhoto, sampling: Sampling, coverage: Coverage) -> Iterator[Candidate]:
    image = photo.image
    needed = find_needed_bytes(image, size_of(photo.file))
    check_memory(needed, sampling.photo_bytes, image.size)
    convert = find_conversion(image, photo.file, coverage.notes)
    yield from read_animated(image, convert, sampling, coverage, needed)


def _cover(photo: OpenedPhoto, sampling: Sampling, coverage: Coverage) -> Iterator[Frame]:
    """The still that an animated AVIF shows where it is not played, unless its first frame is the same."""
    still = open_still(photo)
    if not still:
        return
    photo.image.seek(0)
    photo.image.load()
    first = read_pixels(photo.image, find_conversion(photo.image, photo.file, []))
    for frame in _read_page(1, still, sampling, coverage):
        if frame.image.shape != first.shape or cv2.absdiff(frame.image, first).mean() > SAME_LEVELS:
            yield replace(frame, index=int(getattr(photo.image, "n_frames", 1)))


def _read_page(number: int, page: OpenedPhoto, sampling: Sampling, coverage: Coverage) -> Iterator[Frame]:
    image = page.image
    whole_wh = image.size
    file_bytes = size_of(page.file)
    reduced_by = _choose_reduction(image, file_bytes, sampling)
    check_memory(find_needed_bytes(image, file_bytes, reduced_by), sampling.photo_bytes, whole_wh)
    convert = find_conversion(image, page.file, coverage.notes)
    if reduced_by > 1:
        image.draft(None, (max(whole_wh[0] // reduced_by, 1), max(whole_wh[1] // reduced_by, 1)))
    damage = ""
    try:
        image.load()
    except PILLOW_ERRORS as error:
        if image.format == "HEIF" and number:  # of a kind that is not decoded, as others in it are
            coverage.notes.append(f"its picture {number + 1} could not be read")
            return
        damage = in_words(error)
        coverage.frames_unreadable += 1
        with _truncated_allowed():
            image.load()
        if not image.getbbox():  # black: nothing was decoded
            raise MediaError(f"damaged: {damage}") from error
    decoded_wh = image.size
    pixels = read_pixels(image, convert, page.orientation)
    height, width = pixels.shape[:2]
    resolution_wh = (width, height)
    if reduced_by > 1 and decoded_wh != whole_wh:
        resolution_wh = whole_wh if (width, height) == decoded_wh else whole_wh[::-1]
    yield Frame(number, 0.0, pixels, resolution_wh, number)
    if damage:
        raise MediaError(f"damaged, seen only in part: {damage}")


def _choose_reduction(image: Image.Image, file_bytes: int, sampling: Sampling) -> int:
    """By how much a JPEG is decoded smaller: as far as enough pixels remain, and further to fit in memory."""
    if image.format not in ("JPEG", "MPO"):
        return 1
    chosen = 1
    for reduced_by in REDUCTIONS[1:]:
        long, short = max(image.size), min(image.size)
        enough = sampling.photo_side and min(long, LONG_RATIO * short) / reduced_by >= sampling.photo_side
        if enough or find_needed_bytes(image, file_bytes, chosen) > sampling.photo_bytes:
            chosen = reduced_by
    return chosen


def _capture_time(image: Image.Image) -> str:
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


@contextmanager
def _truncated_allowed() -> Iterator[None]:
    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
