"""Names and contents in, files of a report out: each whole or not at all, and never behind a link."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from detector.errors import ReportFolderError

HALF = ".half-"  # begins the names of files that are being written
FULL = frozenset((errno.ENOSPC, errno.EDQUOT))


@contextmanager
def replacing(out: Path, name: str) -> Iterator[BinaryIO]:
    """A file that takes the place of `name` in a report folder when all is written.

    Raises ReportFolderError when it cannot be written, or would lie behind a link.
    """
    path = out / name
    try:
        _make_folder(out, path.parent)
        half = path.with_name(HALF + secrets.token_hex(8))  # a name that nobody can have put a link at
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
            half.replace(path)
        except BaseException:
            half.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ReportFolderError(say_unwritable(path, error)) from error


def remove_half_written(out: Path) -> None:
    """Removes what `replacing` left in a report folder and the folders in it when it was killed."""
    for half in [*out.glob(f"{HALF}*"), *out.glob(f"*/{HALF}*")]:
        half.unlink(missing_ok=True)


def say_unwritable(path: Path, error: OSError) -> str:
    """What is wrong with a place that cannot be written to, and what to do."""
    what = f"{path} cannot be written: {error.strerror or error}"
    if error.errno in FULL:
        return f"{what}. Free some space and run the same command again: it goes on where it ended"
    return what


def _make_folder(out: Path, folder: Path) -> None:
    """Makes the folder; it and those between it and the report must not be links."""
    folder.mkdir(0o700, parents=True, exist_ok=True)
    while folder != out:
        if folder.is_symlink():
            raise ReportFolderError(f"{folder} is a link; nothing is written behind it, remove it")
        folder = folder.parent
