"""Measures what Ray costs beside the local engine: python -m scripts.measure_cluster [--photos N]

What an engine takes to begin, once a scan, is told apart from what a file takes; the report is not measured.
Engines take turns, and ratios are those of one round, for the speed of a shared machine changes.
"""

import multiprocessing
import pickle
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import psutil
import typer

from detector.cli import run_script
from detector.engines import choose_engine
from detector.engines.station import Station, hash_weights, marking
from detector.errors import DetectorError
from detector.model import read_weights_info
from detector.options import ScanOptions, default_weights
from detector.scanning import worker_settings
from detector.settings import WorkerSettings
from detector.sources import find_media
from detector.training.drawing.samples import open_workshop
from detector.training.drawing.workload import make_photo
from detector.worker import FileResult

DATASETS = Path(__file__).parent.parent / "datasets"
MEGAPIXELS = 2.0, 2.0
ONE_FLAG_IN = 5  # photos
# Results for each worker that are not counted: by then all have begun; in the end they have fewer in hand.
# What is done and not given out yet, several files a worker by Ray, is as much at the first as at the last.
BEGINNING, ENDING = 6, 8
RAY = "Ray's own"
ROLES = {"multiprocessing": "looking", "ray::": "actor"}  # by what is in the command; others are Ray's own
OF_EACH_WORKER = ("looking", "actor")


@dataclass(frozen=True, slots=True)
class Cost:
    """What files took, and what is left of memory after the last."""

    begin_seconds: float
    """Until the first result."""
    begin_work_seconds: float
    """Of a processor, Ray's own processes included."""
    wall_seconds: float
    cpu_seconds: dict[str, float]
    """Of a file, by role."""
    memory_mb: dict[str, float]
    """By role, what processes share counted once; for some roles that of each worker."""

    @property
    def work_seconds(self) -> float:
        """Processor time of a file, without that of Ray's own processes, which do not wait for files."""
        return sum(seconds for role, seconds in self.cpu_seconds.items() if role != RAY)


def main(
    photos: Annotated[int, typer.Option(help="Photos of two megapixels, one in five with a flag.")] = 200,
    rounds: Annotated[int, typer.Option(help="So often each engine has its turn.")] = 5,
    workers: Annotated[list[int], typer.Option(help="Numbers of workers.")] = [1, 2, 4],  # noqa: B006
    folder: Annotated[Path | None, typer.Option(help="Photos to use instead of made ones.")] = None,
) -> None:
    """Prints what each engine takes to begin and for each file, what Ray adds, memory, and bytes sent.

    On two processors with nothing else to do the defaults were reckoned to take twenty minutes. After each
    round it says what is known by then: what ends it loses only a round.
    """
    with tempfile.TemporaryDirectory(prefix="measure-") as work:
        place = folder or _make_photos(Path(work) / "photos", photos)
        _print_bytes(place, Path(work) / "bytes")
        costs: dict[tuple[str, int], list[Cost]] = defaultdict(list)
        for number in range(1, rounds + 1):
            for count in workers:
                for engine in ("local", "ray"):
                    cost = _apart(engine, count, place, Path(work) / f"{engine}-{count}-{number}")
                    costs[engine, count].append(cost)
                    print(
                        f"round {number}: {engine}, {count} workers: {cost.wall_seconds * 1000:.1f} ms, "
                        f"{cost.work_seconds * 1000:.1f} ms of a processor",
                        flush=True,
                    )
            for count in workers:
                _print_costs(count, costs["local", count], costs["ray", count])


def _print_costs(count: int, local: list[Cost], ray: list[Cost]) -> None:
    for what in ("begin_seconds", "begin_work_seconds"):
        here, there = (statistics.median(getattr(one, what) for one in costs) for costs in (local, ray))
        print(f"{count} workers, {what} of a scan, medians: local {here:.1f}, ray {there:.1f}")
    for what in ("wall_seconds", "work_seconds"):
        here, there = ([getattr(one, what) for one in costs] for costs in (local, ray))
        more = [100 * (b / a - 1) for a, b in zip(here, there, strict=True)]
        print(
            f"{count} workers, {what} of a file, medians: local {statistics.median(here):.4f}, "
            f"ray {statistics.median(there):.4f}; ray adds "
            f"{1000 * statistics.median(b - a for a, b in zip(here, there, strict=True)):+.1f} ms, "
            f"{statistics.median(more):+.1f} % ({min(more):+.1f} to {max(more):+.1f} in {len(more)} rounds)"
        )
    for engine, costs in (("local", local), ("ray", ray)):
        for role in costs[0].memory_mb:
            cpu = statistics.median(one.cpu_seconds[role] for one in costs)
            share = statistics.median(one.cpu_seconds[role] / one.wall_seconds for one in costs)
            print(
                f"  {engine}, {role}: {cpu * 1000:.1f} ms of a processor for a file, {100 * share:.1f} % of "
                f"one; at most {max(one.memory_mb[role] for one in costs):.0f} MB"
            )


