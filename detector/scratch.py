"""Folders that are needed as long as a process lives; what a killed one has left goes at the next start."""

import functools
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "fd-"  # short: Ray's sockets lie in such a folder, and a socket's path may have 107 characters
IN_USE = "flag-detector.lock"  # its lock is held by the process that the folder belongs to
INNER = "in"
FRESH_SECONDS = 60.0  # within which a folder may be made and not locked yet


@contextmanager
def scratch_folder(place: str = "") -> Iterator[Path]:
    """An empty folder for this user alone, in `place` or where temporary files go; gone afterwards.

    Before, folders of processes that were killed are removed. Raises OSError.
    """
    from filelock import FileLock

    place = place or tempfile.gettempdir()
    _remove_left(place)
    outer = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    lock = FileLock(outer / IN_USE, timeout=0, thread_local=False)
    lock.acquire()
    try:
        inner = outer / INNER
        inner.mkdir(0o700)
        yield inner
    finally:
        lock.release()
        shutil.rmtree(outer, ignore_errors=True)


def share_scratch(folder: Path) -> None:
    """Makes such a folder, if it is not there, which stays as long as any process that shares it lives.

    Raises OSError.
    """
    folder.mkdir(0o700, parents=True, exist_ok=True)
    if sys.platform != "win32":
        import fcntl

        lock = os.open(folder.parent / IN_USE, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_SH)  # held until this process ends


def is_scratch(folder: Path) -> bool:
    """Whether a folder is such a one, which is here for a while only."""
    return (folder.parent / IN_USE).is_file()


@functools.cache
def _remove_left(place: str) -> None:
    """Removes this user's folders there that no living process holds, be it in another container."""
    from filelock import FileLock, Timeout

    try:
        with os.scandir(place) as entries:
            found = [Path(entry.path) for entry in entries if entry.name.startswith(PREFIX)]
    except OSError:
        return  # it may be written to, not listed
    for outer in found:
        lock = outer / IN_USE
        try:
            if lock.is_symlink() or not _is_own(outer) or time.time() - lock.stat().st_mtime < FRESH_SECONDS:
                continue
            with FileLock(lock, timeout=0):
                shutil.rmtree(outer, ignore_errors=True)
        except (OSError, Timeout):
            continue  # gone meanwhile, no folder of ours, or in use


def _is_own(folder: Path) -> bool:
    return not folder.is_symlink() and (not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid())
