"""Averages weights of one line of training: python scripts/average.py OUT last.pt:0.5 first.pt:0.5"""

from pathlib import Path

from detector.cli import run_script
from detector.errors import UsageError
from detector.training.learning.average import average


def main(out: Path, parts: list[str]) -> None:
    """Writes the weighted mean of PARTS, each FILE:SHARE."""
    print(average(dict(map(_read_part, parts)), out))


def _read_part(part: str) -> tuple[Path, float]:
    path, _, share = part.rpartition(":")
    try:
        return Path(path), float(share)
    except ValueError:
        raise UsageError(f"{part} is not FILE:SHARE, as last.pt:0.5") from None


if __name__ == "__main__":
    run_script(main)
