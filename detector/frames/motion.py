"""A photo's path in, the frames of what moves in the same file out: motion photos and picture sequences."""

import mmap
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

from detector.errors import MediaError
from detector.frames.boxes import walk_boxes
from detector.frames.frame import Coverage, Frame, Sampling
from detector.frames.videos import read_video

JPEG_START = b"\xff\xd8\xff"
FILE_TYPE = b"ftyp"
MAX_FILE_TYPE_BYTES = 1024
FOLLOWING = frozenset(
    (b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"moof", b"styp", b"sidx", b"mfra")
)
"""Boxes of a video behind its first (ISO/IEC 14496-12)."""
SAMSUNG_AND_GOOGLE = b"mpvd"  # the box of a HEIC that holds a video
MAX_TRIES = 1000  # of places that look like the start of a video
MAX_MOVING_BYTES, COPIED_AT_ONCE = 1 << 30, 1 << 20


class MovingPart(NamedTuple):
    """Where a video lies in a photo's file; without a still, it is all that the file shows."""

    start: int
    end: int
    stills: tuple[int, ...] = ()
    """Places of the names of boxes that describe stills, which a video reader must not see."""


def read_moving_part(path: Path, sampling: Sampling, coverage: Coverage) -> Iterator[Frame]:
    """The frames of the video in a photo's file, numbered on from its pictures. Raises MediaError.

    Its time counts from its own start; its page is the one behind the pictures.
    """
    with path.open("rb") as file:
        part = find_moving_part(file)
        if not part:
            return
        if part.end - part.start > MAX_MOVING_BYTES:
            coverage.notes.append("its moving part is not looked at: too large")
            return
        before = coverage.frames_read
        with tempfile.TemporaryDirectory(prefix="detector-") as folder:
            video = Path(folder) / "moving.mp4"
            _copy(file, part, video)
            own = Coverage("video")
            try:
                for frame in read_video(video, sampling, own):
                    yield replace(frame, index=before + frame.index, page=before)
            except MediaError as error:
                raise MediaError(f"its moving part: {error}") from error
            finally:
                coverage.frames_unreadable += own.frames_unreadable
                coverage.read_seconds, coverage.declared_seconds = own.read_seconds, own.declared_seconds


def has_stills(path: Path) -> bool:
    """Whether a photo's file holds pictures besides what moves; a sequence alone (HEICS) has none."""
    with path.open("rb") as file:
        if file.read(8)[4:] != FILE_TYPE:
            return True
        return {b"meta", b"moov"} & {box.name for box in walk_boxes(file)} != {b"moov"}


def find_moving_part(file: BinaryIO) -> MovingPart | None:
    """Where the video lies behind a JPEG, or in a HEIF or AVIF file; None where there is none."""
    file.seek(0)
    head = file.read(12)
    if head.startswith(JPEG_START):
        return _behind_jpeg(file)
    if head[4:8] != FILE_TYPE:
        return None
    boxes = list(walk_boxes(file))
    for box in boxes:
        if box.name == SAMSUNG_AND_GOOGLE:
            return MovingPart(box.start, box.end)
    if not any(box.name == b"moov" for box in boxes):
        return None
    return MovingPart(0, boxes[-1].end, tuple(box.start - 4 for box in boxes if box.name == b"meta"))


def _behind_jpeg(file: BinaryIO) -> MovingPart | None:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(FILE_TYPE)
        for _ in range(MAX_TRIES):
            if at < 0:
                return None
            start = at - 4
            size = struct.unpack(">I", content[start:at])[0] if start > 0 else 0
            if 8 < size <= MAX_FILE_TYPE_BYTES and content[start + size + 4 : start + size + 8] in FOLLOWING:
                break
            at = content.find(FILE_TYPE, at + 4)
        else:
            return None
    end = start + size
    for box in walk_boxes(file, end):
        if box.name not in FOLLOWING:
            break
        end = box.end
    return MovingPart(start, end)


def _copy(file: BinaryIO, part: MovingPart, to: Path) -> None:
    file.seek(part.start)
    left = part.end - part.start
    with to.open("w+b") as copy:
        while left > 0 and (content := file.read(min(left, COPIED_AT_ONCE))):
            copy.write(content)
            left -= len(content)
        for place in part.stills:
            copy.seek(place - part.start)
            copy.write(b"free")
