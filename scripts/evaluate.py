"""Measures the model: python scripts/evaluate.py --photos DEV [--calibrate DATASET]"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from detector.cli import run_script
from detector.errors import UsageError
from detector.model import EITHER, NetworkModel, load_model
from detector.training.learning.convert import write_settings
from detector.training.learning.photo_set import is_unseen
from detector.training.measuring.calibrate import choose_margin, choose_thresholds, fit_joining, judge_anew
from detector.training.measuring.evaluate import look, measure
from detector.training.measuring.figures import format_figures
from detector.training.measuring.gallery import write_gallery, write_sheet
from detector.training.photos import Photo, read_photos, read_split

WEIGHTS = Path(__file__).parent.parent / "weights" / "flags.onnx"


def main(
    photos: Annotated[
        Path | None, typer.Option(help="Folder of folders of photos, with labels*.csv.")
    ] = None,
    weights: Path = WEIGHTS,
    calibrate: Annotated[list[Path] | None, typer.Option(help="Data set whose val split does so.")] = None,
    known_photos: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of folders of photos: those held out calibrate, too."),
    ] = None,
    fold: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of weights trained without the sources in its held-out.txt; "
            "these calibrate in place of WEIGHTS.",
            exists=True,
        ),
    ] = None,
    dataset: Annotated[
        Path | None,
        typer.Option(help="Data set, generated or exported with --reviewed, whose val split is measured."),
    ] = None,
    gallery: Annotated[Path | None, typer.Option(help="Where misses and false hits are written.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="Picture of some of those in DATASET.")] = None,
    detail: Annotated[str, typer.Option(help="fast, standard or thorough.")] = "standard",
    device: Annotated[str, typer.Option(help="cpu, openvino or cuda.")] = "cpu",
    threads: int = 2,
) -> None:
    """Prints the accuracy on PHOTOS; with CALIBRATE sets what confidences mean, and the thresholds, first."""
    if not (calibrate or dataset or photos):
        raise UsageError("nothing to measure on: name --photos or --dataset")
    load = partial(load_model, detail=detail, device=device, threads=threads)
    model = load(weights)
    info = model.info
    thresholds = list(info.thresholds)
    if calibrate:
        known = [photo for folder in calibrate for photo in read_split(folder, "val", info.class_names)]
        real = [photo for folder in known_photos or [] for photo in read_photos(folder)]
        unseen = {
            path: [*known, *(photo for photo in real if _is_unseen(photo, sources))]
            for path, sources in _read_folds(fold or [], weights).items()
        }
        thresholds = _calibrate(weights, unseen, load)
        model = load(weights)
    if dataset:
        seen = look(model, read_split(dataset, "val", info.class_names), floor=0.01)
        print(format_figures(measure(seen, info.class_names, thresholds, np.random.default_rng(0))))
        if sheet:
            print(write_sheet(seen, info.class_names, thresholds, sheet), "errors, some of them in", sheet)
    if photos:
        seen = look(model, read_photos(photos), floor=0.01)
        print(format_figures(measure(seen, info.class_names, thresholds, np.random.default_rng(0))))
        if gallery:
            print(write_gallery(seen, info.class_names, thresholds, gallery), "errors in", gallery)


def _calibrate(
    weights: Path, unseen: Mapping[Path, Sequence[Photo]], load: Callable[[Path], NetworkModel]
) -> list[float]:
    """Sets joining, margin and thresholds of WEIGHTS by what models say of photos they have not seen."""
    info = load(weights).info
    joining = (
        fit_joining([(load(path), photos) for path, photos in unseen.items()]) if info.classifier else ()
    )
    seen = []
    for path, photos in unseen.items():
        write_settings(path.with_suffix(".toml"), info.class_names, info.thresholds, joining=joining)
        seen += look(load(path), photos, floor=info.floor)
    margin = choose_margin(seen, info.class_names)
    thresholds = choose_thresholds(judge_anew(seen, margin), info.class_names)
    for path in {weights, *unseen}:
        write_settings(
            path.with_suffix(".toml"), info.class_names, thresholds, margin=margin, joining=joining
        )
    print("margin", margin, "thresholds", dict(zip(info.class_names, thresholds, strict=True)))
    return thresholds


def _read_folds(folders: Sequence[Path], weights: Path) -> dict[Path, tuple[str, ...]]:
    """The weights of each fold, and the sources they have not seen; of WEIGHTS none are known."""
    return {
        folder / WEIGHTS.name: tuple((folder / "held-out.txt").read_text(encoding="utf-8").split())
        for folder in folders
    } or {weights: ()}


def _is_unseen(photo: Photo, sources: tuple[str, ...]) -> bool:
    if photo.labels or EITHER in photo.other_labels:
        return photo.source in sources
    return is_unseen(photo)


if __name__ == "__main__":
    run_script(main)
