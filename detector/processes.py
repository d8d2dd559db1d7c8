"""How worker processes are begun."""

import multiprocessing
import signal
import sys
import tempfile
from multiprocessing import forkserver
from multiprocessing.context import BaseContext

IMPORTED = ["detector.worker"]  # what every worker needs: a second of imports, done once
SAFE_SINCE = (3, 11, 1)  # before, other users of the machine could reach a fork server (CVE-2022-42919)
MAX_FOLDER = 64  # characters: a socket's path may have 107, and multiprocessing adds its own


def choose_context() -> BaseContext:
    """Clean processes; on Linux forked from one that has done the imports and nothing else."""
    folder = len(tempfile.gettempdir())
    if sys.platform != "linux" or sys.version_info < SAFE_SINCE or folder > MAX_FOLDER:
        return multiprocessing.get_context("spawn")
    multiprocessing.set_forkserver_preload(IMPORTED)
    return multiprocessing.get_context("forkserver")


def import_early() -> None:
    """Has the imports begin beside those of this process; to be called in the main thread."""
    if choose_context().get_start_method() == "forkserver":
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: Ctrl-C is for this process
        try:
            forkserver.ensure_running()
        finally:
            signal.signal(signal.SIGINT, before)
