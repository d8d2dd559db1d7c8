"""PDQ hashes in, clusters of near-identical pictures and clips that videos share out.

A flag painted over changes few bits: what is seen in one picture of a cluster is never evidence for another.

Search is exact, by multi-index hashing (Norouzi, Punjani and Fleet, https://arxiv.org/abs/1307.2982): hashes
at most 31 bits apart have one of their 16 two-byte chunks at most one bit apart, and the eight bytes around
that chunk at most 7. Rows sorted by chunk make that one pass over memory; a million hashes and their mirror
images took a sixth of the time that faiss's exact binary indexes need without these, and NumPy and SciPy are
installed anyway.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from detector.copies.hashes import HASH_BYTES, distances

MAX_DISTANCE = 31  # bits of 256; PDQ's README recommends it. Search relies on it being below 32
RUN_DISTANCE = 15  # frames of a video within this of an earlier one are the same, standing picture
OFFSET_TOLERANCE = 1.0  # seconds; of each second of a video one frame is hashed
MIN_SHARED_PICTURES = 3  # different ones; a black frame, a title or a standing picture is one
MAX_HUBS = 64  # videos that a frame is compared with when more than this show it
BATCH = 1 << 20  # candidates looked at together, for memory


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two videos that show the same clip."""

    first: int
    """Number of a video, the smaller one."""
    second: int
    offset_seconds: float
    """Time in the second video minus time in the first."""
    start_seconds: float
    """Where in the first video the clip begins, and ends."""
    end_seconds: float
    frames: int
    """Frames that agree, standing pictures counted once."""


# Clusters


