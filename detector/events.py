"""Times at which a flag is seen in a video in; spells in which it is seen, and where to look closer, out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_GAP_SECONDS = 1.0
GAP_SAMPLES = 2.0  # an event goes on over one sample without the flag, not over two
CLOSER_STEPS = 5  # times as dense the neighbourhood of an event is looked at
MAX_CLOSER_FRAMES = 300  # a file


@dataclass(frozen=True, slots=True)
class Spell:
    """Rows of the times given, first to last, between which the flag is never gone for long."""

    first: int
    last: int


def find_spells(
    time_seconds: NDArray[np.float64], seen_seconds: NDArray[np.float64], gap_seconds: float
) -> list[Spell]:
    """Spells of ascending times (n,) of those (m,) that were looked at: a pause of more than `gap_seconds`
    begins a new one, unless nothing was looked at in it, as when a still is shown for long."""
    if not len(time_seconds):
        return []
    seen = np.sort(seen_seconds)
    between = np.searchsorted(seen, time_seconds[1:]) - np.searchsorted(seen, time_seconds[:-1], "right")
    breaks = np.flatnonzero((np.diff(time_seconds) > gap_seconds) & (between > 0))
    firsts, lasts = np.append(0, breaks + 1), np.append(breaks, len(time_seconds) - 1)
    return [Spell(first, last) for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)]


def gap_seconds(sampled_seconds: NDArray[np.float64], every_seconds: float) -> float:
    """The longest pause within an event, for a video looked at at these times.

    With `every_seconds` 0 the times themselves say how dense they are: all frames, or key frames.
    """
    spacing = every_seconds
    if not spacing and len(sampled_seconds) > 1:
        spacing = float(np.median(np.diff(np.sort(sampled_seconds))))
    return max(MIN_GAP_SECONDS, GAP_SAMPLES * spacing)


def spans_to_look_closer(
    hit_seconds: NDArray[np.float64],
    confidence: NDArray[np.float32],
    seen_seconds: NDArray[np.float64],
    every_seconds: float,
) -> list[tuple[float, float]]:
    """Spans (start, end) of seconds around the begin, the end and the best frame of each event.

    `hit_seconds` (n,) and `confidence` (n,) are of the frames that show a flag, `seen_seconds` (m,) of all
    that were looked at, one in each `every_seconds`. A span reaches to the next frame without the flag.
    Spans are in order and apart; the events with the highest confidence come first when there are more than
    `MAX_CLOSER_FRAMES` allow.
    """
    order = np.argsort(hit_seconds, kind="stable")
    times, sure = hit_seconds[order], confidence[order]
    spells = find_spells(times, seen_seconds, max(MIN_GAP_SECONDS, GAP_SAMPLES * every_seconds))
    spells.sort(key=lambda spell: -float(sure[spell.first : spell.last + 1].max()))
    seen = np.unique(seen_seconds)
    spans: list[tuple[float, float]] = []
    for spell in spells:
        best = float(times[spell.first + int(sure[spell.first : spell.last + 1].argmax())])
        start, end = float(times[spell.first]), float(times[spell.last])
        earlier, later = seen[seen < start], seen[seen > end]
        before = max(earlier[-1], start - 2 * every_seconds) if len(earlier) else start - every_seconds
        after = min(later[0], end + 2 * every_seconds) if len(later) else end + every_seconds
        more = [(float(before), start), (end, float(after))]
        more.append((best - every_seconds / 2, best + every_seconds / 2))
        merged = _merge([*spans, *((max(0.0, a), b) for a, b in more)])
        if sum(b - a for a, b in merged) > MAX_CLOSER_FRAMES * every_seconds / CLOSER_STEPS:
            break
        spans = merged
    return spans


def _merge(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
