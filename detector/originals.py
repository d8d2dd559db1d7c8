"""A content's hash and where it was found in, a frame of it out, if a file still has that content."""

import functools
import stat
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.errors import MediaError
from detector.frames import read_frame_at
from detector.sources import Media, find_kind


def read_original(
    paths: Iterable[Path], sha256: str, frame_index: int, time_seconds: float, *, photo_side: int = 0
) -> NDArray[np.uint8]:
    """A frame as it was scanned, upright RGB (height, width, 3), from the first path that still holds it.

    With a `photo_side` a JPEG is decoded smaller, as in `Sampling`. Raises MediaError when none does.
    """
    for path in paths:
        media = _unchanged(path, sha256)
        if media:
            return read_frame_at(media, frame_index, time_seconds, photo_side=photo_side)
    raise MediaError("gone, or changed since the scan")


def _unchanged(path: Path, sha256: str) -> Media | None:
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode) or _hash(path, state.st_mtime_ns, state.st_size) != sha256:
            return None
        return Media(path.parent, path.name, find_kind(path), path)
    except (OSError, MediaError):
        return None


@functools.lru_cache(10_000)
def _hash(path: Path, _changed_ns: int, _size: int) -> str:
    return Media(path.parent, path.name, "other", path).sha256()
