"""A video's path in, where recordings begin that were appended to the first out.

Recorders that are stopped and started again, and people with `cat`, append whole files. Of Matroska,
transport streams, program streams, AVI, Ogg and DV FFmpeg reads on by itself; of the containers here it reads
the first recording alone.
"""

import functools
import mmap
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

from detector.formats import SIGNATURE_BYTES, find_container
from detector.frames.boxes import walk_boxes

MAX_PARTS = 100  # of one file that are looked at
HEADS = {
    "asf": (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c",),
    "flv": tuple(b"FLV\x01" + bytes([tracks]) + b"\0\0\0\x09\0\0\0\0" for tracks in (1, 4, 5)),
    "ivf": (b"DKIF\0\0\x20\0",),
    "mxf": tuple(
        b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02" + bytes([how]) for how in range(1, 5)
    ),
    "nut": (b"nut/multimedia container\0",),
    "rm": (b".RMF\0\0\0\x12",),
    "wtv": (b"\xb7\xd8\x00\x20\x37\x49\xda\x11\xa6\x4e\x00\x07\xe9\x5e\xad\x8d",),
    "yuv4mpegpipe": (b"YUV4MPEG2 ",),
}
"""What a file of each container begins with, long enough not to be met by chance."""


class Part(NamedTuple):
    """Where a recording lies in its file, in bytes; the last one ends at 0, which is the file's end."""

    start: int
    end: int


def find_parts(path: Path) -> tuple[Part, ...]:
    """The recordings in a video's file, one in almost every one; of very many the first."""
    status = path.stat()
    return _find_parts(path, status.st_mtime_ns, status.st_size)


@functools.lru_cache(16)
def _find_parts(path: Path, _changed_ns: int, size: int) -> tuple[Part, ...]:
    with path.open("rb") as file:
        container = find_container(file.read(SIGNATURE_BYTES))
        if container == "mov":
            starts = _starts_in_boxes(file)
        elif container in HEADS:
            starts = _starts_of(file, HEADS[container])
        else:
            starts = [0]
    return tuple(Part(start, end % size) for start, end in pairwise([*starts[: MAX_PARTS + 1], size]))


def _starts_in_boxes(file: BinaryIO) -> list[int]:
    """A recording begins with its file type, and has an index before the next one begins."""
    starts, is_whole = [0], False
    for box in walk_boxes(file):
        if box.name == b"moov":
            is_whole = True
        elif box.name == b"ftyp" and is_whole:
            starts.append(box.start - 8)
            is_whole = False
    return starts if is_whole else starts[: max(len(starts) - 1, 1)]


def _starts_of(file: BinaryIO, heads: tuple[bytes, ...]) -> list[int]:
    starts = [0]
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for head in heads:
            at = content.find(head, 1)
            while at >= 0 and len(starts) <= MAX_PARTS * len(heads):
                starts.append(at)
                at = content.find(head, at + len(head))
    return sorted(starts)
