"""Makes the crops that the classifier learns from: make_crops.py OUT --flags FLAGS --backgrounds PHOTOS …"""

from pathlib import Path
from typing import Annotated

import typer

from detector.training.crops import make_crops
from detector.training.dataset import Recipe

REPOSITORY = Path(__file__).parent.parent


def main(
    out: Path,
    flags: Annotated[Path, typer.Option(help="Folder of other nations' flags, from fetch_flags.py.")],
    backgrounds: Annotated[list[Path], typer.Option(help="Folder of photos without a target flag.")],
    flag_photos: Annotated[list[Path] | None, typer.Option(help="Folder of photos of other flags.")] = None,
    cutouts: Annotated[Path | None, typer.Option(help="people.npz of prepare_photos.py.")] = None,
    repaints: Annotated[Path | None, typer.Option(help="cloth.npz of prepare_photos.py.")] = None,
    weights: Annotated[Path, typer.Option(help="The detector.")] = REPOSITORY / "weights" / "flags.onnx",
    train: Annotated[int, typer.Option(help="Generated pictures to cut crops from.")] = 16000,
    val: int = 1000,
    seed: int = 21,
    workers: int = 2,
) -> None:
    """Writes OUT/train and OUT/val with a folder of crops for each kind."""
    recipe = Recipe(
        artwork=REPOSITORY / "datasets" / "artwork",
        bank=REPOSITORY / "datasets" / "cloth.npz",
        flags=flags,
        backgrounds=tuple(backgrounds),
        flag_photos=tuple(flag_photos or []),
        cutouts=cutouts,
        repaints=repaints,
        seed=seed,
    )
    make_crops(recipe, weights, out, counts={"train": train, "val": val}, workers=workers)


if __name__ == "__main__":
    typer.run(main)
