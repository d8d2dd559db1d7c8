"""Media in, their hashes out, made by workers as in a scan, in which nothing is looked for."""

import threading
from collections.abc import Generator, Iterable, Iterator
from dataclasses import astuple

from detector.engines import scan_files
from detector.frames import Sampling
from detector.options import ScanOptions
from detector.settings import WorkerSettings
from detector.sources import Media
from detector.worker import FileResult

PHOTO_SIDE = 1024  # pixels: twice what a hash is made from
SECONDS_A_FILE = 3600.0


def hash_files(
    media: Iterable[Media], *, workers: int, stop: threading.Event
) -> Generator[FileResult, None, None]:
    """Results with the hashes of every frame that a scan would look at, as they are done."""
    settings = WorkerSettings(
        sampling=Sampling(photo_side=PHOTO_SIDE, max_seconds=SECONDS_A_FILE),
        worker_memory=ScanOptions().worker_memory,
    )
    return scan_files(media, settings, workers=workers, file_timeout=SECONDS_A_FILE, stop=stop)


def picture_rows(result: FileResult) -> Iterator[tuple[object, ...]]:
    """A content's hash and the columns of each of its pictures, as in the journal's `frames`."""
    return (
        (result.sha256, one.frame_index, one.time_seconds, *astuple(one.whole), *astuple(one.inside))
        for one in result.frames
    )
