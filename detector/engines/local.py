"""Media in, FileResults out as they come: where workers run, here a pool of processes on this machine."""

import logging
import signal
import threading
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from itertools import islice

import cv2
from pebble import ProcessExpired, ProcessPool
from threadpoolctl import threadpool_limits

from detector.errors import DetectorError
from detector.processes import choose_context
from detector.settings import WorkerSettings
from detector.sources import Media
from detector.worker import FileResult, failed_result, scan_file

GRACE_SECONDS = 10.0  # a worker ends a long video by itself; past this it hangs and is killed
FILES_PER_WORKER = 2000  # then it is replaced, so that a decoder's leak stays small
QUEUED_PER_WORKER = 2  # enough to keep workers busy, few enough to bound memory

STOP_CHECK_SECONDS = 0.5
HASH_SECONDS = 600.0  # for the hash of a file that failed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Task:
    media: Media
    failure: str = ""
    """Why a first task for the file failed; this one then only hashes it."""


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

    A file whose worker crashes, or gives no result `GRACE_SECONDS` after `file_timeout` seconds, has a failed
    result. Raises DetectorError when no file can be scanned at all, as with broken weights.
    """
    waiting = iter(media)
    pool = ProcessPool(
        max_workers=workers,
        max_tasks=FILES_PER_WORKER,
        initializer=_prepare_worker,
        context=choose_context(),
    )
    futures: dict[Future[FileResult], _Task] = {}

    def schedule(task: _Task) -> None:
        # After a failure only the hash is still wanted; even that may hang, and so is not taken here.
        work, args = (
            (failed_result, (task.media, task.failure))
            if task.failure
            else (scan_file, (task.media, settings))
        )
        seconds = HASH_SECONDS if task.failure else file_timeout + GRACE_SECONDS
        futures[pool.schedule(work, args=args, timeout=seconds)] = task

    try:
        while True:
            if stop.is_set():
                waiting = iter(())
                _drop_queued(futures)
            for one in islice(waiting, max(0, workers * QUEUED_PER_WORKER - len(futures))):
                schedule(_Task(one))
            if not futures:
                break
            for future in wait(futures, STOP_CHECK_SECONDS, FIRST_COMPLETED).done:
                task = futures.pop(future)
                failure = _find_failure(future, task.media, file_timeout)
                if not failure:
                    yield future.result()
                elif not task.failure:
                    schedule(_Task(task.media, failure))
                else:
                    yield failed_result(task.media, task.failure, hashed=False)
        pool.close()  # type: ignore[no-untyped-call]
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def _prepare_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C lets the files in hand be finished
    cv2.setNumThreads(1)  # workers are the parallelism
    threadpool_limits(1)  # of the matrix products in NumPy, which else wait for each other in every worker


def _drop_queued(futures: "dict[Future[FileResult], _Task]") -> None:
    for future in list(futures):
        if not future.running() and not future.done():
            future.cancel()
            del futures[future]


def _find_failure(future: Future[FileResult], media: Media, file_timeout: float) -> str:
    """Why a task gave no result, "" when it gave one. Raises DetectorError, which concerns all files."""
    error = future.exception()
    if isinstance(error, DetectorError):
        raise error
    if isinstance(error, TimeoutError):
        return f"no result after {file_timeout:g} s; its decoder hangs"
    if isinstance(error, ProcessExpired):
        return f"its decoder crashed (exit code {error.exitcode})"
    if error:  # a bug met by one file must not cost the others
        log.error("unexpected error in %s", media.name, exc_info=error)
        return f"unexpected error: {type(error).__name__}: {error}"
    return ""
