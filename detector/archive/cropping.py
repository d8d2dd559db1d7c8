"""Photos and an archive in, which of its photos are cut out of them, or they out of it, out.

What hashes of parts make likely is looked at, where the archived file can still be read on this machine. What
cannot be looked at is told as a guess, and only where a part is as near as a copy must be.
"""

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.archive.matching import (
    ALIKE,
    CROPPED_HERE,
    CROPPED_THERE,
    PERHAPS,
    TURNED,
    Asked,
    Matches,
    keep_nearest,
    read_archived,
)
from detector.archive.store import WITHOUT_WINDOWS
from detector.comparing import Looking, Photo, count_looks, judge_pairs
from detector.copies import (
    HASH_BYTES,
    MAX_DISTANCE,
    PICTURE_COLUMNS,
    WINDOWS,
    Pictures,
    choose_bits,
    find_parts,
    read_windows,
)
from detector.pictures import is_cut_out
from detector.storage import is_remote

PHOTOS_AT_ONCE = 200_000  # of an archive, for memory: each has 15 hashes
PLACES = "SELECT path FROM places WHERE content = ? ORDER BY source, path LIMIT 100"
PHOTOS = f"""
SELECT content, {PICTURE_COLUMNS}, hashes FROM pictures JOIN windows USING (content)
WHERE content > ? AND frame_index = 0
AND typeof(hashes) = 'blob' AND length(hashes) = {HASH_BYTES * len(WINDOWS)}
ORDER BY content LIMIT {PHOTOS_AT_ONCE}
"""

log = logging.getLogger(__name__)


def find_likely(archive: sqlite3.Connection, asked: Asked, counted: NDArray[np.int64]) -> Iterator[Matches]:
    """Photos of the archive that may be cut out of one that is asked for, or it out of them; each perhaps
    several times.

    `counted` are the numbers of the contents that count. Raises ArchiveError when the archive is damaged.
    """
    rows = asked.windows.rows
    if not len(rows):
        return
    (lacking,) = archive.execute(WITHOUT_WINDOWS).fetchone()
    if lacking:
        log.warning("of %d archived photos cropped copies are known when they are added again", lacking)
    smaller, of_smaller, turned = asked.pictures.stack(rows)
    (archived,) = archive.execute("SELECT count(*) FROM windows").fetchone()
    bits = choose_bits(2 * len(smaller), archived * (len(WINDOWS) + 1))  # twice: the other way round, too
    for part, windows in _read_photos(archive):
        numbers = np.array([int(one) for one in part.contents], np.int64)
        kept = np.flatnonzero(np.isin(numbers, counted))
        larger = np.concatenate([part.hashes[kept][:, None], windows[kept]], axis=1)
        count = larger.shape[1]
        for query, place, apart in find_parts(smaller, larger.reshape(-1, HASH_BYTES), bits):
            here = np.where(place % count == 0, ALIKE, CROPPED_HERE + TURNED * turned[query])
            yield _pair_up(asked, rows[of_smaller[query]], numbers[kept[place // count]], apart, here)
        others, of_other, other_turned = part.stack(kept)
        parts, count = asked.windows.hashes.reshape(-1, HASH_BYTES), asked.windows.hashes.shape[1]
        for query, place, apart in find_parts(others, parts, bits):
            there = CROPPED_THERE + TURNED * other_turned[query]
            yield _pair_up(asked, rows[place // count], numbers[kept[of_other[query]]], apart, there)


def look_at_likely(
    archive: sqlite3.Connection,
    asked: Asked,
    likely: Matches,
    find_asked: Callable[[str], Photo],
    looking: Looking,
) -> tuple[Matches, Matches]:
    """Of likely ones, the most wanted first, those that are right, and those that could not be looked at but
    are as near as copies."""
    most = count_looks(len(asked.windows.rows))
    if len(likely) > most:
        log.warning("%d archived photos may be cropped copies, of which %d were looked at", len(likely), most)
        likely = likely.take(np.arange(most))
    pairs = []
    for number, content, cropped in zip(
        likely.asked.tolist(), likely.content.tolist(), likely.cropped.tolist(), strict=True
    ):
        part, whole = find_asked(asked.pictures.name(number)), _find_archived(archive, content)
        is_there = cropped in (CROPPED_THERE, CROPPED_THERE + TURNED)
        pairs.append((whole, part) if is_there else (part, whole))
    answers = judge_pairs(pairs, is_cut_out, looking, "looking for cropped copies in the archive")
    right = np.array([answer == (True,) for answer in answers], np.bool_)
    unseen = np.array([answer == () for answer in answers], np.bool_)
    near = likely.take(np.flatnonzero(unseen & (likely.distance <= MAX_DISTANCE) & (likely.cropped != ALIKE)))
    return likely.take(np.flatnonzero(right)), replace(near, cropped=near.cropped + PERHAPS)


def _find_archived(archive: sqlite3.Connection, content: int) -> Photo:
    """Its files on this machine: nothing is fetched because an archive of strangers says where."""
    (sha256,) = archive.execute("SELECT sha256 FROM contents WHERE content = ?", (content,)).fetchone()
    places = archive.execute(PLACES, (content,))
    paths = (Path(os.fsdecode(path)) for (path,) in places)
    return Photo(str(sha256), tuple(path for path in paths if not is_remote(path)))


def _read_photos(archive: sqlite3.Connection) -> Iterator[tuple[Pictures, NDArray[np.uint8]]]:
    """All photos with windows, so many at once, and these (n, k, 32)."""
    last = -1
    while True:
        stored: list[bytes] = []
        part = read_archived(_set_aside(archive.execute(PHOTOS, (last,)), stored))
        windows = read_windows(stored)
        if not len(part.contents):
            return
        last = int(part.contents[-1])
        yield part, windows


def _set_aside(rows: Iterator[tuple[Any, ...]], last_cells: list[bytes]) -> Iterator[tuple[object, ...]]:
    for *row, last in rows:
        last_cells.append(last)
        yield tuple(row)


def _pair_up(
    asked: Asked,
    pictures: NDArray[np.int64],
    contents: NDArray[np.int64],
    apart: NDArray[np.int64],
    cropped: NDArray[np.int64],
) -> Matches:
    first = np.zeros_like(contents)
    return keep_nearest(Matches(asked.pictures.content[pictures], contents, pictures, first, apart, cropped))
