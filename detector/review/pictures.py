"""A name that the journal knows in, a picture's bytes out: from the report or an original."""

import functools
import io
import os
import re
import stat
import threading
from pathlib import Path

from PIL import Image

from detector.errors import MediaError
from detector.originals import read_original
from detector.pictures import FRAME_LONG_SIDE, JPEG_QUALITY, protect, shrink
from detector.review.collection import Collection, ShownFrame

OURS = re.compile(r"(frames|crops|almost)/[0-9a-f]+(-\d+){1,2}\.jpg")  # as ids.py names them
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
        with os.fdopen(_open_inside(self._collection.folder, name), "rb") as picture:
            if not stat.S_ISREG(os.fstat(picture.fileno()).st_mode):
                raise OSError(f"{name} is no plain file")
            return picture.read()

    def of_original(self, frame_id: str, *, unblurred: bool = False) -> bytes:
        """A frame as it was scanned, without marks, faces hidden unless the report shows them, as a JPEG.

        `unblurred` shows them: to a reviewer on this machine, for a look; nothing of it is written.

        Raises KeyError for a frame the report does not have, MediaError when its file is gone or has changed.
        """
        frame = self._collection.frames[frame_id]
        with self._one_at_a_time:  # a large photo takes memory
            return self._read_original(frame, unblurred or self._collection.show_faces)

    def _read(self, frame: ShownFrame, show_faces: bool) -> bytes:
        content = self._collection.contents[frame.sha256]
        paths = [file.path for file in content.files]
        try:
            image = read_original(paths, frame.sha256, frame.frame_index, frame.time_seconds)
        except MediaError as error:
            raise MediaError(f"{content.files[0].name}: {error}") from error
        safe = protect(shrink(image, FRAME_LONG_SIDE), show_faces=show_faces)
        jpeg = io.BytesIO()
        Image.fromarray(safe).save(jpeg, "JPEG", quality=JPEG_QUALITY)
        return jpeg.getvalue()


def _open_inside(folder: Path, name: str) -> int:
    """A file opened without following a link. Raises OSError when there is one on the way."""
    if os.open not in os.supports_dir_fd:  # Windows
        path = folder.resolve() / name
        if path.resolve() != path:
            raise OSError(f"{name} is a link")
        return os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    parent, _, file = name.partition("/")
    inside = os.open(folder / parent, flags | os.O_DIRECTORY)
    try:
        return os.open(file, flags | os.O_NONBLOCK, dir_fd=inside)
    finally:
        os.close(inside)
