"""Pairs of photos of a report in, what a closer look at each says out; looked at by worker processes."""

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from detector.engines import find_answers
from detector.errors import MediaError, WorkersError
from detector.options import CORES, ScanOptions
from detector.originals import read_original
from detector.pictures import PART_SIDE, NoHold, shrink
from detector.storage import is_here, is_remote

PAIR_SECONDS = 60.0  # after which a pair is given up; most take a tenth of a second
FETCH_SECONDS = 600.0  # more, where photos lie in a storage, which may make them wait
MIN_LOOKED_AT = 1000  # pairs, if there are as many; each takes about a tenth of a second of a processor
PHOTOS_A_LOOK = 10  # for larger reports one pair for so many photos
KEPT = 64  # small pictures that each worker keeps, of about a megabyte

Image = NDArray[np.uint8]
Answer = TypeVar("Answer")
Judge = Callable[[Image, Image], Answer]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Looking:
    """How photos are looked at once more."""

    workers: int
    memory: float
    """Gigabytes that each may take."""
    report_count: Callable[[str, int, int], None]
    """Is told for what, how many pairs were looked at, and of how many."""
    stop: threading.Event
    """When set, no other pair is looked at."""
    may_fetch: Callable[[Path], bool] = is_here
    """Which files in a storage are fetched for that; none unless it is said."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A content, and where files lay that had it; those in a storage are fetched."""

    sha256: str
    paths: tuple[Path, ...]


def look_quietly() -> Looking:
    """With all cores, to the end, and nobody is told how far it is."""
    return Looking(CORES, ScanOptions().worker_memory, lambda *_: None, threading.Event())


def find_photo(connection: sqlite3.Connection, may_fetch: Callable[[Path], bool], sha256: str) -> Photo:
    """A photo of a report of which the views are defined; with those of its files that may be read."""
    paths = connection.execute("SELECT path FROM temp.files WHERE sha256 = ? ORDER BY path", (sha256,))
    found = (Path(os.fsdecode(path)) for (path,) in paths)
    return Photo(sha256, tuple(filter(may_fetch, found)))


def count_looks(photos: int) -> int:
    """How many pairs are looked at, of so many photos: more may be likely."""
    return max(MIN_LOOKED_AT, photos // PHOTOS_A_LOOK)


def judge_pairs(
    pairs: Sequence[tuple[Photo, Photo]],
    judge: Judge[Answer],
    looking: Looking,
    purpose: str,
) -> list[tuple[Answer, ...]]:
    """What `judge` says of each pair of photos, shrunk to `PART_SIDE`.

    () where it is not known: one of them is gone, they have too little in common, or it could not be found
    out, be it that the worker crashed or hung. Who stops it does not wait.
    """
    works = [partial(_judge, judge, first, second) for first, second in pairs]
    counted = partial(looking.report_count, purpose)
    fetched = any(is_remote(path) for pair in pairs for photo in pair for path in photo.paths)
    answers = find_answers(
        works,
        workers=looking.workers,
        memory=looking.memory,
        seconds=PAIR_SECONDS + FETCH_SECONDS * fetched,
        report_count=counted,
        stop=looking.stop,
    )
    found: list[tuple[Answer, ...]] = [()] * len(pairs)
    try:
        for number, answer in answers:
            found[number] = answer
    except WorkersError as error:
        log.warning("not all copies were compared: %s", error)
    return found


def _judge(judge: Judge[Answer], first: Photo, second: Photo) -> tuple[Answer, ...]:
    try:
        return (judge(_read(first), _read(second)),)
    except (MediaError, NoHold):
        return ()


@lru_cache(KEPT)
def _read(photo: Photo) -> Image:
    image = read_original(photo.paths, photo.sha256, 0, 0.0, photo_side=PART_SIDE, may_fetch=lambda _: True)
    return shrink(image, PART_SIDE)
