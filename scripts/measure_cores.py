"""Measures how a scan grows with workers, with and without a GPU: python -m scripts.measure_cores FOLDER

Needs the extra train for `yolo predict` beside it. The more workers, the more files they get, so that each
run takes about as long.
"""

import contextlib
import functools
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from detector.cli import run_script
from detector.training.drawing.samples import Workshop, open_workshop
from detector.training.drawing.workload import FRAMES_PER_SECOND, make_clip, make_photo
from scripts.benchmark import (
    DATASETS,
    ONE_FLAG_IN,
    WEIGHTS,
    WITH,
    remove_output,
    run_program,
    scan_command,
    watch_program,
    yolo_command,
)

LOOKING = re.compile(r"looking took ([0-9.]+) s")
GPU = "nvidia-smi", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits", "-lms", "250"
COPIES = 8  # of each clip, told apart by what follows its end


@dataclass(frozen=True, slots=True)
class Work:
    """Files of one kind, the first of which are looked at."""

    name: str
    paths: Sequence[Path]
    unit: str
    worth: float
    """Of a file, in those units."""
    yolo: tuple[str, ...] = ()


def main(
    work: Annotated[Path, typer.Argument(help="Folder for what is made, kept for the next run.")],
    device: Annotated[list[str], typer.Option(help="Of the scan; may be repeated.")] = ["cpu"],  # noqa: B006
    workers: Annotated[list[int], typer.Option()] = [1, 2, 4, 8, 16],  # noqa: B006
    photos: Annotated[int, typer.Option(help="For each worker.")] = 200,
    clips: Annotated[int, typer.Option(help="For each worker.")] = 8,
    clip_seconds: int = 20,
    yolo: Annotated[str, typer.Option(help="Device of yolo predict; without, it is not run.")] = "",
    batch: Annotated[int, typer.Option(help="Of yolo predict.")] = 64,
) -> None:
    """Prints a table in Markdown."""
    most = max(workers)
    print("| what | program | speed | looking | of a core | driver | of the GPU | MB a process |")
    print("|---|---|--:|--:|--:|--:|--:|--:|", flush=True)
    for one in make_work(work, most * photos, most * clips, clip_seconds):
        for name in device:
            for count in sorted(workers):
                part = one.paths[: len(one.paths) * count // most]
                print_scan(work, one, part, ("--device", name, "--workers", str(count)))
        if yolo:
            for size in (1, batch):
                print_yolo(work, one, one.paths[: len(one.paths) // 4], yolo, size)


def print_scan(work: Path, one: Work, paths: Sequence[Path], words: Sequence[str]) -> None:
    """A row of the table."""
    with chosen(work, paths) as folder, watched_gpu() as busy:
        command = [word for word in scan_command(folder, *words) if word != "--quiet"]
        cost, driver_seconds, said = watch_program(command)
        remove_output(command)
    found = LOOKING.search(said)
    if not found:
        raise SystemExit(f"the scan does not say how long it looked: {said}")
    amount = one.worth * len(paths)
    cells = [one.name, f"`scan {' '.join(words)}`", f"{amount / cost.wall_seconds:.1f} {one.unit}"]
    cells += [f"{amount / float(found[1]):.1f} {one.unit}", f"{1000 * cost.cpu_seconds / amount:.1f} ms"]
    cells += [f"{100 * driver_seconds / cost.wall_seconds:.0f} %", said_of(busy), f"{cost.worker_mb:.0f}"]
    print(f"| {' | '.join(cells)} |", flush=True)


def print_yolo(work: Path, one: Work, paths: Sequence[Path], device: str, batch: int) -> None:
    """A row of the table, of the same files with the .pt."""
    with chosen(work, paths) as folder, watched_gpu() as busy:
        more = (*one.yolo, f"device={device}", f"batch={batch}")
        command = yolo_command(folder, WEIGHTS.with_suffix(".pt"), 640, *more)
        cost = run_program(command)
        remove_output(command)
    amount = one.worth * len(paths)
    cells = [one.name, f"`yolo predict .pt device={device} batch={batch}`"]
    cells += [f"{amount / cost.wall_seconds:.1f} {one.unit}", ""]
    cells += [f"{1000 * cost.cpu_seconds / amount:.1f} ms", "", said_of(busy), f"{cost.worker_mb:.0f}"]
    print(f"| {' | '.join(cells)} |", flush=True)


@contextlib.contextmanager
def watched_gpu() -> Iterator[list[tuple[int, int]]]:
    """How busy the GPU is in percent, and its memory in MB, four times a second; without one nothing."""
    busy: list[tuple[int, int]] = []
    if not shutil.which(GPU[0]):
        yield busy
        return
    with subprocess.Popen(GPU, stdout=subprocess.PIPE, text=True) as process:

        def read() -> None:
            for line in process.stdout or ():
                percent, megabytes = line.split(",")
                busy.append((int(percent), int(megabytes)))

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        yield busy
        process.terminate()
        thread.join()


def said_of(busy: Sequence[tuple[int, int]]) -> str:
    """The middle half of the percentages on average, for in the beginning and end the GPU waits; most MB."""
    if not busy:
        return ""
    middle = [percent for percent, _ in busy[len(busy) // 4 : -len(busy) // 4 or None]]
    return f"{sum(middle) / len(middle):.0f} %, {max(size for _, size in busy)} MB"


@contextlib.contextmanager
def chosen(work: Path, paths: Sequence[Path]) -> Iterator[Path]:
    """A folder of these files alone."""
    with tempfile.TemporaryDirectory(prefix="chosen-", dir=work) as place:
        folder = Path(place) / "files"
        folder.mkdir()
        for path in paths:
            (folder / path.name).hardlink_to(path)
        yield folder


def make_work(work: Path, photos: int, clips: int, seconds: int) -> Iterator[Work]:
    """Photos of which one in `ONE_FLAG_IN` has a flag, and clips without and with one throughout."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        places = [work / "photos" / f"{number:05}.jpg" for number in range(photos)]
        list(pool.map(draw_photo, places, range(photos), chunksize=8))
        yield Work(f"photos, 1 in {ONE_FLAG_IN} with a flag", places, "photos/s", 1)
        for flag in (False, True):
            folder = work / f"clips-{WITH[flag]}"
            numbers = range(-(-clips // COPIES))
            draw = functools.partial(draw_clips, folder, flag=flag, seconds=seconds)
            made = pool.map(draw, numbers)
            yield Work(
                f"video {WITH[flag]} a flag",
                [path for paths in zip(*made, strict=True) for path in paths],
                "s of video/s",
                seconds,
                (f"vid_stride={FRAMES_PER_SECOND}",),
            )


@functools.cache
def _workshop() -> Workshop:
    return open_workshop(DATASETS)


def draw_photo(path: Path, number: int) -> None:
    """Writes it unless it is there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".half.jpg")
        make_photo(half, number, _workshop(), flag=number % ONE_FLAG_IN == 0)
        half.rename(path)


def draw_clips(folder: Path, number: int, *, flag: bool, seconds: int) -> list[Path]:
    """Writes a clip unless it is there; and copies whose content differs in a box that nothing shows."""
    paths = [folder / f"{number:02}-{copy}.mp4" for copy in range(COPIES)]
    if not paths[-1].exists():
        folder.mkdir(parents=True, exist_ok=True)
        half = folder / f"{number:02}.half.mp4"
        make_clip(half, number, _workshop(), flag=flag, seconds=seconds)
        for copy, path in enumerate(paths):
            path.write_bytes(half.read_bytes() + b"\0\0\0\x0cfree" + copy.to_bytes(4))
        half.unlink()
    return paths


if __name__ == "__main__":
    run_script(main)
