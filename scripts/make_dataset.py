"""Makes training data, with --crops the classifier's: make_dataset.py OUT --flags FLAGS --backgrounds …"""

from pathlib import Path
from typing import Annotated

import typer

from detector.cli import run_script
from detector.training.learning.crops import make_crops
from detector.training.learning.dataset import Recipe, make_dataset

REPOSITORY = Path(__file__).parent.parent
DATASETS = REPOSITORY / "datasets"


def main(
    out: Path,
    flags: Annotated[
        Path, typer.Option(help="Other nations' flags as PNG (scripts/fetch_flags.py).", exists=True)
    ],
    backgrounds: Annotated[
        list[Path], typer.Option(help="Folder of photos without a target flag.", exists=True)
    ],
    flag_photos: Annotated[list[Path] | None, typer.Option(help="Folder of photos of other flags.")] = None,
    cutouts: Annotated[Path | None, typer.Option(help="people.npz of prepare_photos.py.")] = None,
    repaints: Annotated[Path | None, typer.Option(help="cloth.npz of prepare_photos.py.")] = None,
    cloths: Annotated[Path | None, typer.Option(help="flags.npz of prepare_photos.py.")] = None,
    train: Annotated[int, typer.Option(help="Pictures to train on.")] = 6000,
    val: Annotated[int, typer.Option(help="Pictures held out, made of photos and shapes held out.")] = 600,
    seed: int = 1,
    size: Annotated[int, typer.Option(help="Pixels of a picture's side.")] = 448,
    workers: int = 2,
    crops: Annotated[
        bool, typer.Option("--crops", help="Crops of such pictures and of the photos, for the classifier.")
    ] = False,
    weights: Annotated[Path, typer.Option(help="The detector that proposes crops.")] = REPOSITORY
    / "weights"
    / "flags.onnx",
) -> None:
    """Writes pictures, boxes and data.yaml to OUT, or OUT/train and OUT/val with crops of each kind."""
    recipe = Recipe(
        artwork=DATASETS / "artwork",
        bank=DATASETS / "cloth.npz",
        flags=flags,
        backgrounds=tuple(backgrounds),
        flag_photos=tuple(flag_photos or ()),
        cutouts=cutouts,
        repaints=repaints,
        cloths=cloths,
        seed=seed,
        size=size,
    )
    counts = {"train": train, "val": val}
    if crops:
        make_crops(recipe, weights, out, counts=counts, workers=workers)
    else:
        print(make_dataset(recipe, out, counts=counts, workers=workers))


if __name__ == "__main__":
    run_script(main)
