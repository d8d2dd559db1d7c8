"""Media in, FileResults out as they come: where workers run, here a pool of processes on this machine."""

import logging
import multiprocessing
import signal
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice

import cv2
from pebble import ProcessExpired, ProcessPool

from detector.errors import DetectorError
from detector.sources import Media
from detector.worker import FileResult, WorkerSettings, failed_result, scan_file

GRACE_SECONDS = 10.0  # a worker ends a long video by itself; past this it hangs and is killed
FILES_PER_WORKER = 2000  # then it is replaced, so that a decoder's leak stays small
QUEUED_PER_WORKER = 2  # enough to keep workers busy, few enough to bound memory

log = logging.getLogger(__name__)


def scan_files(
    media: Iterable[Media], settings: WorkerSettings, *, workers: int, file_timeout: float
) -> Generator[FileResult, None, None]:
    """Results in the order in which they are done; at most a few files are taken from `media` ahead.

    A file whose worker crashes, or gives no result `GRACE_SECONDS` after `file_timeout` seconds, has a failed
    result. Raises DetectorError when no file can be scanned at all, as with broken weights.
    """
    waiting = iter(media)
    pool = ProcessPool(
        max_workers=workers,
        max_tasks=FILES_PER_WORKER,
        initializer=_prepare_worker,
        context=multiprocessing.get_context("spawn"),
    )
    futures: dict[Future[FileResult], Media] = {}
    try:
        while True:
            for one in islice(waiting, workers * QUEUED_PER_WORKER - len(futures)):
                future: Future[FileResult] = pool.schedule(
                    scan_file, args=(one, settings), timeout=file_timeout + GRACE_SECONDS
                )
                futures[future] = one
            if not futures:
                break
            for future in wait(futures, return_when=FIRST_COMPLETED).done:
                yield _read_result(future, futures.pop(future), file_timeout)
        pool.close()  # type: ignore[no-untyped-call]
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def _prepare_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C lets the files in hand be finished
    cv2.setNumThreads(1)  # workers are the parallelism


def _read_result(future: Future[FileResult], media: Media, file_timeout: float) -> FileResult:
    try:
        return future.result()
    except DetectorError:
        raise
    except TimeoutError:
        return failed_result(media, f"no result after {file_timeout:g} s; its decoder hangs")
    except ProcessExpired as error:
        return failed_result(media, f"its decoder crashed (exit code {error.exitcode})")
    except Exception as error:  # a bug met by one file must not cost the others
        log.exception("unexpected error in %s", media.name, exc_info=error)
        return failed_result(media, f"unexpected error: {type(error).__name__}: {error}")
