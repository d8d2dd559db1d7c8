"""Measures what comes after the last file of a large scan: python scripts/measure_report.py [--files N]"""

import hashlib
import multiprocessing
import os
import resource
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from detector.cli import run_script
from detector.comparing import Looking
from detector.copies import HASH_BYTES, WINDOWS
from detector.evidence import gather_evidence
from detector.ids import detection_id, frame_id
from detector.journal import define_views, open_journal, reopen_journal, utc_now
from detector.journal.database import prepare_tables
from detector.model import read_weights_info
from detector.options import ScanOptions, default_weights
from detector.parts import mark_parts
from detector.report import RunInfo, write_report
from detector.scanning import PART_FILES, scan_identity, worker_settings
from detector.storage import is_here

FLAG, VIDEO, COPY = 0.1, 0.02, 0.2  # shares of the files
FRAMES = 10  # of a video
ORIGINALS = 100  # files for each that copies are made of; a few have most copies
BITS_CHANGED = 10  # of a copy's hash
FILES_IN_FOLDER = 1000
FREE = 10e9  # bytes that stay free: with less, nothing goes on
Rows = list[tuple[object, ...]]


def main(
    files: Annotated[int, typer.Option(help="Made-up results.")] = 100_000,
    place: Annotated[Path | None, typer.Option(help="Folder for them, 4 kB a file; removed again.")] = None,
) -> None:
    """Prints rows made, time and memory of each step, each in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="measure-", dir=place) as work:
        folder = Path(work)
        for step in (merge, gather, write):
            began = time.perf_counter()
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
                seconds, gigabytes, made = process.submit(_measure, step, folder, files).result()
            said = f", of which {made[1]:.0f} for making {made[0]} rows" if made else ""
            print(
                f"{files} files, {step.__name__}: {time.perf_counter() - began:.0f} s, {seconds:.0f} s of a "
                f"processor{said}, at most {gigabytes:.2f} GB of memory",
                flush=True,
            )
        size = (folder / "report" / "scan.db").stat().st_size
        print(f"scan.db: {size / files / 1e3:.2f} kB a file")


def _measure(
    step: Callable[[Path, int], tuple[int, float] | None], folder: Path, files: int
) -> tuple[float, float, tuple[int, float] | None]:
    made = step(folder, files)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9, made


def merge(folder: Path, files: int) -> tuple[int, float]:
    """Parts as workers' results are kept in a storage, each into a journal once it is made, so that the disk
    never holds all twice; gives the rows made and what making them took of a processor.
    """
    identity = _describe(folder)[1]
    pool = np.random.default_rng(0).integers(0, 256, (max(1, files // ORIGINALS), HASH_BYTES), np.uint8)
    part, made, seconds = folder / "part.db", 0, 0.0
    with open_journal(folder / "report", identity, utc_now()) as journal:
        for first in range(0, files, PART_FILES):
            if shutil.disk_usage(folder).free < FREE:
                raise RuntimeError(f"less than {FREE / 1e9:.0f} GB are free: stopped at file {first}")
            began = time.process_time()
            made += _make_part(part, range(first, min(files, first + PART_FILES)), pool, identity)
            seconds += time.process_time() - began
            journal.merge_part(part, identity)
            part.unlink()
        journal.complete()
    return made, seconds


def _make_part(path: Path, numbers: range, pool: NDArray[np.uint8], identity: dict[str, str]) -> int:
    """Hashes are random, copies some bits from theirs. Gives the rows made."""
    made = _make_rows(numbers, pool)
    with closing(sqlite3.connect(path)) as part:
        prepare_tables(part, path.parent, identity)
        with part:
            for table, rows in made.items():
                if rows:
                    part.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        part.execute("PRAGMA journal_mode = DELETE")
    return sum(map(len, made.values()))


def gather(folder: Path, _files: int) -> None:
    """Evidence: posts, copies, events."""
    looking = Looking(1, 2.0, lambda *_: None, threading.Event())
    with reopen_journal(folder / "report", 0) as journal:
        gather_evidence(journal, looking, every_seconds=1.0, key=b"")
        mark_parts(journal, looking)
        journal.seal()


def write(folder: Path, _files: int) -> None:
    """Tables, page, manifest."""
    with reopen_journal(folder / "report", 0) as journal:
        info = define_views(journal.connection)
        write_report(journal, folder / "report", _describe(folder)[0], info, may_fetch=is_here)


def _describe(folder: Path) -> tuple[RunInfo, dict[str, str]]:
    options = ScanOptions(out=folder / "report")
    weights = read_weights_info(default_weights(), detail=options.detail)
    settings = worker_settings(options, weights)
    now = utc_now()
    return RunInfo(weights, settings, now, now, True), scan_identity(settings, weights)


def _make_rows(numbers: range, pool: NDArray[np.uint8]) -> dict[str, Rows]:
    rng = np.random.default_rng([1, numbers.start])
    rows: dict[str, Rows] = {"inputs": [], "results": [], "frames": [], "detections": []}
    root = b"/made"
    for number in numbers:
        kind = "video" if rng.random() < VIDEO else "photo"
        name = f"{number // FILES_IN_FOLDER:06}/{number:09}.{'mp4' if kind == 'video' else 'jpg'}"
        sha256 = hashlib.sha256(str(number).encode()).hexdigest()
        size, has_flag = int(rng.integers(100_000, 1_000_000)), rng.random() < FLAG
        status = "ok" if has_flag else "no_detection"
        path = os.path.join(root, name.encode())  # noqa: PTH118 (bytes, as in the journal)
        rows["inputs"].append((path, root, name, kind, 0, 1, 1, sha256, size, "", "", ""))
        frames = FRAMES if kind == "video" else 1
        shape = (kind, status, "", 1200, 900, frames, 0, float(frames), float(frames), "")
        rows["results"].append((sha256, size, *shape))
        for frame in range(frames):
            bits = rng.integers(0, 256, HASH_BYTES, np.uint8)
            if kind == "photo" and rng.random() < COPY:
                bits = pool[int(len(pool) * rng.random() ** 3)].copy()
                bits[rng.permutation(HASH_BYTES)[:BITS_CHANGED]] ^= 1
            mirrored, windows = rng.bytes(HASH_BYTES), rng.bytes(HASH_BYTES * len(WINDOWS))
            hashes = (bits.tobytes(), mirrored, 100) * 2
            windows = windows if kind == "photo" else b""
            rows["frames"].append((sha256, frame, float(frame), *hashes, windows, b""))
            if has_flag:
                rows["detections"].append((sha256, frame, *_make_detection(rng, sha256, frame)))
    return rows


def _make_detection(rng: np.random.Generator, sha256: str, frame: int) -> Iterator[object]:
    left, top = (float(one) for one in rng.uniform(0, 800, 2))
    confidence = float(np.float32(rng.uniform(0.3, 1)))
    yield from (0, float(frame), int(rng.integers(0, 2)), confidence, -1, 0.0, 0)
    yield from (left, top, left + 90, top + 60, 0, 1200, 900)
    yield from (f"frames/{frame_id(sha256, frame)}.jpg", f"crops/{detection_id(sha256, frame, 0)}.jpg")
    yield from (rng.bytes(32).hex() for _ in range(3))


if __name__ == "__main__":
    run_script(main)
