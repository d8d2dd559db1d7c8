"""Turns trained weights into those of a release: python scripts/convert.py runs/first/weights/last.pt"""

from pathlib import Path
from typing import Annotated

import typer

from detector.cli import run_script
from detector.training.learning.convert import convert, convert_classifier


def main(
    trained: Annotated[Path, typer.Argument(help="Weights of a run (.pt).", exists=True)],
    out: Path = Path(__file__).parent.parent / "weights",
    classifier_of: Annotated[
        Path | None,
        typer.Option(help="TRAINED is from train_classifier.py, with this detector as --base."),
    ] = None,
) -> None:
    """Writes flags.pt, flags.onnx and flags.toml; for a classifier flags-classifier.onnx and flags.toml."""
    print(convert_classifier(trained, classifier_of, out) if classifier_of else convert(trained, out))


if __name__ == "__main__":
    run_script(main)
