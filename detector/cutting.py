"""Photos of a report in, which are cut out of which out: what hashes make likely is looked at."""

import itertools
import logging
import sqlite3

import numpy as np
from numpy.typing import NDArray

from detector.comparing import Looking, judge_pairs
from detector.copies import Pictures, find_cuts, read_windows
from detector.pictures import is_cut_out

MAX_PHOTOS = 20_000  # that look different; each is compared with each, which takes minutes for as many
MAX_LOOKED_AT = 1000  # pairs; each takes about a tenth of a second of a processor

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
    stored = dict(
        connection.execute(
            "SELECT sha256, windows FROM frames WHERE windows != x'' AND frame_index = 0 "
            "AND sha256 IN (SELECT sha256 FROM temp.files)"
        ).fetchall()
    )
    rows = _choose_photos(connection, pictures, is_video, labels, stored)
    if len(rows) > MAX_PHOTOS:
        log.warning("%d different photos are too many to look for cut ones among them", len(rows))
    if not 2 <= len(rows) <= MAX_PHOTOS:
        return np.empty((0, 2), np.int64)
    names = [pictures.contents[content] for content in pictures.content[rows].tolist()]
    windows = read_windows([stored[name] for name in names])
    wholes = pictures.hashes[rows][:, None]
    hashes, numbers = _stack(pictures, rows)
    cuts = find_cuts(hashes, np.concatenate([wholes, windows], axis=1), numbers)
    likely = list(itertools.islice(cuts, MAX_LOOKED_AT))
    pairs = [(names[part], names[whole]) for part, whole in likely]
    answers = judge_pairs(connection, pairs, is_cut_out, looking, "looking for cropped copies")
    found = [pair for pair, answer in zip(likely, answers, strict=True) if answer == (True,)]
    return pictures.content[rows][np.array(found, np.int64).reshape(-1, 2)]


def _choose_photos(
    connection: sqlite3.Connection,
    pictures: Pictures,
    is_video: NDArray[np.bool_],
    labels: NDArray[np.int64],
    stored: dict[str, bytes],
) -> NDArray[np.int64]:
    """Rows of the largest photo of each cluster, of those with anything to recognise."""
    count = len(pictures.content)
    sizes = dict(connection.execute("SELECT sha256, width * height FROM results").fetchall())
    size = np.array([sizes[name] if name in stored else -1 for name in pictures.contents], np.int64)
    clear = pictures.usable[:count] | pictures.usable[count:]
    wanted = clear & (pictures.frame_index == 0) & ~is_video[pictures.content] & (size[pictures.content] >= 0)
    rows = np.flatnonzero(wanted)
    rows = rows[np.argsort(-size[pictures.content[rows]], kind="stable")]
    return rows[np.unique(labels[rows], return_index=True)[1]]


def _stack(pictures: Pictures, rows: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Hashes of wholes and insides that tell anything, mirrored too, and each one's number among the rows."""
    count = len(pictures.content)
    hashes, numbers = [], []
    has_margins = (pictures.hashes[rows] != pictures.hashes[count + rows]).any(axis=1)
    for start, wanted in ((0, np.ones(len(rows), np.bool_)), (count, has_margins)):
        clear = np.flatnonzero(pictures.usable[start + rows] & wanted)
        for sides in (pictures.hashes, pictures.mirrored):
            hashes.append(sides[start + rows[clear]])
            numbers.append(clear)
    return np.concatenate(hashes), np.concatenate(numbers)
