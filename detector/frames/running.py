"""Time stamps of a stream in the order of its file in, times that run on out, though the clock may not."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_JUMP_SECONDS = 3600.0  # a clock that leaps further ahead between two frames was set, nobody waited
SLACK_SECONDS = 1.0  # a clock that is set back by less shakes, unless it begins again
EARLIEST = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Running:
    """When each packet is shown, and where the clock did not run on."""

    ticks: NDArray[np.int64]
    """Time (n,) of each packet since the stream's start, in its unit; gaps and repetitions taken out."""
    order: NDArray[np.int64]
    """Packets (n,) as they are shown."""
    restarts: tuple[int, ...]
    """Ticks at which the clock begins again."""
    jumps: tuple[tuple[int, int], ...]
    """Ticks at which it leaps ahead, and by how much."""


def run_on(stamps: NDArray[np.int64], keys: NDArray[np.bool_], start: int, ticks_a_second: float) -> Running:
    """Times of packets with these presentation stamps (n,); at `start` the stream begins.

    Where the clock begins again, as in recordings joined end to end, or leaps ahead by more than
    `MAX_JUMP_SECONDS`, the next frame follows the one before after the usual time.
    """
    part = _find_parts(stamps, keys, SLACK_SECONDS * ticks_a_second)
    order = np.lexsort((np.arange(len(stamps)), stamps, part))
    shown = stamps[order]
    steps = np.diff(shown)
    restarts = np.diff(part[order]) > 0
    jumps = ~restarts & (steps > MAX_JUMP_SECONDS * ticks_a_second)
    smooth = ~(restarts | jumps) & (steps > 0)
    usual = int(np.median(steps[smooth])) if smooth.any() else round(ticks_a_second / 25)
    fixed = np.where(restarts | jumps, usual, steps)
    elapsed = np.concatenate([shown[:1] - start, fixed]).cumsum()
    ticks = np.empty_like(stamps)
    ticks[order] = elapsed
    return Running(
        ticks,
        order,
        tuple(elapsed[1:][restarts].tolist()),
        tuple(zip(elapsed[1:][jumps].tolist(), (steps[jumps] - usual).tolist(), strict=True)),
    )


def _find_parts(stamps: NDArray[np.int64], keys: NDArray[np.bool_], slack: float) -> NDArray[np.int64]:
    """Which of the recordings joined in a file each packet (n,) is of, counted from 0."""
    part = np.zeros(len(stamps), np.int64)
    drops = np.maximum.accumulate(stamps)[:-1] - stamps[1:]
    if not ((drops > 0) & (keys[1:] | (drops > slack))).any():
        return part
    number, first, highest, floor = 0, int(stamps[0]), int(stamps[0]), EARLIEST
    for row, (stamp, key) in enumerate(zip(stamps.tolist(), keys.tolist(), strict=True)):
        back = highest - stamp
        again = back > 0 and (stamp <= first or back > slack)
        if again and (key or stamp < floor):  # what precedes a key frame is shown before what follows it
            number, first, highest, floor = number + 1, stamp, stamp, EARLIEST
        elif key:
            floor = highest
        highest = max(highest, stamp)
        part[row] = number
    return part


def describe(running: Running, time_base: float) -> Iterator[str]:
    """What a file's row is to say of its clock."""
    if running.restarts:
        count = len(running.restarts)
        often = "again" if count == 1 else f"again {count} times, first"
        yield f"its clock starts {often} at {running.restarts[0] * time_base:.1f} s: times run on"
    if running.jumps:
        at, ticks = running.jumps[0]
        more = f" and {len(running.jumps) - 1} times more" if len(running.jumps) > 1 else ""
        leap = f"{ticks * time_base:.0f} s at {at * time_base:.1f} s"
        yield f"its clock jumps ahead by {leap}{more}: times run on"
