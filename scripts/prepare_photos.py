"""Cuts people and real cloth out of photos: prepare_photos.py OUT --backgrounds PHOTOS --flags FLAGS"""

from pathlib import Path
from typing import Annotated

import typer

from detector.cli import run_script
from detector.training.drawing.people import cut_folder, save_cutouts
from detector.training.drawing.real_cloth import save_cloths
from detector.training.drawing.repaint import prepare_folder, save_repaints
from detector.training.photos import cut_cloths, read_photos, repaint_photos

DATASETS = Path(__file__).parent.parent / "datasets"


def main(
    out: Path,
    backgrounds: Annotated[Path, typer.Option(help="Folder of photos with people in them.", exists=True)],
    flags: Annotated[
        Path, typer.Option(help="Folder of photos of other flags, named by country.", exists=True)
    ],
    detector: Annotated[str, typer.Option(help="COCO weights that find the people.")] = "yolo11n.pt",
    rejected: Annotated[list[str] | None, typer.Option(help="Flag photo that came out wrong.")] = None,
    photos: Annotated[
        Path | None, typer.Option(help="Folder of folders of photos with the flag of Azerbaijan, boxed.")
    ] = None,
) -> None:
    """Writes people.npz and cloth.npz to OUT; of PHOTOS flags.npz and repainted/, too."""
    out.mkdir(parents=True, exist_ok=True)
    save_cutouts(out / "people.npz", cut_folder(backgrounds, detector))
    print(
        save_repaints(out / "cloth.npz", prepare_folder(flags, rejected=rejected or [])), "flags to repaint"
    )
    if photos:
        with_flag = [photo for photo in read_photos(photos) if "azerbaijan" in photo.labels]
        wrong = (DATASETS / "rejected.txt").read_text(encoding="utf-8").split()
        artwork = DATASETS / "artwork"
        cloths = cut_cloths(with_flag, artwork, rejected=wrong)
        print(save_cloths(out / "flags.npz", cloths), "flags cut out")
        print(repaint_photos(with_flag, artwork, out / "repainted", rejected=wrong), "photos repainted")


if __name__ == "__main__":
    run_script(main)
