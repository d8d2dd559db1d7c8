"""A file in the structure of TIFF (also camera raws) in, the tags of its directories out, without pixels."""

import struct
from typing import BinaryIO

MAX_DIRECTORIES = 64
MAX_TAGS = 1000
MAX_VALUES = 16
SIZES = {1: (1, "B"), 3: (2, "H"), 4: (4, "I"), 13: (4, "I")}  # types of whole numbers, TIFF 6.0, page 15

SUB_DIRECTORIES = 330
PHOTOMETRIC = 262
BITS_PER_SAMPLE = 258
SAMPLES_PER_PIXEL = 277
SAMPLE_FORMAT = 339
ORIENTATION = 274
DNG_VERSION = 50706
SENSOR = frozenset((32803, 34892))  # photometric interpretations: colour filter array, linear raw
FLOATING = 3

Tags = dict[int, tuple[int, ...]]
"""Whole numbers by tag."""


def read_directories(file: BinaryIO, start: int = 0) -> list[Tags]:
    """Tags of each directory, those below others included; empty where the file has not this structure."""
    file.seek(start)
    head = file.read(8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if not order or len(head) < 8:
        return []
    waiting, seen, found = [int(struct.unpack(order + "I", head[4:])[0])], set[int](), list[Tags]()
    while waiting and len(found) < MAX_DIRECTORIES:
        at = waiting.pop(0)
        if not at or at in seen:
            continue
        seen.add(at)
        try:
            tags, following = _read_directory(file, start, at, order)
        except struct.error:
            continue
        found.append(tags)
        waiting += [*tags.get(SUB_DIRECTORIES, ()), following]
    return found


def is_raw(directories: list[Tags]) -> bool:
    """Whether these are the directories of a camera raw: what the sensor saw, with previews."""
    return any(DNG_VERSION in tags or tags.get(PHOTOMETRIC, (0,))[0] in SENSOR for tags in directories)


def describe_samples(directories: list[Tags]) -> str:
    """What kind of numbers the first picture's pixels are, for a reason."""
    tags = directories[0] if directories else {}
    bits = tags.get(BITS_PER_SAMPLE, (1,))[0]
    samples = tags.get(SAMPLES_PER_PIXEL, (1,))[0]
    kind = "floating point" if tags.get(SAMPLE_FORMAT, (1,))[0] == FLOATING else "whole numbers"
    return f"{samples} × {bits} bits a pixel, {kind}"


def _read_directory(file: BinaryIO, start: int, at: int, order: str) -> tuple[Tags, int]:
    file.seek(start + at)
    (count,) = struct.unpack(order + "H", file.read(2))
    entries = file.read(12 * min(count, MAX_TAGS))
    (following,) = struct.unpack(order + "I", file.read(4)) if count <= MAX_TAGS else (0,)
    tags: Tags = {}
    for offset in range(0, len(entries) - 11, 12):
        tag, kind, number = struct.unpack_from(order + "HHI", entries, offset)
        if kind not in SIZES or not 0 < number <= MAX_VALUES:
            continue
        size, letter = SIZES[kind]
        raw = entries[offset + 8 : offset + 12]
        if size * number > 4:
            file.seek(start + struct.unpack(order + "I", raw)[0])
            raw = file.read(size * number)
        tags[tag] = struct.unpack_from(f"{order}{number}{letter}", raw)
    return tags, int(following)
