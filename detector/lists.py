"""A list of paths as a program or person wrote it in, the paths out."""

import codecs
import os
from pathlib import Path

from detector.errors import UsageError

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # as PowerShell writes what is sent into a file


def read_paths(content: bytes) -> list[Path]:
    """The paths named in a text, one a line; empty lines are passed over.

    A byte-order mark says how it is written; without one it is in the bytes that the file system has. Zero
    bytes end the paths where there are some, as `find -print0` writes them. Raises UsageError for bad UTF-16.
    """
    if content.startswith(UTF_16):
        try:
            lines = content.decode("utf-16").split("\n")
        except UnicodeDecodeError as error:
            raise UsageError(f"the list of paths is no UTF-16: {error.reason}") from error
    else:
        end = b"\0" if b"\0" in content else b"\n"
        lines = [os.fsdecode(line) for line in content.removeprefix(codecs.BOM_UTF8).split(end)]
        if end == b"\0":
            return [Path(line) for line in lines if line]
    return [Path(line) for raw in lines if (line := raw.rstrip("\r"))]
