"""Turns trained weights into those of a release: python scripts/convert.py runs/first/weights/last.pt"""

from pathlib import Path

import typer

from detector.training.convert import convert


def main(trained: Path, out: Path = Path(__file__).parent.parent / "weights") -> None:
    """Writes flags.pt, flags.onnx and flags.toml."""
    print(convert(trained, out))


if __name__ == "__main__":
    typer.run(main)