def _make_photos(folder: Path, count: int) -> Path:
    folder.mkdir()
    workshop = open_workshop(DATASETS)
    for number in range(count):
        flag = number % ONE_FLAG_IN == 0
        make_photo(folder / f"{number:05}.jpg", number, workshop, flag=flag, megapixels=MEGAPIXELS)
    return folder


def _apart(engine: str, workers: int, folder: Path, out: Path) -> Cost:
    """Measures in a process of its own, so that none finds the memory of those before."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_measure, engine, workers, folder, out).result()


def _measure(engine: str, workers: int, folder: Path, out: Path) -> Cost:
    options = ScanOptions(paths=(folder,), out=out, engine=engine, workers=workers)
    media = list(find_media(options.paths))
    beginning, ending = BEGINNING * workers, ENDING * workers
    if len(media) < 2 * (beginning + ending):
        raise SystemExit(f"{len(media)} files are too few for {workers} workers: {2 * (beginning + ending)}")
    called, at_call = time.monotonic(), _cpu_seconds()
    scan = choose_engine(options, out)
    with closing(
        scan(media, _settings(options), file_timeout=options.file_timeout, stop=threading.Event())
    ) as results:
        _take(results, 1)
        begin, begin_work = time.monotonic() - called, sum(_cpu_seconds().values()) - sum(at_call.values())
        _take(results, beginning - 1)
        began, before = time.monotonic(), _cpu_seconds()
        files = _take(results, len(media) - beginning - ending)
        wall, after = time.monotonic() - began, _cpu_seconds()
        cpu = {role: (seconds - before[role]) / files for role, seconds in after.items()}
        cost = Cost(begin, begin_work, wall / files, cpu, _memory(workers))
        _take(results, ending)
        return cost


def _take(results: Iterator[FileResult], count: int) -> int:
    """Takes so many results. Raises SystemExit for a file that cannot be read."""
    for result in islice(results, count):
        if result.status == "failed":
            raise SystemExit(f"{result.media.name}: {result.reason}; measure with files that can be read")
    return count


def _settings(options: ScanOptions) -> WorkerSettings:
    options.out.mkdir()
    return worker_settings(options, read_weights_info(default_weights(), detail=options.detail))


def _processes() -> Iterator[tuple[str, psutil.Process]]:
    """This process and all below it, with their roles; those that end meanwhile are passed over."""
    this = psutil.Process()
    yield "driver", this
    for one in this.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            command = " ".join(one.cmdline())
            yield next((role for part, role in ROLES.items() if part in command), RAY), one


def _cpu_seconds() -> dict[str, float]:
    seconds: dict[str, float] = defaultdict(float)
    for role, one in _processes():
        times = one.cpu_times()
        seconds[role] += times.user + times.system
    return seconds


def _memory(workers: int) -> dict[str, float]:
    memory: dict[str, float] = defaultdict(float)
    for role, one in _processes():
        memory[role] += one.memory_full_info().pss / 1e6 / (workers if role in OF_EACH_WORKER else 1)
    return dict(memory)


def _print_bytes(folder: Path, out: Path) -> None:
    """What of each file goes over the network: the file, its pictures, its name and its result."""
    options = ScanOptions(paths=(folder,), out=out)
    settings = _settings(options)
    read: list[int] = []
    sent: list[int] = []
    found: dict[str, list[int]] = defaultdict(list)
    with marking(out) as target:
        station = Station(settings, hash_weights(settings.weights), options.file_timeout, target)
        for media in find_media(options.paths):
            looked = station.look(media)
            if isinstance(looked, DetectorError):
                raise looked
            read.append(media.size())
            sent.append(len(pickle.dumps(media)))
            found[looked.result.status].append(len(pickle.dumps(looked)))
        station.end()
    pictures = sum(path.stat().st_size for path in out.rglob("*.jpg"))
    print(f"bytes of a file, worker to report: mean {pictures / len(read):.0f} of {len(read)} files")
    answers = {f"worker to driver, {status}": sizes for status, sizes in found.items()}
    for what, sizes in {"read by the worker": read, "driver to worker": sent, **answers}.items():
        print(f"bytes of a file, {what}: mean {statistics.mean(sizes):.0f} of {len(sizes)} files")


if __name__ == "__main__":
    run_script(main)
