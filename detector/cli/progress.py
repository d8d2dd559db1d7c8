"""How far a scan has come, on a terminal or in lines, and how it is asked to stop."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as ProgressBar,
)

from detector.sources import printable

if TYPE_CHECKING:
    from detector.scanning import Progress

NAMES_SHOWN, NAME_LENGTH = 2, 24  # of files in hand
WIDE = 110  # columns of a terminal; in fewer the bar and the time left need the names' room
PLAIN_LINE_SECONDS = 10.0  # between progress lines where there is no terminal


class Pace:
    """How many files a scan has looked at, and for how long."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self.looked_at = 0
        self.looking_seconds = 0.1
        """Until the last file was looked at."""
        self.recalled = 0

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return max(time.monotonic() - self._started, 0.1)

    def noting(self, report_progress: "Callable[[Progress], None]") -> "Callable[[Progress], None]":
        """What is called after each file in its place."""

        def note(progress: "Progress") -> None:
            self.looked_at, self.recalled = progress.done - progress.recalled, progress.recalled
            if not progress.step:
                self.looking_seconds = self.seconds
            report_progress(progress)

        return note


def find_asking_signals() -> list[signal.Signals]:
    """What asks to end: Ctrl-C, `kill`, and the end of the terminal, unless it is to be outlived."""
    asking = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup sets it
        asking.append(signal.SIGHUP)
    return asking


@contextmanager
def stop_on_interrupt(console: Console) -> Iterator[threading.Event]:
    """Ctrl-C, and what else asks to end, asks for an orderly end; a second one ends at once."""
    stop = threading.Event()

    def ask(_signal: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        console.print("\nStopping: finishing the files in hand. Ctrl-C again ends at once.")

    before = [(one, signal.signal(one, ask)) for one in find_asking_signals()]
    try:
        yield stop
    finally:
        for one, handler in before:
            signal.signal(one, handler)


@contextmanager
def show_progress(console: Console, *, quiet: bool) -> "Iterator[Callable[[Progress], None]]":
    """What is called after each file: a bar on a terminal, a line now and then elsewhere."""
    if quiet:
        yield lambda _: None
        return
    started = time.monotonic()
    if not console.is_terminal:
        yield _plain_lines(console, started)
        return
    columns = (
        SpinnerColumn(),
        BarColumn(),
        TextColumn("{task.fields[files]}"),
        TextColumn("{task.fields[counts]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with ProgressBar(*columns, console=console) as bar:
        task = bar.add_task("", total=None, files="", counts="looking for files")
        steps: dict[str, TaskID] = {}

        def show(progress: "Progress") -> None:
            if progress.step:
                if progress.step not in steps:
                    for before in steps.values():
                        bar.update(before, total=1, completed=1)
                    steps[progress.step] = bar.add_task("", total=None, files="", counts="")
                bar.update(
                    steps[progress.step],
                    total=progress.step_total or None,
                    completed=progress.step_done,
                    counts=_say_step(progress),
                )
                return
            bar.update(
                task,
                total=progress.total,
                completed=progress.done,
                files=f"{progress.done}/{progress.total}",
                counts=escape(
                    _counts(progress if console.width >= WIDE else replace(progress, in_hand=()), started)
                ),
            )

        yield show


@contextmanager
def show_count(console: Console) -> Iterator[Callable[[int, int], None]]:
    """What is called with how many are done and how many there are: a bar, on a terminal only."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ProgressBar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _plain_lines(console: Console, started: float) -> "Callable[[Progress], None]":
    last, last_step = started - PLAIN_LINE_SECONDS, ""

    def show(progress: "Progress") -> None:
        nonlocal last, last_step
        now = time.monotonic()
        after = duration(now - started)
        is_due = now - last >= PLAIN_LINE_SECONDS
        if progress.step:
            if not is_due and progress.step == last_step:
                return
            text = f"{_say_step(progress)}, after {after}"
        elif is_due or progress.done == progress.total:
            text = f"{progress.done} of {progress.total} files after {after}, {_counts(progress, started)}"
        else:
            return
        last, last_step = now, progress.step
        console.print(text, highlight=False, markup=False, soft_wrap=True)  # a line each, in a log

    return show


def _say_step(progress: "Progress") -> str:
    counted = f", {progress.step_done} of {progress.step_total} pairs" if progress.step_total else ""
    return progress.step + counted


def _counts(progress: "Progress", started: float) -> str:
    rate = (progress.done - progress.recalled) / max(time.monotonic() - started, 1e-3)
    text = f"{rate:.1f} files/s, {progress.detections} detections, {progress.failed} failed"
    known = f", {progress.recalled} known from before" if progress.recalled else ""
    names = [printable(name.rpartition("/")[2])[:NAME_LENGTH] for name in progress.in_hand[:NAMES_SHOWN]]
    return f"{text}{known}{', now ' if names else ''}{', '.join(names)}"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
