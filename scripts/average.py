"""Averages weights of one line of training: python scripts/average.py OUT last.pt:0.5 first.pt:0.5"""

from pathlib import Path

from detector.cli import run_script
from detector.training.learning.average import average


def main(out: Path, parts: list[str]) -> None:
    """Writes the weighted mean of PARTS, each FILE:SHARE."""
    shares = {Path(part.rpartition(":")[0]): float(part.rpartition(":")[2]) for part in parts}
    print(average(shares, out))


if __name__ == "__main__":
    run_script(main)
