"""Worker processes that do one piece of work at a time, as to look at a file, each with a pipe of its own.

Nothing is shared between them: whenever one is killed, all that is lost is what it was doing.
"""

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import connection
from typing import Generic, TypeAlias, TypeVar

import cv2
from threadpoolctl import threadpool_limits

from detector.errors import DetectorError, WorkersError
from detector.processes import (
    choose_context,
    end_with_parent,
    leave_signals_to_parent,
    limit_memory,
    safe_imports,
    silence_decoders,
)

FILES_PER_WORKER = 2000  # then it is replaced, so that a decoder's leak stays small
MAX_STILLBORN = 8  # workers in a row that end before they can be told anything; then something is wrong
READY = "ready"

Result = TypeVar("Result")
Work: TypeAlias = Callable[[], Result]


@dataclass(frozen=True, slots=True)
class Broken:
    """Work that ended with an error nobody foresaw."""

    error: str
    place: str
    """File and line where it was raised."""


@dataclass(frozen=True, slots=True)
class Died:
    """Work whose process ended under it."""

    exit_code: int | None


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Work that was ended because it took too long."""


Outcome: TypeAlias = Result | DetectorError | Broken | Died | TimedOut


class Worker(Generic[Result]):
    """A process that does one piece of work at a time."""

    def __init__(self, memory: float) -> None:
        context = choose_context()
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, memory), daemon=True)  # type: ignore[attr-defined]
        with safe_imports():
            self.process.start()
        theirs.close()
        self.is_ready = False
        self.is_busy = False
        self.taken = 0
        self.until = 0.0

    def begin(self, work: Work[Result], seconds: float) -> bool:
        """Gives it something to do; False when it has died meanwhile."""
        try:
            self.pipe.send(work)
        except OSError:
            return False
        self.is_busy, self.until = True, time.monotonic() + seconds
        self.taken += 1
        return True

    def find_outcome(self) -> Outcome[Result] | None:
        """What became of its work, None while it is not done. A worker that has died has no more to say."""
        try:
            while self.pipe.poll():
                message = self.pipe.recv()
                if message != READY:
                    self.is_busy = False
                    return message  # type: ignore[no-any-return]
                self.is_ready = True
        except (EOFError, OSError):
            self.process.kill()  # it has closed its pipe: it is ending, if it has not
            self.process.join()
        if not self.process.is_alive():
            return Died(self.process.exitcode)
        if self.is_busy and time.monotonic() > self.until:
            return TimedOut()
        return None

    def kill(self) -> None:
        """Ends it at once."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


class Crew(Generic[Result]):
    """As many workers as are needed, up to a number; those that died are replaced.

    Each may take so many gigabytes of `memory`.
    """

    def __init__(self, size: int, memory: float) -> None:
        self.size = size
        self.memory = memory
        self._workers: list[Worker[Result]] = []
        self._stillborn = 0

    def __enter__(self) -> "Crew[Result]":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.kill()

    @property
    def is_busy(self) -> bool:
        """Whether any worker has work in hand."""
        return any(worker.is_busy for worker in self._workers)

    def prepare(self, wanted: int) -> Iterator[Worker[Result]]:
        """Workers that can begin something, up to the number wanted; more are started where there are fewer.

        Raises WorkersError when they cannot be.
        """
        idle = [worker for worker in self._workers if not worker.is_busy]
        try:
            for _ in range(min(wanted - len(idle), self.size - len(self._workers))):
                self._workers.append(Worker(self.memory))
        except (OSError, EOFError) as error:
            raise WorkersError(f"no worker can be started: {error}; try fewer --workers") from error
        return iter([worker for worker in idle if worker.is_ready][:wanted])

    def wait(self, seconds: float) -> list[tuple[Worker[Result], Outcome[Result]]]:
        """Workers whose work has ended within this time, and how; the dead and the late are let go.

        Raises WorkersError when workers die before they can do anything.
        """
        pipes = [worker.pipe for worker in self._workers]
        sentinels = [worker.process.sentinel for worker in self._workers]
        nearest = min((worker.until for worker in self._workers if worker.is_busy), default=float("inf"))
        connection.wait([*pipes, *sentinels], max(0, min(seconds, nearest - time.monotonic() + 0.01)))
        ended = []
        for worker in list(self._workers):
            was_busy = worker.is_busy
            outcome = worker.find_outcome()
            if worker.is_ready:
                self._stillborn = 0
            if isinstance(outcome, Died | TimedOut) or (
                worker.taken >= FILES_PER_WORKER and not worker.is_busy
            ):
                self.dismiss(worker)
            if isinstance(outcome, Died) and not worker.is_ready:
                self._count_stillborn(outcome)
            if outcome is not None and was_busy:
                ended.append((worker, outcome))
        return ended

    def dismiss(self, worker: Worker[Result]) -> None:
        """Ends a worker; the next one starts afresh."""
        self._workers.remove(worker)
        worker.kill()

    def dismiss_used(self) -> None:
        """Ends all that have done something and have nothing in hand."""
        for worker in [worker for worker in self._workers if worker.taken and not worker.is_busy]:
            self.dismiss(worker)

    def _count_stillborn(self, outcome: Died) -> None:
        self._stillborn += 1
        if self._stillborn >= MAX_STILLBORN:
            raise WorkersError(
                f"{MAX_STILLBORN} workers in a row ended as they began (exit code {outcome.exit_code}); "
                "is something ending them, or memory short? Run the same command again, with fewer --workers"
            )


def _serve(pipe: "connection.Connection", memory: float) -> None:
    """What a worker process does: one piece of work after the other, until its pipe closes."""
    leave_signals_to_parent()
    end_with_parent()
    silence_decoders()
    cv2.setNumThreads(1)  # workers are the parallelism
    limit_memory(memory)
    threadpool_limits(1)  # of the matrix products in NumPy, which else wait for each other in every worker
    try:
        pipe.send(READY)
        while True:
            work: Work[object] = pipe.recv()
            pipe.send(_do(work))
    except (EOFError, OSError):
        return  # the parent has ended


def _do(work: Work[Result]) -> Result | DetectorError | Broken:
    try:
        return work()
    except DetectorError as error:
        return error
    except Exception as error:  # noqa: BLE001 (a bug met by one file must not cost the others)
        last = traceback.extract_tb(error.__traceback__)[-1]
        return Broken(f"{type(error).__name__}: {error}", f"{last.filename}:{last.lineno}")
