"""How fast a scan is beside what one would run instead: `yolo predict` with the same weights and files.

Every program is run whole, in turn (A B C A B C …), and compared by the ratio of medians of one run, for the
speed of a shared machine changes. Writes `benchmark.json`. Needs the extras train and openvino.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import timeit
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image
from threadpoolctl import threadpool_limits

REPOSITORY = Path(__file__).resolve().parent.parent
SAMPLES = REPOSITORY / "datasets" / "samples"
WEIGHTS = REPOSITORY / "weights" / "flags.onnx"
PHOTO_MEGAPIXELS = (0.5, 12.0)
CLIP_FRAMES_PER_SECOND = 30
WITHOUT_FLAG = ("crowd", "look-alikes")
ONE_FLAG_IN = 5
WATCH_SECONDS = 1.0  # adding up memory takes 20 ms of a core: ten times a second slowed what is measured


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a program took."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    """Resident memory of all its processes together, what they share counted once."""


def main() -> None:
    """Makes the work and runs all comparisons, printing as they come."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=1000, help="photos made")
    parser.add_argument("--folder", type=Path, help="photos to use instead of made ones")
    parser.add_argument("--clips", type=int, default=10, help="clips made")
    parser.add_argument("--clip-seconds", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=640, help="input size of yolo predict")
    parser.add_argument("--files", type=int, nargs="*", default=[1, 10, 100, 1000, 10_000], help="flatness")
    parser.add_argument("--long-minutes", type=int, nargs="*", default=[10, 120], help="flatness of memory")
    parser.add_argument("--out", type=Path, default=Path("benchmark.json"))
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="benchmark-"))
    try:
        results = run_all(options, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    options.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(f"written to {options.out}")


def run_all(options: argparse.Namespace, work: Path) -> dict[str, object]:
    """All figures, by name."""
    photos = options.folder or make_photos(work / "photos", options.photos)
    count = sum(1 for path in photos.iterdir() if path.is_file())
    results: dict[str, object] = {"cores": os.cpu_count(), "photos": count, "rounds": options.rounds}
    results["limit"] = measure_limit(options.size)
    if count:
        results["photos_run"] = compare(
            photo_programs(photos, options.size), options.rounds, count, "images/s"
        )
    if options.clips:
        clips = make_clips(work / "clips", options.clips, options.clip_seconds)
        seconds = options.clips * options.clip_seconds
        programs = video_programs(clips, options.size)
        results["video_run"] = compare(programs, options.rounds, seconds, "seconds of video/s")
    results["help_seconds"] = statistics.median(
        run_program([sys.executable, "-m", "detector", "--help"]).wall_seconds for _ in range(5)
    )
    print(f"detector --help: {results['help_seconds']:.2f} s")
    flat = {}
    for files in options.files:
        folder = make_small_files(work / f"small{files}", files)
        cost = run_program(scan_command(folder))
        flat[files] = asdict(cost) | {"seconds_per_file": cost.wall_seconds / files}
        print(f"{files} small files: {cost.wall_seconds / files:.3f} s each, {cost.peak_mb:.0f} MB")
    results["by_number_of_files"] = flat
    long = {}
    for minutes in options.long_minutes:
        video = make_clips(work / f"long{minutes}", 1, minutes * 60, resolution=(640, 360))
        cost = run_program(scan_command(video))
        long[minutes] = asdict(cost)
        print(f"video of {minutes} minutes: {cost.wall_seconds:.0f} s, {cost.peak_mb:.0f} MB")
    results["by_minutes_of_video"] = long
    return results


def measure_limit(size: int) -> dict[str, float]:
    """What the network asks for at a square input of SIZE pixels, and what one core gives at its best."""
    from detector.offline import import_ultralytics

    ultralytics = import_ultralytics()
    model = ultralytics.YOLO(WEIGHTS.with_suffix(".pt")).model
    gflops = float(ultralytics.utils.torch_utils.get_flops(model, size))
    side = 2048
    left, right = np.random.default_rng(0).random((2, side, side), np.float32)
    with threadpool_limits(1):
        seconds = min(timeit.repeat(lambda: left @ right, number=1, repeat=5))
    peak = 2 * side**3 / seconds / 1e9
    print(f"network: {gflops:.1f} GFLOP an image; one core: {peak:.0f} GFLOP/s, {peak / gflops:.0f} images/s")
    return {"gflop_per_image": gflops, "gflops_of_one_core": peak, "images_per_second": peak / gflops}


def scan_command(folder: Path, *more: str) -> list[str]:
    """A scan of the folder into a new report."""
    out = tempfile.mkdtemp(prefix="report-", dir=folder.parent)
    return [sys.executable, "-m", "detector", "scan", str(folder), "--out", out, "--quiet", *more]


def photo_programs(folder: Path, size: int) -> dict[str, list[str]]:
    """What is compared on photos."""
    return {
        "yolo predict .pt": yolo_command(folder, WEIGHTS.with_suffix(".pt"), size),
        "yolo predict .onnx": yolo_command(folder, WEIGHTS, size),
        "detector scan": scan_command(folder),
        "detector scan --detail fast": scan_command(folder, "--detail", "fast"),
        "detector scan --device openvino": scan_command(folder, "--device", "openvino"),
        "detector scan --detail fast --device openvino": scan_command(
            folder, "--detail", "fast", "--device", "openvino"
        ),
    }


def video_programs(folder: Path, size: int) -> dict[str, list[str]]:
    """What is compared on videos: one frame a second."""
    stride = f"vid_stride={CLIP_FRAMES_PER_SECOND}"
    return {
        "yolo predict .pt": yolo_command(folder, WEIGHTS.with_suffix(".pt"), size, stride),
        "yolo predict .onnx": yolo_command(folder, WEIGHTS, size, stride),
        "detector scan": scan_command(folder),
        "detector scan --device openvino": scan_command(folder, "--device", "openvino"),
        "detector scan --keyframes": scan_command(folder, "--keyframes"),
    }


def yolo_command(folder: Path, weights: Path, size: int, *more: str) -> list[str]:
    """ultralytics' own command line: pictures with boxes and labels as text, as a scan writes them."""
    program = [sys.executable, "-c", "from ultralytics.cfg import entrypoint; entrypoint()"]
    project = tempfile.mkdtemp(prefix="yolo-", dir=folder.parent)
    words = ["predict", f"model={weights}", f"source={folder}", f"imgsz={size}", "device=cpu", "save=True"]
    return [*program, *words, "save_txt=True", "save_conf=True", "verbose=False", f"project={project}", *more]


def compare(
    programs: dict[str, list[str]], rounds: int, amount: int, unit: str
) -> dict[str, dict[str, object]]:
    """Runs the programs in turn; the first is what the others are compared with."""
    costs: dict[str, list[Cost]] = {name: [] for name in programs}
    for number in range(rounds):
        for name, command in programs.items():
            cost = run_program(fresh(command))
            costs[name].append(cost)
            print(f"round {number + 1}: {name}: {amount / cost.wall_seconds:.1f} {unit}", flush=True)
    rates = {name: statistics.median(amount / one.wall_seconds for one in of) for name, of in costs.items()}
    results: dict[str, dict[str, object]] = {}
    for name, of in costs.items():
        cores = statistics.median(one.cpu_seconds / one.wall_seconds for one in of)
        results[name] = {
            unit: rates[name],
            "peak_mb": max(one.peak_mb for one in of),
            "cores_used": cores,
            "times_as_fast_as": {other: rates[name] / rates[other] for other in rates if other != name},
            "runs": [asdict(one) for one in of],
        }
        ratios = ", ".join(f"{rates[name] / rates[other]:.2f} × {other}" for other in rates if other != name)
        print(f"{name}: {rates[name]:.1f} {unit}, {results[name]['peak_mb']:.0f} MB, {ratios}")
    return results


def fresh(command: Sequence[str]) -> list[str]:
    """The command with its report folder emptied, so that no run finds the work of the one before."""
    for word in command:
        folder = Path(word.removeprefix("project="))
        if folder.name.startswith(("report-", "yolo-")):
            shutil.rmtree(folder, ignore_errors=True)
    return list(command)


def run_program(command: Sequence[str]) -> Cost:
    """Runs it to its end. Raises CalledProcessError when it fails; failed files in a scan are no failure."""
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
        if status not in (0, 1) or (status and "detector" not in command):
            output.seek(0)
            sys.stderr.write(output.read().decode(errors="replace")[-2000:])
            raise subprocess.CalledProcessError(status, command)
    return Cost(wall_seconds, sum(watched.cpu_seconds.values()), watched.peak_mb)


@dataclass(slots=True)
class Watched:
    """What a program and all processes below it have taken so far, looked at every `WATCH_SECONDS`."""

    peak_mb: float = 0.0
    cpu_seconds: dict[int, float] = field(default_factory=dict)
    """By process, those that have ended included."""


def watch_processes(root: psutil.Process, watched: Watched) -> None:
    """Keeps `watched` up to date until the program is gone."""
    while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
        resident = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            for one in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess), one.oneshot():
                    times = one.cpu_times()
                    watched.cpu_seconds[one.pid] = times.user + times.system
                    resident += one.memory_full_info().pss
        watched.peak_mb = max(watched.peak_mb, resident / 1e6)
        time.sleep(WATCH_SECONDS)


