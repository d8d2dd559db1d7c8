"""A file in boxes (ISO/IEC 14496-12: HEIF, AVIF, JPEG 2000) in, where its parts lie and what they say out."""

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MAX_BOXES = 10_000  # walked through in one folder of boxes
MAX_PROPERTIES_BYTES = 1 << 20  # read of one box


class Box(NamedTuple):
    """A box without its head."""

    name: bytes
    start: int
    end: int


def walk_boxes(file: BinaryIO, start: int = 0, end: int = -1) -> Iterator[Box]:
    """The boxes that follow each other from `start` on, as far as they are sound."""
    end = file.seek(0, 2) if end < 0 else end
    for _ in range(MAX_BOXES):
        if start + 8 > end:  # asked first: a size may name a place that no file can have
            return
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, name = struct.unpack(">I4s", head[:8])
        begin = start + 8
        if size == 1 and len(head) == 16:
            (size,), begin = struct.unpack(">Q", head[8:]), start + 16
        elif size == 0:
            size = end - start
        if start + size < begin:
            return
        yield Box(name, begin, min(start + size, end))
        start += size


def find_box(file: BinaryIO, *names: bytes) -> Box | None:
    """The first box of the last name inside the first of the name before, and so on."""
    inside = Box(b"", 0, -1)
    for name in names:
        found = next((box for box in walk_boxes(file, inside.start, inside.end) if box.name == name), None)
        if not found:
            return None
        inside = found._replace(start=found.start + 4) if name == b"meta" else found
    return inside


def read_nclx(file: BinaryIO) -> tuple[int, int]:
    """Code points (H.273) of the primary picture's colour primaries and transfer; (2, 2) for none."""
    primary, held, linked = (
        find_box(file, b"meta", *names) for names in ((b"pitm",), (b"iprp", b"ipco"), (b"iprp", b"ipma"))
    )
    if not primary or not held or not linked:
        return 2, 2
    properties = list(walk_boxes(file, held.start, held.end))
    try:
        wanted = _primary_id(_read(file, primary))
        for index in _links(_read(file, linked), wanted):
            if 0 < index <= len(properties) and properties[index - 1].name == b"colr":
                content = _read(file, properties[index - 1])
                if content.startswith(b"nclx"):
                    first, second = struct.unpack(">HH", content[4:8])
                    return first, second
    except (struct.error, IndexError):
        pass
    return 2, 2


def read_jp2_profile(file: BinaryIO) -> bytes:
    """The ICC profile of a JPEG 2000 file (ISO/IEC 15444-1, I.5.3.3), empty where it has none."""
    box = find_box(file, b"jp2h", b"colr")
    content = _read(file, box) if box else b""
    return content[3:] if content[:1] == b"\x02" else b""


def _read(file: BinaryIO, box: Box) -> bytes:
    file.seek(box.start)
    return file.read(min(box.end - box.start, MAX_PROPERTIES_BYTES))


def _primary_id(content: bytes) -> int:
    return int(
        struct.unpack(">I" if content[:1] == b"\x01" else ">H", content[4 : 8 if content[0] else 6])[0]
    )


def _links(content: bytes, wanted: int) -> list[int]:
    """Numbers, from 1, of the properties that belong to an item."""
    (entries,) = struct.unpack(">I", content[4:8])
    id_format, wide = (">I" if content[0] else ">H"), content[3] & 1
    at = 8
    for _ in range(min(entries, MAX_BOXES)):
        (item,) = struct.unpack_from(id_format, content, at)
        at += struct.calcsize(id_format)
        (count,) = struct.unpack_from(">B", content, at)
        numbers = struct.unpack_from(f">{count}{'H' if wide else 'B'}", content, at + 1)
        at += 1 + count * (2 if wide else 1)
        if item == wanted:
            return [number & (0x7FFF if wide else 0x7F) for number in numbers]
    return []
