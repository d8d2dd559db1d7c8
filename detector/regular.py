"""A path in, what is there out; of files only those that have an end, which pipes and devices have not."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def find_mode(path: Path) -> int:
    """Kind of what a path or link leads to; 0 where that is nothing, or cannot be asked."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def is_link(path: Path) -> bool:
    """Whether it is one; not if that cannot be asked."""
    return os.path.islink(path)  # noqa: PTH114 (Path's raises for what may not be asked)


def open_regular(path: Path) -> BinaryIO:
    """A plain file to read; nothing else is waited for. Raises OSError."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise OSError(errno.EINVAL, "a pipe or a device, not a file", str(path))
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path) -> bytes:
    """All of such a file. Raises OSError."""
    with open_regular(path) as file:
        return file.read()
