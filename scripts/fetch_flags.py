"""Fetches other nations' flags (npm svg-country-flags, public domain): python scripts/fetch_flags.py OUT"""

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import typer

from detector.cli import run_script

PACKAGE = "svg-country-flags@1.2.10"
FOLDER = "package/png250px"


def main(out: Path) -> None:
    """Fetches the package and keeps its small pictures."""
    npm = shutil.which("npm")
    if npm is None:
        raise typer.BadParameter("npm is not installed; it comes with Node.js")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [npm, "pack", "--fetch-retries=1", PACKAGE], cwd=folder, check=True, capture_output=True
        )
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            archive.extractall(folder, filter="data")
        for picture in sorted((Path(folder) / FOLDER).glob("*.png")):
            shutil.copy(picture, out / picture.name)
    print(f"{len(list(out.glob('*.png')))} flags in {out}")


if __name__ == "__main__":
    run_script(main)
