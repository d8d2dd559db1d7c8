"""A sidecar's path in, its content out: bounded in bytes, depth and time, whatever a stranger put there."""

import itertools
import json
import lzma
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

MAX_BYTES = 16 * 2**20  # of a sidecar about one post, packed and unpacked; honest ones have up to 1 MB
MAX_LINES_BYTES = 512 * 2**20  # of a file with a post a line, read line by line
MAX_XZ_MEMORY = 128 * 2**20  # unpacking at xz's strongest setting takes 65 MB (man xz)


DECODER = json.JSONDecoder(strict=False)
BETWEEN = re.compile(r"\s*")


class SidecarError(Exception):
    """A sidecar cannot be read; the message becomes the warning in the rows it could have told about."""


def load_values(path: Path) -> Iterator[object]:
    """Values of a `.json`, `.jsonl` or `.json.xz` file: one, one a line, or several one after the other.

    Bytes that are not UTF-8 become U+FFFD; of equal keys the last counts; NaN is let through. Raises
    SidecarError; values given out before are sound.
    """
    try:
        with path.open("rb") as file:
            if path.suffix != ".xz" and _has_lines(file):
                yield from _read_lines(file)
                return
            content = _read_whole(file)
    except OSError as error:
        raise SidecarError(f"cannot be read: {error.strerror}") from error
    if path.suffix == ".xz":
        content = _unpack(content)
    text = content.decode("utf-8-sig", "replace").strip()
    end = 0
    while end < len(text) or not end:
        value, end = parse_json(text, end)
        yield value


def load_bytes(path: Path) -> bytes:
    """Whole content. Raises SidecarError when it cannot be read, is empty or larger than MAX_BYTES."""
    try:
        with path.open("rb") as file:
            return _read_whole(file)
    except OSError as error:
        raise SidecarError(f"cannot be read: {error.strerror}") from error


def _read_whole(file: BinaryIO) -> bytes:
    size = os.fstat(file.fileno()).st_size  # reading more than that would set aside the memory for it
    content = file.read(min(size, MAX_BYTES) + 1)
    if len(content) > MAX_BYTES:
        raise SidecarError(f"larger than {MAX_BYTES // 2**20} MB")
    if not content:
        raise SidecarError("empty")
    return content


def _has_lines(file: BinaryIO) -> bool:
    """Whether the first line is an object of its own and others follow; back at its start afterwards."""
    line = file.readline(MAX_BYTES)
    follows = bool(file.read(1))
    file.seek(0)
    if not follows or not line.rstrip().endswith(b"}"):
        return False
    try:
        parse_json(line.decode("utf-8-sig", "replace").strip())
    except SidecarError:
        return False  # to be said by who reads the whole
    return True


def _read_lines(file: BinaryIO) -> Iterator[object]:
    if os.fstat(file.fileno()).st_size > MAX_LINES_BYTES:
        raise SidecarError(f"larger than {MAX_LINES_BYTES // 2**20} MB")
    for number in itertools.count(1):
        line = file.readline(MAX_BYTES)
        if not line:
            return
        if text := line.decode("utf-8-sig", "replace").strip():
            try:
                yield parse_json(text)[0]
            except SidecarError as error:
                raise SidecarError(f"line {number}: {error}") from error


def parse_json(text: str, start: int = 0) -> tuple[object, int]:
    """A value and where the next one may begin.

    Raises SidecarError for what is not JSON, is nested too deeply or holds a number of 4,300 digits.
    """
    try:
        value, end = DECODER.raw_decode(text, start)
        return value, BETWEEN.match(text, end).end()  # type: ignore[union-attr]
    except json.JSONDecodeError as error:
        raise SidecarError(f"not JSON: {error.msg} at line {error.lineno}") from error
    except RecursionError as error:
        raise SidecarError("nested too deeply") from error
    except ValueError as error:
        raise SidecarError("a number in it is too long") from error


def _unpack(content: bytes) -> bytes:
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_XZ_MEMORY)
    try:
        unpacked = unpacker.decompress(content, MAX_BYTES + 1)
    except lzma.LZMAError as error:
        raise SidecarError("damaged xz file") from error
    if len(unpacked) > MAX_BYTES:
        raise SidecarError(f"larger than {MAX_BYTES // 2**20} MB when unpacked")
    if not unpacker.eof:
        raise SidecarError("the xz file breaks off")
    return unpacked
