"""How fast a scan is beside what one would run instead: `yolo predict` with the same detector and files.

Every program is run whole, in turn (A B C A B C …), and compared with its neighbours in the same round, for
the speed of a shared machine changes. Prints a table in Markdown and writes `benchmark.json`. Needs the
extras train and openvino.
"""

import contextlib
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli import run_script
from detector.training.drawing.samples import open_workshop
from detector.training.drawing.workload import FRAMES_PER_SECOND, make_clip, make_photo

if TYPE_CHECKING:
    import psutil

REPOSITORY = Path(__file__).resolve().parent.parent
WEIGHTS = REPOSITORY / "weights" / "flags.onnx"
DATASETS = REPOSITORY / "datasets"
WITH = "without", "with"  # a flag
ONE_FLAG_IN = 20  # photos of the mix
WITH_FLAG = 100_000  # seed of the first photo with one
LONG_WH = 640, 360  # pixels of the long clips
WATCH_SECONDS = 1.0  # adding up memory takes 20 ms of a core: ten times a second slowed what is measured
ROW_SECONDS = 0.02  # between two looks whether a row is there
YOLO_PT, YOLO_ONNX = "yolo predict .pt", "yolo predict .onnx"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a program took."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    """Resident memory of all its processes together, what they share counted once."""
    worker_mb: float
    """Of the largest process, in a scan a worker."""


@dataclass(frozen=True, slots=True)
class Work:
    """What programs are compared on."""

    name: str
    folder: Path
    amount: int
    unit: str
    programs: Callable[[Path], Mapping[str, list[str]]]


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is run."""

    photos: int
    clips: int
    clip_seconds: int
    backgrounds: Path | None
    rounds: int
    size: int
    long_minutes: tuple[int, ...]


def main(
    photos: Annotated[int, typer.Option(help="Photos of each kind.")] = 200,
    clips: Annotated[int, typer.Option(help="Clips of each kind.")] = 2,
    clip_seconds: int = 60,
    backgrounds: Annotated[
        Path | None, typer.Option(help="Folder of real photos without a flag to make them of, each once.")
    ] = None,
    rounds: int = 3,
    size: Annotated[int, typer.Option(help="Input size of yolo predict.")] = 640,
    long_minutes: Annotated[
        list[int] | None, typer.Option(help="Of one more video; may be repeated.")
    ] = None,
    work: Annotated[Path | None, typer.Option(help="Folder for what is made, kept for the next run.")] = None,
    out: Path = Path("benchmark.json"),
) -> None:
    """Times scans beside yolo predict, and prints a table in Markdown.

    A short run: --photos 20 --clips 1 --clip-seconds 10 --rounds 1.
    """
    amounts = Amounts(photos, clips, clip_seconds, backgrounds, rounds, size, tuple(long_minutes or ()))
    with contextlib.ExitStack() as stack:
        folder = work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        results = run_all(amounts, folder)
    out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(f"\n{results['table']}\n\nwritten to {out}")


