"""Joins data sets for a detector, and makes its start weights: join_sets.py OUT SET SET … --start FLAGS.PT"""

from pathlib import Path
from typing import Annotated

import typer

from detector.cli import run_script
from detector.errors import UsageError
from detector.training.drawing import TARGETS
from detector.training.learning.classes import ANY, TARGETS_AND_OTHER, change_classes, join_sets

CLASSES = {"targets": TARGETS, "targets-and-other": TARGETS_AND_OTHER, "any": ANY}


def main(
    out: Path,
    sets: Annotated[list[Path], typer.Argument(help="Of make_dataset.py and make_pieces.py.", exists=True)],
    start: Annotated[Path | None, typer.Option(help="Detector's .pt to start from.")] = None,
    classes: Annotated[
        str, typer.Option(help="targets, targets-and-other, or any: one class for all flags.")
    ] = "targets",
) -> None:
    """Writes OUT/data.yaml, and OUT/start.pt of START."""
    if classes not in CLASSES:
        raise UsageError(f"--classes must be one of {', '.join(CLASSES)}")
    names = CLASSES[classes]
    print(join_sets(sets, out, names))
    if start:
        print(change_classes(start, out / "start.pt", names))


if __name__ == "__main__":
    run_script(main)