# Work


def make_photos(folder: Path, count: int, *, megapixels: tuple[float, float] = PHOTO_MEGAPIXELS) -> Path:
    """Photos between two sizes from the sample scenes: cut, turned round, noisy, all different."""
    folder.mkdir()
    scenes = read_scenes()
    for number in range(count):
        rng = np.random.default_rng([1, number])
        pixels = np.exp(rng.uniform(*np.log(megapixels))) * 1e6
        height = int((pixels / 1.5) ** 0.5)
        image = vary(scenes[number % len(scenes)], (int(height * 1.5), height), rng)
        Image.fromarray(image).save(folder / f"{number:05}.jpg", quality=int(rng.integers(70, 93)))
    return folder


def make_small_files(folder: Path, count: int) -> Path:
    """Many photos of 480 × 320 pixels."""
    folder.mkdir()
    scenes = read_scenes()
    for number in range(count):
        image = vary(scenes[number % len(scenes)], (480, 320), np.random.default_rng([2, number]))
        Image.fromarray(image).save(folder / f"{number:05}.jpg", quality=80)
    return folder


def make_clips(folder: Path, count: int, seconds: int, *, resolution: tuple[int, int] = (1920, 1080)) -> Path:
    """H.264 clips of a camera moving over a scene, with noise."""
    folder.mkdir()
    scenes = read_scenes()
    width, height = resolution
    for number in range(count):
        rng = np.random.default_rng([3, number])
        scene = cv2.resize(scenes[number % len(scenes)], (width * 5 // 4, height * 5 // 4))
        grain = np.repeat(rng.integers(0, 12, (height, width, 1), np.uint8), 3, axis=2)
        with av.open(str(folder / f"{number:02}.mp4"), "w") as container:
            stream = container.add_stream(
                "libx264", rate=CLIP_FRAMES_PER_SECOND, options={"preset": "veryfast"}
            )
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for index in range(seconds * CLIP_FRAMES_PER_SECOND):
                way = (1 + np.sin(index / 90)) / 2
                left, top = int(way * width / 4), int((1 - way) * height / 4)
                view = cv2.add(
                    scene[top : top + height, left : left + width], np.roll(grain, index * 7, axis=1)
                )
                frame = av.VideoFrame.from_ndarray(np.asarray(view, np.uint8), format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, CLIP_FRAMES_PER_SECOND)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return folder


def read_scenes() -> list[NDArray[np.uint8]]:
    """Sample photos in a row of which one in `ONE_FLAG_IN` shows a flag, as few do in what people collect."""
    paths = [path for path in sorted(SAMPLES.glob("*.jpg")) if path.stem != "broken"]
    scenes = {path.stem: np.asarray(Image.open(path).convert("RGB")) for path in paths}
    plain = [scenes.pop(name) for name in WITHOUT_FLAG]
    return [
        scene if not place else plain[place % len(plain)]
        for scene in scenes.values()
        for place in range(ONE_FLAG_IN)
    ]


def vary(scene: NDArray[np.uint8], size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Most of the scene at another size, perhaps mirrored, with grain, so that no two photos are alike."""
    height, width = scene.shape[:2]
    share = rng.uniform(0.8, 1)
    left, top = (int(rng.uniform(0, side * (1 - share))) for side in (width, height))
    part = scene[top : top + int(height * share), left : left + int(width * share)]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    image = cv2.resize(np.ascontiguousarray(part), size, interpolation=cv2.INTER_CUBIC)
    grain = np.repeat(rng.integers(0, 10, (*image.shape[:2], 1), np.uint8), 3, axis=2)
    return cv2.add(image, grain).astype(np.uint8)


if __name__ == "__main__":
    main()
