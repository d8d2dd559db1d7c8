"""A name that the journal knows in, a picture's bytes out: from the report or an original."""

import functools
import io
import os
import re
import stat
import threading
from pathlib import Path

from PIL import Image

from detector.annotate import FRAME_LONG_SIDE, JPEG_QUALITY, protect, shrink
from detector.errors import MediaError
from detector.frames import read_frame_at
from detector.review.collection import Collection, ReportFile, ShownFrame
from detector.sources import Media, find_kind

OURS = re.compile(r"(frames|crops|almost)/[0-9a-f]+(-\d+){1,2}\.jpg")  # as worker.py names them
KEPT = 64  # originals read lately


class Pictures:
    """Serves nothing but pictures that the collection names."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._names = frozenset(name for name in collection.pictures if OURS.fullmatch(name))
        self._one_at_a_time = threading.Lock()
        self._read_original = functools.lru_cache(KEPT)(self._read)

    def of_report(self, name: str) -> bytes:
        """A picture in the report. Raises KeyError for an unknown name, OSError when it is no plain file."""
        if name not in self._names:
            raise KeyError(name)
        folder, _, file = name.partition("/")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        inside = os.open(self._collection.folder / folder, flags | os.O_DIRECTORY)
        try:
            opened = os.open(file, flags | os.O_NONBLOCK, dir_fd=inside)
        finally:
            os.close(inside)
        with os.fdopen(opened, "rb") as picture:
            if not stat.S_ISREG(os.fstat(picture.fileno()).st_mode):
                raise OSError(f"{name} is no plain file")
            return picture.read()

    def of_original(self, frame_id: str) -> bytes:
        """A frame as it was scanned, without marks, faces hidden unless the report shows them, as a JPEG.

        Raises KeyError for a frame the report does not have, MediaError when its file is gone or has changed.
        """
        frame = self._collection.frames[frame_id]
        with self._one_at_a_time:  # a large photo takes memory
            return self._read_original(frame)

    def _read(self, frame: ShownFrame) -> bytes:
        content = self._collection.contents[frame.sha256]
        media = next((media for file in content.files if (media := _unchanged(file, frame.sha256))), None)
        if not media:
            raise MediaError(f"{content.files[0].name} is gone or has changed since the scan")
        image = read_frame_at(media, frame.frame_index, frame.time_seconds)
        safe = protect(shrink(image, FRAME_LONG_SIDE), show_faces=self._collection.show_faces)
        jpeg = io.BytesIO()
        Image.fromarray(safe).save(jpeg, "JPEG", quality=JPEG_QUALITY)
        return jpeg.getvalue()


def _unchanged(file: ReportFile, sha256: str) -> Media | None:
    """The file, if it still has this content."""
    try:
        state = file.path.stat()
        if not stat.S_ISREG(state.st_mode):
            return None
        media = Media(file.path.parent, file.name, find_kind(file.path), file.path)
        return media if _hash(file.path, state.st_mtime_ns, state.st_size) == sha256 else None
    except (OSError, MediaError):
        return None


@functools.lru_cache(10_000)
def _hash(path: Path, _changed_ns: int, _size: int) -> str:
    return Media(path.parent, path.name, "other", path).sha256()
