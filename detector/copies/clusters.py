"""PDQ hashes in, clusters of near-identical pictures out.

A flag painted over changes few bits: what is seen in one picture of a cluster is never evidence for another.

Search is exact, by multi-index hashing (Norouzi, Punjani and Fleet, https://arxiv.org/abs/1307.2982): hashes
at most 31 bits apart have one of their 16 two-byte chunks at most one bit apart, and the eight bytes around
that chunk at most 7. Rows sorted by chunk make that one pass over memory; a million hashes and their mirror
images took a sixth of the time that faiss's exact binary indexes need without these, and NumPy and SciPy are
installed anyway.
"""

import functools
import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from detector.copies.hashes import HASH_BYTES, distances

MAX_DISTANCE = 31  # bits of 256; PDQ's README recommends it. Search relies on it being below 32
FEW = 16  # hashes that are compared with each other one: sorting those takes longer
FEW_TO_JOIN = 512  # the same where those of one report are joined, for which they are sorted 16 times
BATCH = 1 << 16  # candidates looked at together: so few that they stay in the processor's cache
PARTS_TO_JOIN = 1000  # of pairs, one a batch at most: joining goes through all hashes
MAX_TILE = 8  # hashes with one chunk that are looked up together, where there are many


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
    both = np.concatenate([hashes[rows], mirrored[rows]])
    plain, turned = both[: len(rows)], both[len(rows) :]
    is_few = len(rows) <= FEW_TO_JOIN
    groups = np.arange(len(rows)) if is_few else _join_neighbours(both, max_distance)
    if pictures is not None:
        first_of = np.unique(pictures[rows], return_index=True, return_inverse=True)
        groups = _merge(groups, np.arange(len(rows)), first_of[1][first_of[2]])
    join = _join_few if is_few else _join_all
    groups = join(plain, turned, groups, max_distance)
    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    labels[rows] = rows[first[member]]
    return labels


def _join_few(
    plain: NDArray[np.uint8], turned: NDArray[np.uint8], groups: NDArray[np.int64], max_distance: int
) -> NDArray[np.int64]:
    """The groups with all pairs joined, for which each is compared with each."""
    for queries in (plain, turned):
        groups = _merge_all(groups, [*_compare_each(queries, plain, max_distance)])
    return groups


