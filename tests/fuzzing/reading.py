"""Damaged files in, what the readers raised that they must not: each read in a process that may die."""

import multiprocessing
import resource
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from detector.errors import MediaError
from detector.frames import Coverage, Sampling, read_frames
from detector.sources import Media, find_kind

MAX_BYTES = 4 << 30
"""Of address space, so that a file that takes all memory kills its reader and not its neighbours."""
SAMPLING = Sampling(every_seconds=0, max_seconds=20)


def read_all(paths: Sequence[Path]) -> list[tuple[Path, str]]:
    """What went wrong beyond a MediaError, by file."""
    findings = []
    left = list(paths)
    while left:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _limit_memory) as pool:
            while left:
                path = left.pop(0)
                try:
                    wrong = pool.submit(read_one, path).result()
                except BrokenProcessPool:
                    findings.append((path, "the process died"))
                    break
                if wrong:
                    findings.append((path, wrong))
    return findings


def read_one(path: Path) -> str:
    """What a file makes the readers raise that they must not, "" when all is well."""
    try:
        kind = find_kind(path)
        for _ in read_frames(Media(path.parent, path.name, kind, path), SAMPLING, Coverage(kind)):
            pass
    except MediaError:
        return ""
    except Exception as error:  # noqa: BLE001 (this is what is looked for)
        return f"{type(error).__name__}: {error}"
    return ""


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
