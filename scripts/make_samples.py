"""Draws the demo's photos and videos again: python scripts/make_samples.py [OUT]"""

from pathlib import Path
from typing import Annotated

import typer

from detector.cli import run_script
from detector.training.drawing.sample_list import SAMPLES
from detector.training.drawing.samples import open_workshop, write_samples

DATASETS = Path(__file__).parent.parent / "datasets"


def main(out: Annotated[Path, typer.Argument()] = DATASETS / "samples") -> None:
    """Draws the samples into OUT."""
    write_samples(open_workshop(DATASETS), SAMPLES, out)
    print(out)


if __name__ == "__main__":
    run_script(main)
