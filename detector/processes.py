"""How worker processes are begun."""

import multiprocessing
import signal
import sys
from multiprocessing import forkserver
from multiprocessing.context import BaseContext

IMPORTED = ["detector.worker"]  # what every worker needs: a second of imports, done once


def choose_context() -> BaseContext:
    """Clean processes; on Linux forked from one that has done the imports and nothing else."""
    if sys.platform != "linux":
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
