"""Media in, FileResults out: where the workers run."""

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

from detector.engines.answers import find_answers
from detector.engines.local import scan_files
from detector.options import AUTO, CORES, ScanOptions
from detector.worker import FileResult

Engine = Callable[..., Generator[FileResult, None, None]]

__all__ = ["Engine", "choose_engine", "count_workers", "find_answers", "scan_files"]


def choose_engine(options: ScanOptions, place: Path) -> Engine:
    """What scans files as `scan_files` does, given files, settings, `file_timeout` and `stop`.

    `place` is where the report is to be in the end, on a disk or in a storage.
    """
    if options.engine == "local":
        return partial(scan_files, workers=count_workers(options))
    from detector.engines import ray  # it comes with an extra

    cluster = ray.Cluster(address=options.address, gpus_per_worker=options.gpus_per_worker, place=place)
    return partial(ray.scan_files, cluster=cluster, workers=options.workers)


def count_workers(options: ScanOptions) -> int:
    """How many processes of this machine work at a time; a cluster's workers are elsewhere."""
    if options.workers == AUTO:
        return CORES
    return options.workers if options.engine == "local" else min(CORES, options.workers)
