"""PDQ hashes of videos' frames in, clips that videos share out."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.copies.clusters import MAX_DISTANCE, find_clusters
from detector.copies.hashes import distances

RUN_DISTANCE = 15  # frames of a video within this of an earlier one are the same, standing picture
OFFSET_TOLERANCE = 1.0  # seconds; of each second of a video one frame is hashed
MIN_SHARED_PICTURES = 3  # different ones; a black frame, a title or a standing picture is one
MAX_HUBS = 64  # videos that a frame is compared with when more than this show it


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
