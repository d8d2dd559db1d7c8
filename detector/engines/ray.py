"""Media in, FileResults out as they come: the second engine, on the machines of a Ray cluster."""

import itertools
import logging
import os
import secrets
import signal
import socket
import tempfile
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from detector import filing
from detector.engines.local import GRACE_SECONDS, HASH_SECONDS, STOP_CHECK_SECONDS
from detector.engines.station import Station, Target, hash_weights, marking
from detector.errors import DetectorError, UsageError, WorkersError
from detector.processes import FOR_THE_PARENT
from detector.scratch import scratch_folder
from detector.settings import WorkerSettings
from detector.sources import Media
from detector.worker import FileResult, failed_result

IN_HAND = 2  # calls that a station has: the one it is at and the next, so that it never waits
AT_ONCE = 4  # photos in one call, of which each takes Ray as long as 3 % of a photo of two megapixels
MAX_DEATHS = 2  # of stations, with which a file is given up
MAX_STILLBORN = 8  # stations in a row that end before they can do anything
RECOUNT_SECONDS = 5.0  # between two looks at how large the cluster is
STORE_BYTES = 200_000_000  # for results on their way, of a Ray that is begun here
CONNECT_SECONDS = 10.0
MAX_FOLDER, SHORT_FOLDER = 20, "/tmp"  # noqa: S108 (a socket's path may have 107 characters; mkdtemp is safe)
ASK_OF_CLUSTER = (
    "does one run there, of the same version of Ray, and is RAY_AUTH_TOKEN here the token that it asks for?"
)
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_task_events_report_interval_ms": "0",  # what its dashboard shows, which is not begun
    "RAY_worker_niceness": "0",  # of a Ray that is begun here, as the local engine's workers have it; else 15
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where a scan's files are looked at."""

    address: str
    """Of a cluster that runs, "auto" for the one that this machine is in, "" for a Ray that is begun here."""
    gpus_per_worker: float
    place: Path
    """The report's, on a disk or in a storage: pictures go there from where they are made."""


@dataclass(frozen=True, slots=True)
class _Task:
    media: Media
    deaths: int = 0
    is_suspect: bool = False
    """Whether a station died while this was one of several that it had to look at."""

    @property
    def is_quick(self) -> bool:
        """Whether it may share a call."""
        return self.media.kind != "video" and not self.is_suspect


@dataclass(slots=True, eq=False)
class _Seat:
    """A station in the cluster, as the driver sees it."""

    actor: Any
    beginning: Any
    node: str = ""
    calls: deque[tuple[Any, list[_Task]]] = field(default_factory=deque)
    """What it has in hand: it is at the first."""
    since: float = 0.0
    has_answered: bool = False

    @property
    def awaited(self) -> Any:
        return self.calls[0][0] if self.calls else self.beginning


def scan_files(
    media: Iterable[Media],
    settings: WorkerSettings,
    *,
    cluster: Cluster,
    workers: int,
    file_timeout: float,
    stop: threading.Event,
) -> Generator[FileResult, None, None]:
    """Results in the order in which they are done, as the local engine gives them; their pictures are in the
    report's place then.

    `workers` 0 means as many as the cluster has processors for, also when machines join or leave. What a lost
    machine had in hand another looks at. Raises DetectorError as the local engine does.
    """
    coming = iter(media)
    if not (first := list(itertools.islice(coming, 1))):
        return  # without a cluster: all is known
    with _connected(cluster, workers) as ray, marking(cluster.place) as target:
        driver = _Driver(ray, settings, cluster, workers, file_timeout, target)
        yield from driver.scan(itertools.chain(first, coming), stop)


class _RayStation(Station):
    """A station that says which machine it is on."""

    def begin_here(self) -> DetectorError | str:
        """The machine's name in the cluster, or why no file can be looked at here."""
        import ray

        return self.begin() or str(ray.get_runtime_context().get_node_id())