def _join_all(
    plain: NDArray[np.uint8], turned: NDArray[np.uint8], groups: NDArray[np.int64], max_distance: int
) -> NDArray[np.int64]:
    """The same, for which those of different groups are looked up that agree in a chunk but for a bit."""
    for chunk in range(HASH_BYTES // 2):
        pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        for pair in _find_ungrouped(plain, turned, groups, chunk, max_distance):
            pairs.append(pair)
            if len(pairs) == PARTS_TO_JOIN:
                groups = _merge_all(groups, pairs)
        groups = _merge_all(groups, pairs)
    return groups


def _find_ungrouped(
    plain: NDArray[np.uint8],
    turned: NDArray[np.uint8],
    groups: NDArray[np.int64],
    chunk: int,
    max_distance: int,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of rows of different groups; mirror images are looked up among those of later groups, then of
    earlier ones."""
    by_group = np.argsort(groups, kind="stable")
    rows = Sorted(plain, chunk, groups, by_group)
    yield from _find_pairs(rows, rows, max_distance)
    yield from _find_pairs(Sorted(turned, chunk, groups, by_group), rows, max_distance)
    del rows  # for memory
    groups, by_group = groups.max() - groups, by_group[::-1]
    rows = Sorted(plain, chunk, groups, by_group)
    yield from _find_pairs(Sorted(turned, chunk, groups, by_group), rows, max_distance)


def _merge_all(
    groups: NDArray[np.int64], pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> NDArray[np.int64]:
    """Groups of rows after these pairs are joined, of which none is left."""
    if pairs:
        left, right = (np.concatenate(side) for side in zip(*pairs, strict=True))
        groups = _merge(groups, left, right)
    pairs.clear()
    return groups


def _merge(groups: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Groups of rows after the pairs of rows are joined."""
    return join_pairs(groups[left], groups[right], len(groups))[groups]


def join_pairs(left: NDArray[np.int64], right: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The group (count,) of each number below `count`, where pairs of them belong together."""
    if np.array_equal(left, right):
        return np.arange(count, dtype=np.int64)
    from scipy.sparse import coo_array  # a tenth of a second, which no scan has to wait for as it begins
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(left), np.uint8), (left, right)), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)


def _join_neighbours(both: NDArray[np.uint8], max_distance: int) -> NDArray[np.int64]:
    """Groups from neighbours in 16 orders: joins most of a large cluster without looking at all its pairs.

    Both are hashes, then those of the mirror images.
    """
    count = len(both) // 2
    groups = np.arange(count, dtype=np.int64)
    for chunk in range(HASH_BYTES // 2):
        begin = chunk // 4 * 4  # the eight bytes around the chunk, the chunk in front
        columns = [chunk, *(place for place in range(begin, begin + 4) if place != chunk)]
        key = np.ascontiguousarray(both.view(np.uint16)[:, columns]).astype(">u2").view(">u8").ravel()
        order = np.argsort(key.astype(np.uint64), kind="stable")
        pairs = [np.empty((2, 0), np.int64)]
        for begin in range(0, len(order) - 1, BATCH):
            left, right = order[begin : begin + BATCH], order[begin + 1 : begin + BATCH + 1]
            left = left[: len(right)]
            apart = distances(both.take(left, axis=0), both.take(right, axis=0))
            close = (apart <= max_distance) & (np.minimum(left, right) < count)
            pairs.append(np.stack([left[close], right[close]]) % count)
        groups = _merge(groups, *np.concatenate(pairs, axis=1))
    return groups


def find_matches(
    queries: NDArray[np.uint8],
    rows: "NDArray[np.uint8] | list[Sorted]",
    *,
    max_distance: int = MAX_DISTANCE,
    chunks: int = HASH_BYTES // 2,
    chunk_bits: int = 1,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Numbers of queries (n, 32) and of rows (m, 32) that are at most `max_distance` apart.

    Every such pair is given out, in parts and up to 16 times. With a larger distance than 31, or fewer
    `chunks`, only those of which one of so many first chunks is at most `chunk_bits` apart, unless there are
    few hashes on one side. Rows that are asked for many times may come sorted by each of these chunks.
    """
    queries = np.ascontiguousarray(queries)
    given = rows[0].hashes if isinstance(rows, list) else np.ascontiguousarray(rows)
    if min(len(queries), len(given)) <= FEW:
        yield from _compare_each(queries, given, max_distance)
        return
    for chunk in range(chunks):
        by_chunk = rows[chunk] if isinstance(rows, list) else Sorted(given, chunk)
        yield from _find_pairs(Sorted(queries, chunk), by_chunk, max_distance, chunk_bits)


def _compare_each(
    queries: NDArray[np.uint8], rows: NDArray[np.uint8], max_distance: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    if len(queries) > len(rows):
        yield from ((left, right) for right, left in _compare_each(rows, queries, max_distance))
        return
    for number, query in enumerate(queries):
        close = np.flatnonzero(distances(rows, query) <= max_distance)
        if len(close):
            yield np.full(len(close), number), close


class Sorted:
    """Hashes in order of one of their chunks and, where they have groups, of these within it, to be looked up
    in."""

    def __init__(
        self,
        hashes: NDArray[np.uint8],
        chunk: int,
        groups: NDArray[np.int64] | None = None,
        by_group: NDArray[np.int64] | None = None,
    ) -> None:
        """`by_group` (n,) are the numbers of the hashes in order of their groups."""
        self.hashes, self.chunk = hashes, chunk
        keys = np.ascontiguousarray(hashes.view(np.uint16)[:, chunk])
        if by_group is None:
            self.order = np.argsort(keys, kind="stable")
        else:
            self.order = by_group[np.argsort(keys[by_group], kind="stable")]
        self.chunks = keys[self.order]
        self.words = np.ascontiguousarray(hashes.view(np.uint64)[:, chunk // 4])[self.order]
        self.buckets = np.append(0, np.cumsum(np.bincount(keys, minlength=1 << 16)))
        self.ranks = None if groups is None else _rank(self.chunks.astype(np.int64), groups[self.order])

    def find_starts(self, chunks: NDArray[np.int64], above: NDArray[np.int64] | None) -> NDArray[np.int64]:
        """Where those with these chunks begin, of groups after these."""
        if above is None or self.ranks is None:
            return np.asarray(self.buckets[chunks], np.int64)
        return np.searchsorted(self.ranks, _rank(chunks, above + 1))


def _rank(chunks: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    return chunks << 32 | groups


def _find_pairs(
    queries: Sorted, rows: Sorted, max_distance: int, chunk_bits: int = 1
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Numbers of queries and of rows, where they have groups of later ones, close and closest in the chunk.

    Some are given out several times, some of them though they are of earlier groups.
    """
    tiles = _tile(queries, min(MAX_TILE, 1 + (len(queries.order) >> 16)))
    asked = queries.chunks[tiles[:, 0]].astype(np.int64)
    above = None if queries.ranks is None else queries.ranks[tiles[:, 0]] & 0xFFFFFFFF
    asked_words = queries.words[tiles]
    for flip in _flips(min(chunk_bits, max_distance // 16)):
        starts = rows.find_starts(asked ^ flip, above)
        counts = rows.buckets[(asked ^ flip) + 1] - starts
        for tile, member, place in _close_words(asked_words, rows.words, starts, counts, max_distance // 4):
            left, right = queries.order[tiles[tile, member]], rows.order[place]
            # taking rows is four times as fast as indexing by them
            apart = distances(queries.hashes.take(left, axis=0), rows.hashes.take(right, axis=0))
            close = apart <= max_distance
            if close.any():
                yield left[close], right[close]


def _tile(hashes: Sorted, width: int) -> NDArray[np.int64]:
    """Places (m, `width`) in this order, in each row of one chunk; the last may be there again."""
    begins, chunks = hashes.buckets, hashes.chunks
    firsts = np.flatnonzero((np.arange(len(chunks)) - begins[chunks]) % width == 0)
    last = begins[1:][chunks[firsts], None] - 1
    return np.asarray(np.minimum(firsts[:, None] + np.arange(width), last), np.int64)


@functools.cache
def _flips(most: int) -> tuple[int, ...]:
    """Numbers of two bytes of which at most so many bits are set."""
    return tuple(number for number in range(1 << 16) if number.bit_count() <= most)


def _close_words(
    asked: NDArray[np.uint64],
    words: NDArray[np.uint64],
    starts: NDArray[np.int64],
    counts: NDArray[np.int64],
    max_distance: int,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Numbers of rows and columns of asked words (n, k), and of those among the `counts` words from `starts`,
    the same for a row, that are close.
    """
    tile = np.flatnonzero(counts)
    starts, counts = starts[tile], counts[tile]
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    step = BATCH // asked.shape[1]
    cuts = [0, *np.searchsorted(ends, np.arange(step, total, step)).tolist(), len(tile)]
    for a, b in itertools.pairwise(cuts):
        if a == b:
            continue
        local = ends[a:b] - (ends[a] - counts[a])
        place = np.arange(local[-1]) + np.repeat(starts[a:b] + counts[a:b] - local, counts[a:b])
        differing = np.repeat(asked[tile[a:b]], counts[a:b], axis=0) ^ words[place][:, None]
        hits = np.flatnonzero(np.bitwise_count(differing) <= max_distance)
        if len(hits):
            hit, member = np.divmod(hits, asked.shape[1])
            yield tile[a:b][np.searchsorted(local, hit, side="right")], member, place[hit]
