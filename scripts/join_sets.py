"""Joins data sets for a detector, and makes its start weights: join_sets.py OUT SET SET … --start FLAGS.PT"""

from pathlib import Path
from typing import Annotated

import typer

from detector.training.learning.classes import ANY, TARGETS_AND_OTHER, change_classes, join_sets


def main(
    out: Path,
    sets: Annotated[list[Path], typer.Argument(help="Of make_dataset.py and make_pieces.py.")],
    start: Annotated[Path | None, typer.Option(help="Detector's .pt to start from.")] = None,
    any_flag: Annotated[
        bool, typer.Option("--any-flag", help="One class for all flags instead of targets and other.")
    ] = False,
) -> None:
    """Writes OUT/data.yaml, and OUT/start.pt of START."""
    classes = ANY if any_flag else TARGETS_AND_OTHER
    print(join_sets(sets, out, classes))
    if start:
        print(change_classes(start, out / "start.pt", classes))


if __name__ == "__main__":
    typer.run(main)
