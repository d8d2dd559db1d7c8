"""Photos of a report in, which are copies though they look different: what hashes make likely is looked at.

One is cut out of the other, or has another flag painted over nearly all of it.
"""

import logging
import sqlite3
from functools import partial

import numpy as np
from numpy.typing import NDArray

from detector.comparing import Judge, Looking, count_looks, find_photo, judge_pairs
from detector.copies import (
    HASH_BYTES,
    WINDOWS,
    Pictures,
    find_alike,
    find_cuts,
    have_same_edges,
)
from detector.pictures import is_cut_out

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
    rows, windows = _choose_photos(connection, pictures, is_video, labels, "windows", len(WINDOWS))
    hashes, numbers, _ = pictures.stack(rows)
    likely = find_cuts(hashes, windows, numbers)
    contents = pictures.content[rows]
    return _look(connection, pictures, contents, likely, is_cut_out, looking, "looking for cropped copies")


def find_painted_over(
    connection: sqlite3.Connection,
    pictures: Pictures,
    is_video: NDArray[np.bool_],
    labels: NDArray[np.int64],
    looking: Looking,
) -> NDArray[np.int64]:
    """The same for photos that show little but a flag, of which one has another flag in the same folds."""
    rows, edges = _choose_photos(connection, pictures, is_video, labels, "edges", 1)
    if len(rows) > MAX_FILLED:
        log.warning(
            "%d photos that a flag fills are too many to look for repainted ones among them", len(rows)
        )
        rows, edges = rows[:0], edges[:0]
    likely = find_alike(edges[:, 1])
    contents = pictures.content[rows]
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
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Rows (m,) of the largest photo of each cluster, of those with anything to recognise, and hashes
    (m, 1 + `hash_count`, `HASH_BYTES`): of the whole, then those in their column of `frames`."""
    sizes = connection.execute(
        f"SELECT coalesce(max(iif(frame_index = 0 AND length({column}) = ?, width * height, NULL)), -1) "
        "FROM frames LEFT JOIN results USING (sha256) WHERE sha256 IN (SELECT sha256 FROM temp.files) "
        "GROUP BY sha256 ORDER BY sha256",  # as the contents are
        (HASH_BYTES * hash_count,),
    )
    count = len(pictures.content)
    size = np.fromiter((one for (one,) in sizes), np.int64, len(pictures.contents))
    clear = pictures.usable[:count] | pictures.usable[count:]
    wanted = clear & (pictures.frame_index == 0) & ~is_video[pictures.content] & (size[pictures.content] >= 0)
    rows = np.flatnonzero(wanted)
    rows = rows[np.argsort(-size[pictures.content[rows]], kind="stable")]
    rows = rows[np.unique(labels[rows], return_index=True)[1]]
    hashes = np.empty((len(rows), 1 + hash_count, HASH_BYTES), np.uint8)
    hashes[:, 0] = pictures.hashes[rows]
    for number, content in enumerate(pictures.content[rows].tolist()):
        (found,) = connection.execute(
            f"SELECT {column} FROM frames WHERE sha256 = ? AND frame_index = 0", (pictures.contents[content],)
        ).fetchone()
        hashes[number, 1:] = np.frombuffer(found, np.uint8).reshape(hash_count, HASH_BYTES)
    return rows, hashes


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
    find = partial(find_photo, connection, fetched=True)
    photos = [
        (find(pictures.contents[first]), find(pictures.contents[second])) for first, second in pairs.tolist()
    ]
    answers = judge_pairs(photos, judge, looking, purpose)
    return pairs[[answer == (True,) for answer in answers]].reshape(-1, 2)
