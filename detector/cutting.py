"""Photos of a report in, which are copies though they look different: what hashes make likely is looked at.

One is cut out of the other, or has another flag painted over nearly all of it.
"""

import logging
import sqlite3
from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from detector.comparing import Judge, Looking, count_looks, find_photo, judge_pairs
from detector.copies import (
    HASH_BYTES,
    WINDOWS,
    Pictures,
    Windows,
    choose_bits,
    find_alike,
    find_cuts,
    have_same_edges,
)
from detector.pictures import is_cut_out

AT_ONCE = 100_000  # photos of which the windows are looked through, for memory
MAX_FILLED = 20_000  # photos that a flag fills; each is compared with each, which takes minutes for as many

log = logging.getLogger(__name__)


def find_cut_out(
    connection: sqlite3.Connection,
    pictures: Pictures,
    is_video: NDArray[np.bool_],
    labels: NDArray[np.int64],
    looking: Looking,
) -> NDArray[np.int64]:
    """Pairs (m, 2) of contents, photos of which one is cut out of the other.

    `labels` (n,) are the clusters of the pictures: of each the largest photo is compared. Views are defined.
    """
    rows = _choose_photos(connection, pictures, is_video, labels, "windows", len(WINDOWS))
    contents = pictures.content[rows]
    hashes, numbers, _ = pictures.stack(rows)
    blocks = (
        Windows(block.rows, np.concatenate([pictures.hashes[rows[block.rows], None], block.hashes], axis=1))
        for block in _read_hashes(connection, pictures, contents, "windows", len(WINDOWS))
    )
    likely = find_cuts(hashes, numbers, blocks, choose_bits(len(hashes), len(rows) * (1 + len(WINDOWS))))
    return _look(connection, pictures, contents, likely, is_cut_out, looking, "looking for cropped copies")


def find_painted_over(
    connection: sqlite3.Connection,
    pictures: Pictures,
    is_video: NDArray[np.bool_],
    labels: NDArray[np.int64],
    looking: Looking,
) -> NDArray[np.int64]:
    """The same for photos that show little but a flag, of which one has another flag in the same folds."""
    rows = _choose_photos(connection, pictures, is_video, labels, "edges", 1)
    if len(rows) > MAX_FILLED:
        log.warning(
            "%d photos that a flag fills are too many to look for repainted ones among them", len(rows)
        )
        rows = rows[:0]
    contents = pictures.content[rows]
    edges = np.empty((len(rows), HASH_BYTES), np.uint8)
    for block in _read_hashes(connection, pictures, contents, "edges", 1):
        edges[block.rows] = block.hashes[:, 0]
    likely = find_alike(edges)
    return _look(
        connection, pictures, contents, likely, have_same_edges, looking, "looking for repainted flags"
    )


def _choose_photos(
    connection: sqlite3.Connection,
    pictures: Pictures,
    is_video: NDArray[np.bool_],
    labels: NDArray[np.int64],
    column: str,
    hash_count: int,
) -> NDArray[np.int64]:
    """Rows (m,) of the largest photo of each cluster, of those with anything to recognise, that have so many
    hashes in this column of `frames`."""
    size = np.full(len(pictures.contents), -1)
    sizes = connection.execute(
        "SELECT sha256, width * height FROM frames JOIN results USING (sha256) "
        f"WHERE frame_index = 0 AND length({column}) = ? ORDER BY sha256",
        (HASH_BYTES * hash_count,),
    )
    while part := sizes.fetchmany(AT_ONCE):
        numbers = pictures.numbers([sha256 for sha256, _ in part])
        known = numbers >= 0
        size[numbers[known]] = np.array([pixels for _, pixels in part])[known]
    count = len(pictures.content)
    clear = pictures.usable[:count] | pictures.usable[count:]
    wanted = clear & (pictures.frame_index == 0) & ~is_video[pictures.content] & (size[pictures.content] >= 0)
    rows = np.flatnonzero(wanted)
    rows = rows[np.argsort(-size[pictures.content[rows]], kind="stable")]
    return rows[np.unique(labels[rows], return_index=True)[1]]


def _read_hashes(
    connection: sqlite3.Connection,
    pictures: Pictures,
    contents: NDArray[np.int64],
    column: str,
    hash_count: int,
) -> Iterator[Windows]:
    """What photos have in this column of `frames`, so many at once; their numbers are among these contents.

    All is read in order of the contents' names, which is much faster than one after the other.
    """
    places = np.full(len(pictures.contents) + 1, -1)  # the last for what is no content
    places[contents] = np.arange(len(contents))
    stored = connection.execute(
        f"SELECT sha256, {column} FROM frames WHERE frame_index = 0 AND length({column}) = ? ORDER BY sha256",
        (HASH_BYTES * hash_count,),
    )
    while part := stored.fetchmany(AT_ONCE):
        found = places[pictures.numbers([sha256 for sha256, _ in part])]
        wanted = np.flatnonzero(found >= 0)
        hashes = b"".join([part[row][1] for row in wanted.tolist()])
        shape = (len(wanted), hash_count, HASH_BYTES)
        yield Windows(found[wanted], np.frombuffer(hashes, np.uint8).reshape(shape))


def _look(
    connection: sqlite3.Connection,
    pictures: Pictures,
    contents: NDArray[np.int64],
    likely: list[tuple[int, int]],
    judge: Judge[bool],
    looking: Looking,
    purpose: str,
) -> NDArray[np.int64]:
    """Of likely pairs, of numbers of these contents, those of which the judge says so."""
    most = count_looks(len(contents))
    if len(likely) > most:
        log.warning("%s: %d pairs are likely, of which %d were looked at", purpose, len(likely), most)
    pairs = contents[np.array(likely[:most], np.int64).reshape(-1, 2)]
    find = partial(find_photo, connection, looking.may_fetch)
    photos = [
        (find(first), find(second)) for first, second in zip(*map(pictures.names, pairs.T), strict=True)
    ]
    answers = judge_pairs(photos, judge, looking, purpose)
    return pairs[[answer == (True,) for answer in answers]].reshape(-1, 2)
