"""Simulates the bank of cloth shapes again: python scripts/make_cloth.py datasets/cloth.npz"""

from pathlib import Path

from detector.cli import run_script
from detector.training.drawing.cloth import save_bank
from detector.training.drawing.cloth_scenes import make_bank


def main(out: Path, batches: int = 3, seed: int = 1) -> None:
    """Simulates every state of cloth."""
    save_bank(out, make_bank(seed, batches=batches))
    print(out)


if __name__ == "__main__":
    run_script(main)
