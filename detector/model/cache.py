"""A name in, this user's folder out for what can be made again at any time."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

MAX_FILES = 64  # in such a folder; compiled networks have some 11 MB


def cache_folder(name: str) -> Path | None:
    """A folder that only this user can write, the oldest of many files removed; None where there is none."""
    from platformdirs import user_cache_path

    folder = user_cache_path("flag-detector") / name
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        if not _is_own(folder):
            return None  # what others may have put there would be run
        with tempfile.TemporaryFile(dir=folder):
            pass
        dated = sorted((path.stat().st_mtime, path) for path in folder.iterdir())
    except OSError:
        return None
    for _, path in dated[:-MAX_FILES]:
        with suppress(OSError):  # another scan was quicker
            path.unlink()
    return folder


def _is_own(folder: Path) -> bool:
    if os.name == "nt":
        return True  # below the user's profile
    found = folder.stat()
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
