"""Takes photos out of public packages, none with a target flag: fetch_photos.py OUT

Runs on Debian and Ubuntu. Photos in their packages are freely licensed; the copyright files say whose they
are. With --themes also out of themes of web sites, for which npm is needed; many do not say whose theirs are.
"""

import hashlib
import io
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, UnidentifiedImageError

from detector.cli import run_script

PACKAGES = ("gcompris-qt-data", "gnome-backgrounds", "mate-backgrounds", "plasma-workspace-wallpapers")
THEMES = (
    *("@tabler/preview@1.2.0", "tabler-ui@0.0.34", "soft-ui-design-system@1.0.4", "material-kit@2.0.4"),
    *("material-kit-react@1.10.0", "now-ui-kit@1.3.0", "paper-kit-2@2.1.0", "argon-design-system-free@1.2.0"),
    *("startbootstrap-agency@7.0.12", "startbootstrap-creative@7.0.7", "uikit@3.25.29"),
)
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
STARTS = re.compile(rb"\xff\xd8\xff[\xdb\xe0\xe1\xee]|RIFF....WEBP", re.DOTALL)  # in Qt's resource files
MAX_BYTES = 4_000_000  # of a picture in them
MIN_SIDE, LONG_SIDE = 200, 1280  # pixels
MIN_COLOURS = 1500  # of 64 × 64 pixels: drawings have fewer
SAME_DIFFERENCE = 4  # levels between thumbnails: below it one is a copy of the other
QUALITY = 92


def main(
    out: Path,
    themes: Annotated[bool, typer.Option("--themes", help="Also out of web sites' themes.")] = False,
) -> None:
    """Fetches the packages and keeps what are photos."""
    for name in ("apt-get", "dpkg-deb", *(["npm"] if themes else [])):
        find_tool(name)  # before anything is fetched
    out.mkdir(parents=True, exist_ok=True)
    packages = [(package, unpack_debian) for package in PACKAGES]
    packages += [(package, unpack_npm) for package in THEMES if themes]
    kept: list[np.ndarray] = []
    for package, unpack in packages:
        with tempfile.TemporaryDirectory() as folder:
            unpack(package, Path(folder))
            for data in read_pictures(Path(folder)):
                photo = open_photo(data)
                if photo is None:
                    continue
                thumbnail = np.asarray(photo.resize((12, 12), Image.Resampling.BOX), np.float32)
                if any(np.abs(thumbnail - other).mean() < SAME_DIFFERENCE for other in kept):
                    continue
                kept.append(thumbnail)
                source = package.lstrip("@").partition("-")[0].partition("/")[0]
                photo.save(out / f"{source}_{hashlib.sha256(data).hexdigest()[:12]}.jpg", quality=QUALITY)
    print(f"{len(kept)} photos in {out}")


def unpack_debian(package: str, folder: Path) -> None:
    """The package's files in the folder."""
    fetch = find_tool("apt-get")
    subprocess.run([fetch, "download", package], cwd=folder, check=True, capture_output=True)
    subprocess.run([find_tool("dpkg-deb"), "-x", *folder.glob("*.deb"), folder], cwd=folder, check=True)


def unpack_npm(package: str, folder: Path) -> None:
    """The package's files in the folder; nothing of it is run."""
    command = [find_tool("npm"), "pack", "--fetch-retries=1", "--ignore-scripts", package]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    for archive in folder.glob("*.tgz"):
        shutil.unpack_archive(archive, folder, "gztar", filter="data")


def find_tool(name: str) -> str:
    """Where a program is."""
    tool = shutil.which(name)
    if not tool:
        raise typer.BadParameter(
            f"{name} is needed: Debian and Ubuntu have apt-get and dpkg-deb, Node.js npm"
        )
    return tool


def read_pictures(folder: Path) -> Iterator[bytes]:
    """The bytes of each picture, and in Qt's resource files of what may be one."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".rcc":
            data = path.read_bytes()
            for found in STARTS.finditer(data):
                yield data[found.start() : found.start() + MAX_BYTES]
        elif path.suffix in SUFFIXES and path.is_file():
            yield path.read_bytes()


def open_photo(data: bytes) -> Image.Image | None:
    """The picture at no more than `LONG_SIDE`; none where it is small, see-through, grey or a drawing."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if min(image.size) < MIN_SIDE or image.mode not in ("RGB", "RGBA"):
                return None
            if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
                return None
            photo = image.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    photo.thumbnail((LONG_SIDE, LONG_SIDE))
    colours = photo.resize((64, 64)).getcolors(64 * 64)
    return photo if colours and len(colours) >= MIN_COLOURS else None


if __name__ == "__main__":
    run_script(main)