def run_all(amounts: Amounts, work: Path) -> dict[str, object]:
    """All figures, by name."""
    results: dict[str, object] = {"cores": os.cpu_count(), "rounds": amounts.rounds}
    results["seconds_to_start"] = measure_start(work)
    lines = [
        "| what | program | speed | × .pt | × .onnx | at worst | of a core | MB a process |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for one in make_work(amounts, work):
        costs = run_in_turn(one, amounts.rounds)
        results[one.name] = {name: [asdict(cost) for cost in of] for name, of in costs.items()}
        lines += format_rows(one, costs)
    for minutes in amounts.long_minutes:
        video = make_clips(work, 1, minutes * 60, flag=False, resolution_wh=LONG_WH)
        cost = run_program(scan_command(video))
        results[f"video of {minutes} minutes"] = asdict(cost)
        print(f"video of {minutes} minutes: {cost.wall_seconds:.0f} s, {cost.worker_mb:.0f} MB a worker")
    return results | {"table": "\n".join(lines)}


# What is run


def scan_command(folder: Path, *more: str) -> list[str]:
    """A scan of the folder into a new report."""
    out = tempfile.mkdtemp(prefix="report-", dir=folder.parent)
    return [sys.executable, "-m", "detector", "scan", str(folder), "--out", out, "--quiet", *more]


def measure_start(work: Path) -> dict[str, float]:
    """Seconds until the help is there, and until a photo's row is written; medians of five."""
    photo = make_photos(work, 1, [], flag=True)
    seconds: dict[str, list[float]] = {"--help": [], "first row": []}
    for _ in range(5):
        seconds["--help"].append(run_program([sys.executable, "-m", "detector", "--help"]).wall_seconds)
        command = scan_command(photo)
        seconds["first row"].append(wait_for_row(command))
        remove_output(command)
    medians = {name: statistics.median(of) for name, of in seconds.items()}
    print("seconds to start:", medians, flush=True)
    return medians


def wait_for_row(command: Sequence[str]) -> float:
    """Seconds from the command to the first row in the journal of its report."""
    journal = Path(command[command.index("--out") + 1]) / "scan.db"
    started, seconds = time.monotonic(), 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not seconds and process.poll() is None:
            time.sleep(ROW_SECONDS)
            with (
                contextlib.suppress(sqlite3.Error),
                contextlib.closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as connection,
            ):
                if connection.execute("SELECT 1 FROM results").fetchone():
                    seconds = time.monotonic() - started
    if not seconds:
        raise subprocess.CalledProcessError(process.returncode, list(command))
    return seconds


def yolo_command(folder: Path, weights: Path, size: int, *more: str) -> list[str]:
    """ultralytics' own command line: pictures with boxes and labels as text, as a scan writes them."""
    program = [sys.executable, "-c", "from ultralytics.cfg import entrypoint; entrypoint()"]
    project = tempfile.mkdtemp(prefix="yolo-", dir=folder.parent)
    words = ["predict", f"model={weights}", f"source={folder}", f"imgsz={size}", "device=cpu", "save=True"]
    return [*program, *words, "save_txt=True", "save_conf=True", "verbose=False", f"project={project}", *more]


def programs_for(
    size: int, scans: Mapping[str, Sequence[str]], *more: str
) -> Callable[[Path], dict[str, list[str]]]:
    """Both ways of `yolo predict`, with words more, and scans by name with their amounts."""
    return lambda folder: {
        YOLO_PT: yolo_command(folder, WEIGHTS.with_suffix(".pt"), size, *more),
        YOLO_ONNX: yolo_command(folder, WEIGHTS, size, *more),
        **{name: scan_command(folder, *words) for name, words in scans.items()},
    }


def run_in_turn(work: Work, rounds: int) -> dict[str, list[Cost]]:
    """What each program took in each round."""
    costs: dict[str, list[Cost]] = {}
    for number in range(rounds):
        for name, command in work.programs(work.folder).items():
            cost = run_program(command)
            costs.setdefault(name, []).append(cost)
            rate = work.amount / cost.wall_seconds
            print(f"{work.name}, round {number + 1}: {name}: {rate:.1f} {work.unit}", flush=True)
            remove_output(command)
    return costs


def format_rows(work: Work, costs: Mapping[str, Sequence[Cost]]) -> Iterator[str]:
    """A row of the table for each program: medians, and the worst of its pairs with each `yolo predict`.

    Time of a core is for each photo or second of video, starting included.
    """
    for name, of in costs.items():
        rate = statistics.median(work.amount / cost.wall_seconds for cost in of)
        ratios, worst = [], []
        for other in (YOLO_PT, YOLO_ONNX):
            pairs = [
                theirs.wall_seconds / ours.wall_seconds for ours, theirs in zip(of, costs[other], strict=True)
            ]
            ratios.append(f"{statistics.median(pairs):.2f}")
            worst.append(f"{min(pairs):.2f}")
        memory = max(cost.worker_mb for cost in of)
        busy = statistics.median(1000 * cost.cpu_seconds / work.amount for cost in of)
        cells = [work.name, f"`{name}`", f"{rate:.1f} {work.unit}", *ratios, " and ".join(worst)]
        yield f"| {' | '.join(cells)} | {busy:.0f} ms | {memory:.0f} |"


def remove_output(command: Sequence[str]) -> None:
    """Removes what a run has written."""
    for word in command:
        folder = Path(word.removeprefix("project="))
        if folder.name.startswith(("report-", "yolo-")):
            shutil.rmtree(folder, ignore_errors=True)


def run_program(command: Sequence[str]) -> Cost:
    """What it takes. Raises CalledProcessError when it fails; failed files in a scan are no failure."""
    return watch_program(command)[0]


def watch_program(command: Sequence[str]) -> tuple[Cost, float, str]:
    """What it takes, of that processor seconds of its first process, and what it writes; raises the same."""
    import psutil

    environment = os.environ | {"YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "false", "PYTHONWARNINGS": "ignore"}
    watched = Watched()
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = psutil.Popen(command, env=environment, stdout=output, stderr=output)
        watch = threading.Thread(target=watch_processes, args=(process, watched), daemon=True)
        watch.start()
        status = process.wait()
        wall_seconds = time.monotonic() - started
        watch.join()
        output.seek(0)
        said = output.read().decode(errors="replace")
    if status not in (0, 1) or (status and "detector" not in command):
        sys.stderr.write(said[-2000:])
        raise subprocess.CalledProcessError(status, command)
    cost = Cost(wall_seconds, sum(watched.cpu_seconds.values()), watched.peak_mb, watched.worker_mb)
    return cost, watched.cpu_seconds.get(process.pid, 0.0), said


@dataclass(slots=True)
class Watched:
    """What a program and all processes below it have taken so far, looked at every `WATCH_SECONDS`."""

    peak_mb: float = 0.0
    worker_mb: float = 0.0
    cpu_seconds: dict[int, float] = field(default_factory=dict)
    """By process, those that have ended included."""


def watch_processes(root: "psutil.Process", watched: Watched) -> None:
    """Keeps `watched` up to date until the program is gone."""
    import psutil

    while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
        resident = [0.0]
        with contextlib.suppress(psutil.NoSuchProcess):
            for one in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess), one.oneshot():
                    times = one.cpu_times()
                    watched.cpu_seconds[one.pid] = times.user + times.system
                    resident.append(one.memory_full_info().pss / 1e6)
        watched.peak_mb = max(watched.peak_mb, sum(resident))
        watched.worker_mb = max(watched.worker_mb, *resident)
        time.sleep(WATCH_SECONDS)


# Work


def make_work(amounts: Amounts, folder: Path) -> Iterator[Work]:
    """Photos without a flag, with one each, and with one in `ONE_FLAG_IN`; clips without, and throughout."""
    scan, openvino = "detector scan", "detector scan --device openvino"
    scans: dict[str, Sequence[str]] = {scan: (), openvino: ("--device", "openvino")}
    fast: dict[str, Sequence[str]] = {f"{scan} --detail fast": ("--detail", "fast")}
    keyframes: dict[str, Sequence[str]] = {f"{scan} --keyframes": ("--keyframes",)}
    if amounts.photos:
        backgrounds = sorted(amounts.backgrounds.rglob("*.jpg")) if amounts.backgrounds else []
        without = make_photos(folder, amounts.photos, backgrounds, flag=False)
        flagged = make_photos(folder, amounts.photos, backgrounds[::-1], flag=True)
        programs = programs_for(amounts.size, scans | fast)
        for name, place in (
            ("photos without a flag", without),
            ("photos with a flag each", flagged),
            (f"photos, 1 in {ONE_FLAG_IN} with a flag", mix(folder, without, flagged)),
        ):
            yield Work(name, place, len(list(place.iterdir())), "photos/s", programs)
    if amounts.clips:
        programs = programs_for(amounts.size, scans | keyframes, f"vid_stride={FRAMES_PER_SECOND}")
        for name, flag in (("video without a flag", False), ("video with a flag throughout", True)):
            place = make_clips(folder, amounts.clips, amounts.clip_seconds, flag=flag)
            yield Work(name, place, amounts.clips * amounts.clip_seconds, "s of video/s", programs)


def make_photos(folder: Path, count: int, backgrounds: Sequence[Path], *, flag: bool) -> Path:
    """Photos that are unrelated to each other; fewer where there are fewer backgrounds."""
    chosen = list(backgrounds[:count]) if backgrounds else [None] * count

    def make(half: Path) -> None:
        workshop = open_workshop(DATASETS)
        for number, background in enumerate(chosen):
            path, seed = half / f"{number:05}.jpg", number + WITH_FLAG * flag
            make_photo(path, seed, workshop, flag=flag, background=background)

    kind = ("drawn", "real")[bool(backgrounds)]
    return made_once(folder / f"{len(chosen)}-{kind}-photos-{WITH[flag]}", make)


def mix(folder: Path, without: Path, flagged: Path) -> Path:
    """The photos without a flag, but for each of `ONE_FLAG_IN` one with a flag in its place."""

    def make(half: Path) -> None:
        for number, path in enumerate(sorted(without.iterdir()), 1):
            chosen = path if number % ONE_FLAG_IN else flagged / path.name
            (half / path.name).hardlink_to(chosen)

    return made_once(folder / f"{without.name}-mixed", make)


def make_clips(
    folder: Path, count: int, seconds: int, *, flag: bool, resolution_wh: tuple[int, int] = (1920, 1080)
) -> Path:
    """Clips that are unrelated to each other."""

    def make(half: Path) -> None:
        workshop = open_workshop(DATASETS)
        for number in range(count):
            path = half / f"{number:02}.mp4"  # of the same scene with and without
            make_clip(path, number, workshop, flag=flag, seconds=seconds, resolution_wh=resolution_wh)

    return made_once(folder / f"{count}-clips-of-{seconds}-s-{WITH[flag]}", make)


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder, made whole if it is not there yet."""
    if not folder.exists():
        half = folder.with_name(f"{folder.name}-unfinished")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        make(half)
        half.rename(folder)
    return folder


if __name__ == "__main__":
    run_script(main)
