"""Makes training data of real photos, with --crops the classifier's: make_pieces.py OUT --photos PHOTOS …"""

from pathlib import Path
from typing import Annotated

import typer

from detector.cli import run_script
from detector.training.learning.photo_crops import make_photo_crops
from detector.training.learning.photo_set import PhotoSet, make_pieces

WEIGHTS = Path(__file__).parent.parent / "weights" / "flags.onnx"


def main(
    out: Path,
    photos: Annotated[list[Path], typer.Option(help="Folder of folders of photos, with labels*.csv.")],
    without: Annotated[list[str] | None, typer.Option(help="Source that is held out.")] = None,
    count: Annotated[int, typer.Option(help="Pieces to make.")] = 3000,
    seed: int = 1,
    size: Annotated[int, typer.Option(help="Pixels of a piece's side.")] = 512,
    workers: int = 2,
    crops: Annotated[bool, typer.Option("--crops", help="Crops of every flag, for the classifier.")] = False,
    weights: Annotated[Path, typer.Option(help="The detector that proposes crops.")] = WEIGHTS,
) -> None:
    """Writes pieces with their boxes, or crops of each kind, to OUT."""
    photo_set = PhotoSet(folders=tuple(photos), without=tuple(without or ()), seed=seed, size=size)
    if crops:
        make_photo_crops(photo_set, weights, out, workers=workers)
    else:
        make_pieces(photo_set, out, count, workers=workers)


if __name__ == "__main__":
    run_script(main)
