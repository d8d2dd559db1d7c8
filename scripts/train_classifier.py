"""Trains the classifier of the second look: train_classifier.py --crops CROPS --base yolo11n.pt --out FILE"""

import logging
from pathlib import Path
from typing import Annotated

import typer

from detector.cli import run_script
from detector.training.learning.train_classifier import Options, train


def main(
    crops: Annotated[Path, typer.Option(help="Folder of make_dataset.py --crops.", exists=True)],
    out: Annotated[Path, typer.Option(help="File of the trained weights.")],
    base: Annotated[Path, typer.Option(help="Detector whose backbone is the start.")] = Path("yolo11n.pt"),
    resume: Annotated[Path | None, typer.Option(help="Weights of an earlier run to go on from.")] = None,
    minutes: float = 30,
    batch: int = 96,
    threads: int = 1,
    workers: Annotated[int, typer.Option(help="Processes that prepare crops.")] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda:0.")] = "cpu",
    seed: int = 1,
) -> None:
    """Writes OUT; convert.py --classifier-of BASE makes a release of it."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = Options(
        crops=crops,
        base=base,
        out=out,
        resume=resume,
        minutes=minutes,
        batch=batch,
        threads=threads,
        workers=workers,
        device=device,
        seed=seed,
    )
    train(options)


if __name__ == "__main__":
    run_script(main)
