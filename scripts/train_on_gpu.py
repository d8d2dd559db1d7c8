"""Data, detector and classifier in one go, within minutes on one GPU: train_on_gpu.py OUT --photos TRAIN …

Checked on two CPU cores with --scale 0.01 --device cpu --minutes 2.
"""

import logging
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from detector.cli import run_script

SCRIPTS = Path(__file__).parent
WEIGHTS = SCRIPTS.parent / "weights"
GENERATED, PIECES, CROPPED = 12000, 16000, 4000  # pictures at scale 1: four minutes on 16 cores
DETECTOR_SHARE = 0.6  # of the minutes of training

logger = logging.getLogger(__name__)


def main(
    out: Path,
    photos: Annotated[Path, typer.Option(help="Folder of folders of photos, with labels*.csv.")],
    prepared: Annotated[Path, typer.Option(help="Folder of prepare_photos.py, with --photos.")],
    flags: Annotated[Path, typer.Option(help="Other nations' flags as PNG (fetch_flags.py).")],
    minutes: Annotated[float, typer.Option(help="Of training, both networks.")] = 6.5,
    scale: Annotated[float, typer.Option(help="Share of the pictures.")] = 1.0,
    base: Annotated[str, typer.Option(help="Detector whose backbone the classifier has.")] = "yolo11n.pt",
    device: str = "cuda:0",
    workers: int = 16,
) -> None:
    """Writes data, runs and OUT/weights."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    counts = [max(round(scale * count), 32) for count in (GENERATED, PIECES, CROPPED)]
    many, quick = ["--workers", str(workers)], ["--device", device]
    material = [
        "--flags",
        flags,
        "--backgrounds",
        photos / "backgrounds",
        "--flag-photos",
        photos / "flag_crops",
    ]
    material += ["--cutouts", prepared / "people.npz", "--repaints", prepared / "cloth.npz"]
    material += ["--cloths", prepared / "flags.npz", "--val", "0", *many]
    real = ["--photos", photos, "--photos", prepared / "repainted", *many]
    run("make_dataset", out / "drawn", *material, "--train", counts[0], "--seed", 201, "--size", 512)
    run("make_pieces", out / "pieces", *real, "--count", counts[1], "--seed", 202)
    run("join_sets", out / "all", out / "drawn", out / "pieces", "--start", WEIGHTS / "flags.pt")
    start, data = out / "all" / "start.pt", out / "all" / "data.yaml"
    batch = 16 if device == "cpu" else 128
    length = ["--minutes", DETECTOR_SHARE * minutes, "--epochs", 40, "--batch", batch, *quick]
    loaders = ["--workers", 0 if device == "cpu" else workers - 1]
    run("train", "--data", data, "--out", out / "runs" / "detector", "--base", start, *length, *loaders)
    new = out / "weights"
    run("convert", out / "runs" / "detector" / "weights" / "last.pt", "--out", new)
    crops = ["--crops", "--weights", new / "flags.onnx"]
    run("make_dataset", out / "crops", *material, *crops, "--train", counts[2], "--seed", 203)
    run("make_pieces", out / "crops", *real, *crops)
    rest = ["--minutes", (1 - DETECTOR_SHARE) * minutes, "--batch", batch * 3 // 2, *quick, *loaders]
    known = ["--base", base, "--resume", WEIGHTS / "flags-classifier.onnx"]
    run("train_classifier", "--crops", out / "crops", "--out", out / "classifier.pt", *known, *rest)
    run("convert", out / "classifier.pt", "--classifier-of", base, "--out", new)


def run(script: str, *arguments: object) -> None:
    """One step; says which."""
    logger.info("%s %s", script, " ".join(map(str, arguments)))
    subprocess.run([sys.executable, SCRIPTS / f"{script}.py", *map(str, arguments)], check=True)


if __name__ == "__main__":
    run_script(main)
