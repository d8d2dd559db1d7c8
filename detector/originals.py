"""A content's hash and where it was found in, a frame of it out, if a file still has that content."""

import functools
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.errors import MediaError, UsageError
from detector.frames import read_frame_at
from detector.sources import Media, find_kind
from detector.storage import is_here, opened_here


def read_original(
    paths: Iterable[Path],
    sha256: str,
    frame_index: int,
    time_seconds: float,
    *,
    photo_side: int = 0,
    may_fetch: Callable[[Path], bool] = is_here,
) -> NDArray[np.uint8]:
    """A frame as it was scanned, upright RGB (height, width, 3), from the first path that still holds it.

    An object of a storage is read only where that may be done, and its copy removed: a report of strangers
    could name one whose owner then learns who opened it. With a `photo_side` a JPEG is decoded smaller, as in
    `Sampling`. Raises MediaError when none does.
    """
    why = "gone, or changed since the scan"
    for path in paths:
        if not may_fetch(path):
            why = "in a storage, of which only a scan of it fetches anything"
            continue
        try:
            with opened_here(path) as here:
                if _is_unchanged(here, sha256):
                    media = Media(here.parent, here.name, find_kind(here), here)
                    return read_frame_at(media, frame_index, time_seconds, photo_side=photo_side)
        except FileNotFoundError:
            continue
        except OSError as error:
            why = f"cannot be read: {error.strerror}"
        except UsageError as error:  # what reads such a storage is not installed
            why = str(error)
    raise MediaError(why)


def _is_unchanged(path: Path, sha256: str) -> bool:
    state = path.stat()
    if not stat.S_ISREG(state.st_mode) or not state.st_size:
        return False  # not opened: a pipe, or one of the system's own files, would never end
    try:
        return _hash(path, state.st_mtime_ns, state.st_size) == sha256
    except MediaError:
        return False


@functools.lru_cache(10_000)
def _hash(path: Path, _changed_ns: int, _size: int) -> str:
    return Media(path.parent, path.name, "other", path).sha256()
