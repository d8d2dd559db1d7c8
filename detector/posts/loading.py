"""A sidecar's path in, its content out: bounded in bytes, depth and time, whatever a stranger put there."""

import json
import lzma
import os
from pathlib import Path

MAX_BYTES = 16 * 2**20  # of a sidecar about one post, packed and unpacked; honest ones have up to 1 MB
MAX_XZ_MEMORY = 128 * 2**20  # unpacking at xz's strongest setting takes 65 MB (man xz)


class SidecarError(Exception):
    """A sidecar cannot be read; the message becomes the warning in the rows it could have told about."""


def load_json(path: Path) -> object:
    """Content of a `.json` or `.json.xz` file. Bytes that are not UTF-8 become U+FFFD; of equal keys the last
    counts; NaN is let through. Raises SidecarError.
    """
    content = load_bytes(path)
    if path.suffix == ".xz":
        content = _unpack(content)
    return parse_json(content.decode("utf-8-sig", "replace"))


def load_bytes(path: Path) -> bytes:
    """Whole content. Raises SidecarError when it cannot be read, is empty or larger than MAX_BYTES."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size  # reading more than that would set aside the memory for it
            content = file.read(min(size, MAX_BYTES) + 1)
    except OSError as error:
        raise SidecarError(f"cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise SidecarError(f"larger than {MAX_BYTES // 2**20} MB")
    if not content:
        raise SidecarError("empty")
    return content


def parse_json(text: str) -> object:
    """Raises SidecarError for what is not JSON, is nested too deeply or holds a number of 4,300 digits."""
    try:
        return json.loads(text, strict=False)
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
