"""Trains the model: python scripts/train.py --data data.yaml --out runs/first --base yolo11n.pt"""

from pathlib import Path
from typing import Annotated

import typer

from detector.cli import run_script
from detector.training.learning.train import TrainOptions, train


def main(
    data: Annotated[Path, typer.Option(help="The data.yaml of a data set.", exists=True)],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    base: Annotated[
        str, typer.Option(help="Weights to start from: a file, or a public name of ultralytics.")
    ] = "yolo11n.pt",
    epochs: int = 4,
    batch: int = 16,
    size: Annotated[int, typer.Option(help="Pixels of a side, on average.")] = 480,
    learning_rate: float = 0.002,
    mosaic: float = 0.3,
    zoom: Annotated[float, typer.Option(help="Share by which pictures grow or shrink at most.")] = 0.4,
    freeze: Annotated[int, typer.Option(help="Number of first layers that stay as they are.")] = 0,
    minutes: Annotated[float, typer.Option(help="Time limit; 0 for none.")] = 0,
    point_minutes: Annotated[float, typer.Option(help="Time between points that are kept.")] = 8,
    threads: int = 2,
    workers: Annotated[int, typer.Option(help="Processes that prepare pictures.")] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda:0.")] = "cpu",
) -> None:
    """Fine-tunes the base weights on a data set."""
    options = TrainOptions(
        epochs=epochs,
        batch=batch,
        size=size,
        learning_rate=learning_rate,
        mosaic=mosaic,
        zoom=zoom,
        freeze=freeze,
        minutes=minutes,
        point_minutes=point_minutes,
        threads=threads,
        workers=workers,
        device=device,
    )
    print(train(base, data, out, options))


if __name__ == "__main__":
    run_script(main)