def find_clusters(
    hashes: NDArray[np.uint8],
    mirrored: NDArray[np.uint8],
    *,
    usable: NDArray[np.bool_],
    pictures: NDArray[np.int64] | None = None,
    max_distance: int = MAX_DISTANCE,
) -> NDArray[np.int64]:
    """For each hash the smallest row number of its cluster.

    `hashes` and `mirrored` are (n, 32), `usable` (n,). Pictures within `max_distance` (at most 31) of each
    other or of each other's mirror image are in one cluster, and so is what hangs together through others.
    Unusable rows stay alone, even where hashes are equal: all plain pictures have about the same. `pictures`
    (n,) numbers the picture of each hash where one has several, as of its whole and of its inside.
    """
    if not 0 <= max_distance <= MAX_DISTANCE:
        raise ValueError(f"max_distance {max_distance} is not within 0 and {MAX_DISTANCE}")
    labels = np.arange(len(hashes), dtype=np.int64)
    rows = np.flatnonzero(usable)
    if not len(rows):
        return labels
    plain, turned = np.ascontiguousarray(hashes[rows]), np.ascontiguousarray(mirrored[rows])
    groups = _join_neighbours(plain, turned, max_distance)
    if pictures is not None:
        first_of = np.unique(pictures[rows], return_index=True, return_inverse=True)
        groups = _merge(groups, np.arange(len(rows)), first_of[1][first_of[2]])
    for chunk in range(HASH_BYTES // 2):
        backwards = groups.max() - groups
        for queries, order in ((plain, groups), (turned, groups), (turned, backwards)):
            for left, right in _find_pairs(queries, plain, order, chunk, max_distance):
                groups = _merge(groups, left, right)
    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    labels[rows] = rows[first[member]]
    return labels


def _merge(groups: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Groups of rows after the pairs of rows are joined."""
    links = coo_array((np.ones(len(left), np.uint8), (groups[left], groups[right])), shape=(len(groups),) * 2)
    return np.asarray(connected_components(links, directed=False)[1][groups], np.int64)


def _join_neighbours(
    plain: NDArray[np.uint8], turned: NDArray[np.uint8], max_distance: int
) -> NDArray[np.int64]:
    """Groups from neighbours in 16 orders: joins most of a large cluster without looking at all its pairs."""
    count = len(plain)
    both = np.concatenate([plain, turned])
    groups = np.arange(count, dtype=np.int64)
    for chunk in range(HASH_BYTES // 2):
        begin = chunk // 4 * 4  # the eight bytes around the chunk, the chunk in front
        columns = [chunk, *(place for place in range(begin, begin + 4) if place != chunk)]
        key = np.ascontiguousarray(both.view(np.uint16)[:, columns]).astype(">u2").view(">u8").ravel()
        order = np.argsort(key.astype(np.uint64), kind="stable")
        left, right = order[:-1], order[1:]
        close = (distances(both[left], both[right]) <= max_distance) & (np.minimum(left, right) < count)
        groups = _merge(groups, left[close] % count, right[close] % count)
    return groups


def _find_pairs(
    queries: NDArray[np.uint8],
    rows: NDArray[np.uint8],
    groups: NDArray[np.int64],
    chunk: int,
    max_distance: int,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Numbers of queries and rows of higher groups that are close and closest in this chunk."""
    keys = rows.view(np.uint16)[:, chunk].astype(np.int64) << 32
    order = np.argsort(keys | groups, kind="stable")
    ranks = (keys | groups)[order]
    words = rows.view(np.uint64)[order, chunk // 4]
    bucket_ends = np.searchsorted(ranks, np.arange(1, 2**16 + 1) << 32)
    asked = queries.view(np.uint16)[:, chunk].astype(np.int64)
    by_key = np.argsort(asked, kind="stable")
    asked, above = asked[by_key], groups[by_key] + 1
    asked_words = queries.view(np.uint64)[by_key, chunk // 4]
    for flip in (0, *(1 << bit for bit in range(16 if max_distance >= 16 else 0))):
        starts = np.searchsorted(ranks, (asked ^ flip) << 32 | above)
        counts = bucket_ends[asked ^ flip] - starts
        for query, place in _close_words(asked_words, words, starts, counts, max_distance // 4):
            left, right = by_key[query], order[place]
            close = distances(queries[left], rows[right]) <= max_distance
            if close.any():
                yield left[close], right[close]


def _close_words(
    asked: NDArray[np.uint64],
    words: NDArray[np.uint64],
    starts: NDArray[np.int64],
    counts: NDArray[np.int64],
    max_distance: int,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Numbers of asked words and of those among their `counts` words from `starts` that are close."""
    query = np.flatnonzero(counts)
    starts, counts = starts[query], counts[query]
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    cuts = [0, *np.searchsorted(ends, np.arange(BATCH, total, BATCH)).tolist(), len(query)]
    for a, b in itertools.pairwise(cuts):
        if a == b:
            continue
        local = ends[a:b] - (ends[a] - counts[a])
        place = np.arange(local[-1]) + np.repeat(starts[a:b] + counts[a:b] - local, counts[a:b])
        differing = np.repeat(asked[query[a:b]], counts[a:b]) ^ words[place]
        hits = np.flatnonzero(np.bitwise_count(differing) <= max_distance)
        if len(hits):
            yield query[a:b][np.searchsorted(local, hits, side="right")], place[hits]


# Videos


def find_overlaps(
    hashes: NDArray[np.uint8],
    mirrored: NDArray[np.uint8],
    video: NDArray[np.int64],
    time_seconds: NDArray[np.float64],
    *,
    usable: NDArray[np.bool_],
) -> list[Overlap]:
    """Pairs of videos that show the same clip, from the hashes (n, 32), video and time (n,) of their frames.

    They do when at least `MIN_SHARED_PICTURES` different pictures are in both at the same distance in time.
    Where more than `MAX_HUBS` videos show one picture, only pairs with one of the first of them are looked
    for there: enough to hold the copies of a clip together, without millions of pairs.
    """
    runs = _standing_pictures(hashes, video, time_seconds, usable)
    rows, starts, ends = runs[:, 0].astype(np.int64), runs[:, 1], runs[:, 2]
    if not len(rows):
        return []
    video, hashes, mirrored = video[rows], hashes[rows], mirrored[rows]
    left, right = _same_pictures(hashes, mirrored, video)
    order = np.lexsort((starts[left], video[right], video[left]))
    left, right = left[order], right[order]
    changes = np.any([np.diff(video[left]) != 0, np.diff(video[right]) != 0], axis=0)
    cuts = [0, *(np.flatnonzero(changes) + 1).tolist(), len(left)]
    found = []
    for a, b in itertools.pairwise(cuts):
        if b - a >= MIN_SHARED_PICTURES:
            one, two = left[a:b], right[a:b]
            low, high = starts[two] - ends[one] - OFFSET_TOLERANCE, ends[two] - starts[one] + OFFSET_TOLERANCE
            offset = _best_offset(low, high)
            agree = (low <= offset) & (offset <= high)
            one, two = one[agree], two[agree]
            if _shares_enough(hashes[one], hashes[two]):
                where = float(starts[one].min()), float(ends[one].max())
                frames = min(len(np.unique(one)), len(np.unique(two)))
                found.append(Overlap(int(video[one[0]]), int(video[two[0]]), offset, *where, frames))
    return found


def _standing_pictures(
    hashes: NDArray[np.uint8],
    video: NDArray[np.int64],
    time_seconds: NDArray[np.float64],
    usable: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Row of the first frame, start and end of each stretch of a video in which little changes."""
    runs: list[list[float]] = []
    current, anchor = -1, 0
    for row in np.lexsort((time_seconds, video)).tolist():
        if not usable[row]:
            current = -1
            continue
        value = int.from_bytes(hashes[row].tobytes(), "big")
        if video[row] == current and (value ^ anchor).bit_count() <= RUN_DISTANCE:
            runs[-1][2] = time_seconds[row]
        else:
            current, anchor = video[row], value
            runs.append([row, time_seconds[row], time_seconds[row]])
    return np.array(runs, np.float64).reshape(-1, 3)


def _same_pictures(
    hashes: NDArray[np.uint8], mirrored: NDArray[np.uint8], video: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of rows of different videos, the smaller number first, with the same picture."""
    labels = find_clusters(hashes, mirrored, usable=np.ones(len(hashes), np.bool_))
    order = np.lexsort((video, labels))
    cuts = [0, *(np.flatnonzero(np.diff(labels[order])) + 1).tolist(), len(order)]
    pairs = [np.empty((2, 0), np.int64)]
    for a, b in itertools.pairwise(cuts):
        members = order[a:b]
        hubs = np.unique(video[members])[:MAX_HUBS]
        if len(hubs) < 2:
            continue
        for row in members[video[members] <= hubs[-1]]:
            others = members[video[members] > video[row]]
            straight = distances(hashes[others], hashes[row])
            turned = np.minimum(
                distances(hashes[others], mirrored[row]), distances(mirrored[others], hashes[row])
            )
            close = others[np.minimum(straight, turned) <= MAX_DISTANCE]
            pairs.append(np.stack([np.full(len(close), row), close]))
    left, right = np.concatenate(pairs, axis=1)
    return left, right


def _best_offset(low: NDArray[np.float64], high: NDArray[np.float64]) -> float:
    """Middle of the offsets that lie in the most of the intervals."""
    edges = np.concatenate([low, high])
    order = np.lexsort((np.repeat([0, 1], len(low)), edges))
    depth = np.cumsum(np.repeat([1, -1], len(low))[order])
    best = int(np.argmax(depth))
    return float(edges[order[best]] + edges[order[best + 1]]) / 2


def _shares_enough(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> bool:
    """Whether enough of the pairs of pictures (n, 32) differ from each other on both sides."""
    chosen: list[int] = []
    for row in range(len(first)):
        if all(
            (distances(side[chosen], side[row : row + 1]) > MAX_DISTANCE).all() for side in (first, second)
        ):
            chosen.append(row)
            if len(chosen) == MIN_SHARED_PICTURES:
                return True
    return False
