"""A camera raw in, the largest JPEG in it out: what the camera itself made of what its sensor saw."""

import io
import mmap
import struct
from typing import BinaryIO, NamedTuple

from detector.frames.tiff import ORIENTATION, is_raw, read_directories

RAW_SIGNATURES = {
    b"FUJIFILMCCD-RAW": "Fujifilm raw",
    b"IIU\0": "Panasonic raw",
    b"IIRO": "Olympus raw",
    b"IIRS": "Olympus raw",
    b"MMOR": "Olympus raw",
    b"FOVb": "Sigma raw",
    b"II\x1a\0\0\0HEAPCCDR": "Canon raw",
}
CR3_BRAND = b"crx "
START = b"\xff\xd8\xff"
DECODABLE = frozenset((0xC0, 0xC1, 0xC2))  # frames that libjpeg decodes; raws also hold lossless ones
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD8)))
MAX_SEGMENTS = 500
MAX_STARTS = 10_000
MAX_PREVIEW_BYTES = 64 << 20


class Preview(NamedTuple):
    """A JPEG inside another file."""

    file: BinaryIO
    width: int
    height: int
    orientation: int
    """Of the raw, for a preview that does not tell its own."""


def find_raw(file: BinaryIO) -> str:
    """What kind of camera raw a file is, by its content; "" for none."""
    file.seek(0)
    head = file.read(32)
    if head[4:12] == b"ftyp" + CR3_BRAND:
        return "Canon raw"
    for signature, name in RAW_SIGNATURES.items():
        if head.startswith(signature):
            return name
    if head[:4] in (b"II*\0", b"MM\0*"):
        return "camera raw" if head[8:10] == b"CR" or is_raw(read_directories(file)) else ""
    return ""


def find_preview(file: BinaryIO) -> Preview | None:
    """The JPEG with most pixels in a camera raw that can be decoded; None where there is none."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        best, start = (0, 0, 0), content.find(START)
        for _ in range(MAX_STARTS):
            if start < 0:
                break
            width, height = _jpeg_size(content, start)
            best = max(best, (width * height, start, width), key=lambda one: one[0])
            start = content.find(START, start + 3)
        pixels, start, width = best
        if not pixels:
            return None
        jpeg = io.BytesIO(content[start : start + MAX_PREVIEW_BYTES])
        directory = content.find(b"CMT1", 0, 1 << 16) + 4 if content[4:12] == b"ftyp" + CR3_BRAND else 0
    tags = read_directories(file, directory)
    orientation = tags[0].get(ORIENTATION, (1,))[0] if tags else 1
    return Preview(jpeg, width, pixels // width, orientation)


def _jpeg_size(content: mmap.mmap, start: int) -> tuple[int, int]:
    """Width and height of the JPEG that starts here; (0, 0) where none does that can be decoded."""
    at = start + 2
    for _ in range(MAX_SEGMENTS):
        head = content[at : at + 9]
        if len(head) < 9 or head[0] != 0xFF:
            break
        if head[1] in FRAMES:
            height, width = struct.unpack(">HH", head[5:9])
            return (width, height) if head[1] in DECODABLE and head[4] == 8 else (0, 0)
        if head[1] in (0xD8, 0xD9, 0xDA):
            break
        fill_or_alone = 1 if head[1] == 0xFF else 2 if head[1] in WITHOUT_LENGTH else 0
        at += fill_or_alone or 2 + struct.unpack(">H", head[2:4])[0]
    return 0, 0
