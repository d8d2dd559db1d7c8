"""Cuts people and real cloth out of photos: prepare_photos.py OUT --backgrounds PHOTOS --flags FLAGS"""

from pathlib import Path
from typing import Annotated

import typer

from detector.training.drawing.people import cut_folder, save_cutouts
from detector.training.drawing.repaint import prepare_folder, save_repaints


def main(
    out: Path,
    backgrounds: Annotated[Path, typer.Option(help="Folder of photos with people in them.")],
    flags: Annotated[Path, typer.Option(help="Folder of photos of other flags, named by country.")],
    detector: Annotated[str, typer.Option(help="COCO weights that find the people.")] = "yolo11n.pt",
    rejected: Annotated[list[str] | None, typer.Option(help="Flag photo that came out wrong.")] = None,
) -> None:
    """Writes people.npz and cloth.npz to OUT."""
    out.mkdir(parents=True, exist_ok=True)
    save_cutouts(out / "people.npz", cut_folder(backgrounds, detector))
    print(
        save_repaints(out / "cloth.npz", prepare_folder(flags, rejected=rejected or [])), "flags to repaint"
    )


if __name__ == "__main__":
    typer.run(main)
