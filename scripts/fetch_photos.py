"""Takes freely licensed photos out of Debian packages, none with a target flag: fetch_photos.py OUT

Runs on Debian and Ubuntu. The packages' copyright files say whose the photos are.
"""

import hashlib
import io
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import typer
from PIL import Image, UnidentifiedImageError

PACKAGES = ("gcompris-qt-data", "gnome-backgrounds", "mate-backgrounds", "plasma-workspace-wallpapers")
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
STARTS = re.compile(rb"\xff\xd8\xff[\xdb\xe0\xe1\xee]|RIFF....WEBP", re.DOTALL)  # in Qt's resource files
MAX_BYTES = 4_000_000  # of a picture in them
MIN_SIDE, LONG_SIDE = 200, 1280  # pixels
MIN_COLOURS = 1500  # of 64 × 64 pixels: drawings have fewer
SAME_DIFFERENCE = 4  # levels between thumbnails: below it one is a copy of the other
QUALITY = 92


def main(out: Path) -> None:
    """Fetches the packages and keeps what are photos."""
    fetch, unpack = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if not fetch or not unpack:
        raise typer.BadParameter("apt-get and dpkg-deb are needed, as Debian and Ubuntu have them")
    out.mkdir(parents=True, exist_ok=True)
    kept: list[np.ndarray] = []
    for package in PACKAGES:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([fetch, "download", package], cwd=folder, check=True, capture_output=True)
            subprocess.run([unpack, "-x", *Path(folder).glob("*.deb"), folder], cwd=folder, check=True)
            for data in read_pictures(Path(folder)):
                photo = open_photo(data)
                if photo is None:
                    continue
                thumbnail = np.asarray(photo.resize((12, 12), Image.Resampling.BOX), np.float32)
                if any(np.abs(thumbnail - other).mean() < SAME_DIFFERENCE for other in kept):
                    continue
                kept.append(thumbnail)
                name = f"{package.partition('-')[0]}_{hashlib.sha256(data).hexdigest()[:12]}.jpg"
                photo.save(out / name, quality=QUALITY)
    print(f"{len(kept)} photos in {out}")


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
    typer.run(main)
