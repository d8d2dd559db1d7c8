"""Media in, FileResults out as they come: where workers run, here processes on this machine."""

import logging
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from detector.engines.crew import Broken, Crew, Died, Outcome, TimedOut, Work, Worker
from detector.errors import DetectorError
from detector.settings import WorkerSettings
from detector.sources import Media
from detector.worker import FileResult, failed_result, scan_file

GRACE_SECONDS = 10.0  # a worker ends a long video by itself; past this it hangs and is killed
TAKEN_PER_WORKER = 2  # enough to keep workers busy, few enough to bound memory
MAX_SECOND_TRIES = 100  # that wait for a moment in which they can be alone
STOP_CHECK_SECONDS = 0.5
HASH_SECONDS = 600.0  # for the hash of a file that failed, or less where files have less

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Task:
    media: Media
    deaths: int = 0
    """Workers that died of it, or of something else meanwhile."""
    failure: str = ""
    """Why the file failed; what is left to do is to hash it."""

    @property
    def is_second_try(self) -> bool:
        """Whether it is to be done alone."""
        return bool(self.deaths and not self.failure)


def scan_files(
    media: Iterable[Media],
    settings: WorkerSettings,
    *,
    workers: int,
    file_timeout: float,
    stop: threading.Event,
) -> Generator[FileResult, None, None]:
    """Results in the order in which they are done; at most a few files are taken from `media` ahead.

    When `stop` is set, files already begun are finished and no others.

    A file whose worker died is tried again, alone and in a fresh worker; if that dies too, or if there is no
    result `GRACE_SECONDS` after `file_timeout` seconds, it has a failed result. Raises DetectorError when no
    file can be scanned at all, as with broken weights.
    """
    with Crew[FileResult](workers, settings.worker_memory) as crew:
        yield from scan_with(crew, media, settings, file_timeout=file_timeout, stop=stop)


def scan_with(
    crew: Crew[FileResult],
    media: Iterable[Media],
    settings: WorkerSettings,
    *,
    file_timeout: float,
    stop: threading.Event,
) -> Generator[FileResult, None, None]:
    """The same by workers that may have done something before."""
    tasks = _Tasks(media, TAKEN_PER_WORKER * crew.size)
    in_hand: dict[Worker[FileResult], _Task] = {}
    while True:
        if stop.is_set():
            tasks.drop()
        _begin_tasks(tasks, crew, in_hand, settings, file_timeout)
        if not in_hand and not tasks:
            return
        ended = [(in_hand.pop(worker), outcome) for worker, outcome in crew.wait(STOP_CHECK_SECONDS)]
        results = [
            result for task, outcome in ended for result in _read_outcome(task, outcome, tasks, file_timeout)
        ]
        _begin_tasks(tasks, crew, in_hand, settings, file_timeout)  # before results are taken: no pause
        yield from results


class _Tasks:
    """What is to be done next: files in their order, and second tries when nothing else is in hand."""

    def __init__(self, media: Iterable[Media], ahead: int) -> None:
        self._coming: Iterator[Media] = iter(media)
        self._ahead = ahead
        self._next: deque[_Task] = deque()
        self._again: deque[_Task] = deque()

    def __bool__(self) -> bool:
        return bool(self._next or self._again)

    def drop(self) -> None:
        """Forgets all that was not begun."""
        self._coming = iter(())
        self._next.clear()
        self._again.clear()

    def take(self, in_hand: int) -> list[_Task]:
        """Tasks that may begin beside so many others."""
        alone_first = len(self._again) >= MAX_SECOND_TRIES
        if not alone_first:
            wanted = self._ahead - in_hand - len(self._next)
            self._next.extend(_Task(one) for one in islice(self._coming, max(0, wanted)))
            if self._next:
                taken = list(self._next)
                self._next.clear()
                return taken
        return [self._again.popleft()] if self._again and not in_hand else []

    def put_back(self, tasks: Iterable[_Task]) -> None:
        """Takes tasks again that could not begin; they stay first."""
        for task in reversed(list(tasks)):
            (self._again if task.is_second_try else self._next).appendleft(task)

    def add(self, task: _Task) -> None:
        """Has a task done soon; one of which a worker died, when nothing else is in hand."""
        (self._again if task.is_second_try else self._next).append(task)


def _begin_tasks(
    tasks: _Tasks,
    crew: Crew[FileResult],
    in_hand: dict[Worker[FileResult], _Task],
    settings: WorkerSettings,
    file_timeout: float,
) -> None:
    waiting = deque(tasks.take(len(in_hand)))
    if waiting and waiting[0].is_second_try:
        crew.dismiss_used()  # a second try has a worker that nothing was done in before
    for worker in crew.prepare(len(waiting)):
        work, seconds = _describe_work(waiting[0], settings, file_timeout)
        if worker.begin(work, seconds):
            in_hand[worker] = waiting.popleft()
    tasks.put_back(waiting)


def _describe_work(
    task: _Task, settings: WorkerSettings, file_timeout: float
) -> tuple[Work[FileResult], float]:
    """What a worker is to do, and after how many seconds it hangs."""
    if task.failure:  # only the hash is still wanted; even that may hang, and so is not taken here
        seconds = min(HASH_SECONDS, file_timeout)
        return partial(failed_result, task.media, task.failure, seconds=seconds), seconds + GRACE_SECONDS
    return partial(scan_file, task.media, settings), file_timeout + GRACE_SECONDS


def _read_outcome(
    task: _Task, outcome: Outcome[FileResult], tasks: _Tasks, file_timeout: float
) -> Iterator[FileResult]:
    """The result, if there is one; else the file is put among the tasks again. Raises DetectorError."""
    if isinstance(outcome, FileResult):
        yield outcome
    elif isinstance(outcome, DetectorError):
        raise outcome  # it concerns all files
    elif task.failure:
        yield failed_result(task.media, task.failure, seconds=0)
    elif isinstance(outcome, Died) and not task.deaths:
        log.info("the worker of %s died (exit code %s)", task.media.name, outcome.exit_code)
        tasks.add(replace(task, deaths=1))
    else:
        tasks.add(replace(task, failure=_name_failure(task.media, outcome, file_timeout)))


def _name_failure(media: Media, outcome: Broken | Died | TimedOut, file_timeout: float) -> str:
    if isinstance(outcome, TimedOut):
        return f"no result after {file_timeout:g} s; its decoder hangs"
    if isinstance(outcome, Died):
        return f"its decoder crashed twice (exit code {outcome.exit_code})"
    log.warning("unexpected error in %s: %s (%s)", media.name, outcome.error, outcome.place)
    return f"unexpected error: {outcome.error}"
