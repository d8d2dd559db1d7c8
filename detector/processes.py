"""How worker processes are begun, and how they end with the process that began them."""

import ctypes
import functools
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import connection, forkserver, resource_tracker
from multiprocessing.context import BaseContext
from pathlib import Path

IMPORTED = ["detector.worker"]  # what every worker needs: a second of imports, done once
SAFE_PATH = "PYTHONSAFEPATH"
SAFE_SINCE = (3, 11, 1)  # before, other users of the machine could reach a fork server (CVE-2022-42919)
MAX_FOLDER = 64  # characters: a socket's path may have 107, and multiprocessing adds its own
GIGABYTE = 1 << 30
FOR_THE_PARENT = tuple(  # what asks the scan to stop, often sent to all its processes at once
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def choose_context() -> BaseContext:
    """Clean processes, to be begun within `safe_imports`.

    On Linux they are forked from one that has done the imports and nothing else.
    """
    folder = len(tempfile.gettempdir())
    if sys.platform != "linux" or sys.version_info < SAFE_SINCE or folder > MAX_FOLDER:
        return multiprocessing.get_context("spawn")
    multiprocessing.set_forkserver_preload(IMPORTED)
    return multiprocessing.get_context("forkserver")


@contextmanager
def safe_imports() -> Iterator[None]:
    """Has processes begun meanwhile import nothing from the folder in which this one was begun.

    A stranger's numpy.py may lie there, and `python -c`, by which they are begun, looks there first.
    What else a program begins that uses this package is left as it is.
    """
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before


def import_early() -> None:
    """Has the imports begin beside those of this process; to be called in the main thread."""
    if choose_context().get_start_method() != "forkserver":
        return
    with safe_imports():
        resource_tracker.ensure_running()  # which the next begins, too; it unblocks signals at its end
        signal.pthread_sigmask(signal.SIG_BLOCK, FOR_THE_PARENT)  # a Ctrl-C meanwhile is heard afterwards
        before = [(one, signal.signal(one, signal.SIG_IGN)) for one in FOR_THE_PARENT]  # inherited
        try:
            forkserver.ensure_running()
        finally:
            for one, handler in before:
                signal.signal(one, handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, FOR_THE_PARENT)


def leave_signals_to_parent() -> None:
    """Has this worker finish its file whatever signal reaches the whole group: the parent decides."""
    for one in FOR_THE_PARENT:
        signal.signal(one, signal.SIG_IGN)


def end_with_parent() -> None:
    """Has this worker end when its parent does, however that came about."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    if sys.platform == "linux":  # by the kernel, even if a decoder lets no other thread of Python run
        import fcntl

        fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(parent.sentinel, fcntl.F_GETFL)
        fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)  # SIGIO when its other end closes
    threading.Thread(target=_wait_for_end, args=(parent.sentinel,), daemon=True).start()


def limit_memory(gigabytes: float) -> None:
    """Has this process be refused more memory than it has now and so much, where the system can do that.

    What counts on Linux is what may be written to (RLIMIT_DATA): libraries reserve far more than they use.
    """
    status = Path("/proc/self/status")
    if sys.platform != "linux" or not gigabytes or not status.exists():
        return
    import resource

    now = int(status.read_text().partition("VmData:")[2].split()[0]) * 1024
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = now + round(gigabytes * GIGABYTE)
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard < 0 else min(limit, hard), hard))


def give_back_memory() -> None:
    """Has the system take back what this process has set free, where the C library keeps it (glibc)."""
    if sys.platform == "linux" and (trim := getattr(_c_library(), "malloc_trim", None)):
        trim(0)


def silence_decoders() -> None:
    """Has this worker's libraries in C keep to themselves what they print about damaged files.

    The file's row says what is wrong with it; between progress lines such words only frighten.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


@functools.cache
def _c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _wait_for_end(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