class _Driver:
    """Gives files to stations, and begins stations where there are too few."""

    def __init__(
        self,
        ray: Any,
        settings: WorkerSettings,
        cluster: Cluster,
        workers: int,
        file_timeout: float,
        target: Target,
    ) -> None:
        self._ray = ray
        self._settings = settings
        self._cluster = cluster
        self._workers = workers
        self._seats: list[_Seat] = []
        self._next: deque[_Task] = deque()
        self._stillborn = 0
        self._recount_at = 0.0
        self._size = 0
        self._hangs_after = 2 * (file_timeout + GRACE_SECONDS) + HASH_SECONDS  # a station ends files itself
        self._begin = ray.remote(num_cpus=settings.threads, num_gpus=cluster.gpus_per_worker, max_restarts=0)(
            _RayStation
        )
        self._arguments = (settings, hash_weights(settings.weights), file_timeout, target)

    def scan(self, media: Iterable[Media], stop: threading.Event) -> Iterator[FileResult]:
        """Looks at all files; when `stop` is set, only at those that were begun."""
        coming = iter(media)
        try:
            while True:
                if stop.is_set():
                    coming = iter(())
                    self._drop_waiting()
                self._take(coming, 1)
                if self._next:
                    self._give_out(coming)
                elif not any(seat.calls for seat in self._seats):
                    return
                yield from self._wait()
        finally:
            for seat in self._seats:
                self._end(seat)

    def _drop_waiting(self) -> None:
        self._next.clear()
        for seat in self._seats:
            while len(seat.calls) > 1:
                self._ray.cancel(seat.calls.pop()[0])

    def _take(self, coming: Iterator[Media], count: int) -> None:
        """Has so many tasks be next, if there are as many."""
        self._next.extend(map(_Task, itertools.islice(coming, max(0, count - len(self._next)))))

    def _give_out(self, coming: Iterator[Media]) -> None:
        """Fills the stations' hands, every one's with one call before any has two."""
        self._begin_stations()
        for hands in range(1, IN_HAND + 1):
            for seat in self._seats:
                if seat.node and len(seat.calls) < hands:
                    self._take(coming, AT_ONCE * len(self._seats) if seat.has_answered else 1)
                    if not self._next:
                        return
                    self._give(seat)

    def _give(self, seat: _Seat) -> None:
        """One call: a file, or several that are quick; each one's share when few are left."""
        share = len(self._next) // len(self._seats)
        tasks = [self._next.popleft()]
        while len(tasks) < min(AT_ONCE, share) and tasks[-1].is_quick and self._next[0].is_quick:
            tasks.append(self._next.popleft())
        if not seat.calls:
            seat.since = time.monotonic()
        seat.calls.append((seat.actor.look_at_all.remote([task.media for task in tasks]), tasks))

    def _begin_stations(self) -> None:
        if time.monotonic() >= self._recount_at:
            resources = self._ray.cluster_resources()
            fitting = int(resources.get("CPU", 0) // self._settings.threads)
            if self._cluster.gpus_per_worker:
                fitting = min(fitting, int(resources.get("GPU", 0) // self._cluster.gpus_per_worker))
            if fitting != self._size:
                log.info("the cluster has room for %d workers", fitting)
            self._size = fitting
            self._recount_at = time.monotonic() + RECOUNT_SECONDS
        if not self._size and not self._seats and self._cluster.gpus_per_worker:
            raise WorkersError("no machine of the cluster has the GPUs of --gpus-per-worker")
        wanted = self._workers or self._size  # those without room wait: a cluster that can grow then does
        while len(self._seats) < wanted:
            actor = self._begin.remote(*self._arguments)
            self._seats.append(_Seat(actor, actor.begin_here.remote()))

    def _wait(self) -> Iterator[FileResult]:
        seats = {seat.awaited: seat for seat in self._seats if seat.calls or not seat.node}
        if not seats:
            time.sleep(STOP_CHECK_SECONDS)  # all machines have left: until one joins
            return
        done, _ = self._ray.wait(list(seats), num_returns=1, timeout=STOP_CHECK_SECONDS)
        if done:
            done, _ = self._ray.wait(list(seats), num_returns=len(seats), timeout=0)
        for answered in done:
            yield from self._read_answer(seats[answered], answered)
        for seat in list(self._seats):
            if seat.calls and time.monotonic() - seat.since > self._hangs_after * len(seat.calls[0][1]):
                yield from self._lose(seat, "it hangs")

    def _read_answer(self, seat: _Seat, answered: Any) -> Iterator[FileResult]:
        try:
            answer = self._ray.get(answered)
        except self._ray.exceptions.RayError as error:
            yield from self._lose(seat, type(error).__name__)
            return
        if isinstance(answer, DetectorError):
            raise answer
        self._stillborn = 0
        if isinstance(answer, str):
            seat.node = answer
            log.info("a worker has begun on machine %s", answer)
            return
        seat.calls.popleft()
        seat.since, seat.has_answered = time.monotonic(), True
        for looked in answer:
            if isinstance(looked, DetectorError):
                raise looked
            for name, content in looked.pictures.items():
                with filing.replacing(self._settings.out, name) as file:
                    file.write(content)
            yield looked.result

    def _lose(self, seat: _Seat, why: str) -> Iterator[FileResult]:
        """Goes on without a station; its file counts as a death's cause unless the machine itself is lost.

        Of several files each is looked at again by itself, for that one of them is the cause.
        """
        self._end(seat)
        self._seats.remove(seat)
        if not seat.node:
            self._stillborn += 1
            if self._stillborn >= MAX_STILLBORN:
                raise WorkersError(f"{MAX_STILLBORN} workers in a row ended as they began ({why})")
        for place, (_, tasks) in enumerate(seat.calls):
            lost = place > 0 or self._is_lost(seat.node)
            for task in tasks:
                deaths = task.deaths + (not lost and len(tasks) == 1)
                if deaths < MAX_DEATHS:
                    self._next.append(replace(task, deaths=deaths, is_suspect=task.is_suspect or not lost))
                else:
                    yield failed_result(task.media, f"its worker ended twice ({why})", seconds=0)

    def _is_lost(self, node: str) -> bool:
        alive = {one["NodeID"]: one["Alive"] for one in self._ray.nodes()}
        return not alive.get(node, True)

    def _end(self, seat: _Seat) -> None:
        with suppress(Exception):  # it may be gone with its machine
            if not seat.calls and seat.node:
                self._ray.get(seat.actor.end.remote(), timeout=GRACE_SECONDS)
            self._ray.kill(seat.actor)


@contextmanager
def _connected(cluster: Cluster, workers: int) -> Iterator[Any]:
    """The module ray, connected. Raises UsageError when it is missing, WorkersError without a cluster."""
    os.environ.update(SETTINGS)  # read when it is imported, as the next
    if not cluster.address and "RAY_AUTH_MODE" not in os.environ:  # else it keeps a token in the user's home
        os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
    try:
        import ray
    except ImportError as error:
        raise UsageError("--engine ray needs a package: pip install '.[cluster]'") from error
    left = ExitStack()
    options: dict[str, Any] = {"address": cluster.address, "log_to_driver": False}
    if not cluster.address:
        place = tempfile.gettempdir()
        folder = left.enter_context(scratch_folder(place if len(place) <= MAX_FOLDER else SHORT_FOLDER))
        options = {
            "address": "local",
            "num_cpus": workers or None,
            "include_dashboard": False,
            "object_store_memory": STORE_BYTES,
            "log_to_driver": False,
            "_temp_dir": str(folder),
        }
    try:
        _knock(cluster.address)
        with _handlers_kept():
            ray.init(**options, configure_logging=False)
        yield ray
    except Exception as error:  # Ray raises bare ones, too, as where it cannot begin in time
        if ray.is_initialized():
            raise
        where = f"{cluster.address or 'this machine'}: {error}"
        hint = f"; {ASK_OF_CLUSTER}" if cluster.address else ""
        raise WorkersError(f"no Ray cluster can be used at {where}{hint}") from error
    finally:
        with _handlers_kept():
            ray.shutdown()
        left.close()


def _knock(address: str) -> None:
    """Raises OSError where nobody answers: Ray itself tries for minutes."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """Has signals do what they did before: Ray has SIGTERM end the program at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [(one, signal.getsignal(one)) for one in FOR_THE_PARENT]
    try:
        yield
    finally:
        for one, handler in before:
            signal.signal(one, handler)
