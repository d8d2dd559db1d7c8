"""Makes the training data: python scripts/make_dataset.py OUT --flags FLAGS --backgrounds PHOTOS ..."""

from pathlib import Path
from typing import Annotated

import typer

from detector.training.dataset import Recipe, make_dataset

DATASETS = Path(__file__).parent.parent / "datasets"


def main(
    out: Path,
    flags: Annotated[Path, typer.Option(help="Other nations' flags as PNG (scripts/fetch_flags.py).")],
    backgrounds: Annotated[list[Path], typer.Option(help="Folder of photos without a target flag.")],
    flag_photos: Annotated[list[Path] | None, typer.Option(help="Folder of photos of other flags.")] = None,
    cutouts: Annotated[Path | None, typer.Option(help="People cut from photos.")] = None,
    repaints: Annotated[Path | None, typer.Option(help="Real cloth prepared for repainting.")] = None,
    train: Annotated[int, typer.Option(help="Pictures to train on.")] = 6000,
    val: Annotated[int, typer.Option(help="Pictures held out, made of photos and shapes held out.")] = 600,
    seed: int = 1,
    workers: int = 2,
) -> None:
    """Writes pictures, boxes and data.yaml to OUT."""
    recipe = Recipe(
        artwork=DATASETS / "artwork",
        bank=DATASETS / "cloth.npz",
        flags=flags,
        backgrounds=tuple(backgrounds),
        flag_photos=tuple(flag_photos or ()),
        cutouts=cutouts,
        repaints=repaints,
        seed=seed,
    )
    print(make_dataset(recipe, out, counts={"train": train, "val": val}, workers=workers))


if __name__ == "__main__":
    typer.run(main)
