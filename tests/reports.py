"""A report to read: scanned once, copied for each test with the files it is of."""

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

from tests.conftest import BLUE, RED, picture, write_picture
from tests.media_factory import write_video
from tests.test_scan import scan_folder


def scan_samples(base: Path, weights: Path) -> Path:
    """Makes `base/downloads` and `base/report`, with a video that shows red from 1 to 2 seconds."""
    folder = base / "downloads"
    red = write_picture(folder / "red.png", (1, 1, RED))
    write_picture(folder / "sub" / "both.png", (0, 0, RED), (2, 1, BLUE))
    write_picture(folder / "sub" / "blue.png", (3, 2, BLUE))
    write_picture(folder / "nothing.png")
    (folder / "copy of red.png").write_bytes(red.read_bytes())
    (folder / "notes.txt").write_text("not a picture")
    (folder / "empty.jpg").write_bytes(b"")
    images = [picture((1, 1, RED)) if 10 <= number < 20 else picture() for number in range(30)]
    write_video(folder / "clip.mp4", images)
    scan_folder(folder, base / "report", weights, densify=False)
    return base


def copy_samples(base: Path, to: Path) -> Path:
    """The report of a copy of both folders, as if it had been scanned there."""
    for name in ("downloads", "report"):
        shutil.copytree(base / name, to / name)
    for column in ("root", "path"):
        change_journal(
            to / "report",
            f"UPDATE inputs SET {column} = CAST(replace(CAST({column} AS TEXT), ?, ?) AS BLOB)",
            str(base),
            str(to),
        )
    return to / "report"


def change_journal(report: Path, sql: str, *values: object) -> None:
    """Runs a statement that has to change something."""
    with contextlib.closing(sqlite3.connect(report / "scan.db")) as journal, journal:
        assert journal.execute(sql, values).rowcount > 0


def sha256_of(report: Path, file: str) -> str:
    """Hash of a file of the report, by its name."""
    with contextlib.closing(sqlite3.connect(report / "scan.db")) as journal:
        return str(journal.execute("SELECT sha256 FROM inputs WHERE name = ?", (file,)).fetchone()[0])


def contents(path: Path) -> dict[str, bytes]:
    """Every file at or below a path but SQLite's own beside the journal."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return {
        str(one.relative_to(path)): one.read_bytes()
        for one in files
        if not one.name.startswith(("scan.db-", "scan.lock"))
    }


def bytes_name(folder: Path, name: bytes) -> Path:
    """A path whose name need not be UTF-8."""
    return Path(os.fsdecode(os.fsencode(folder) + b"/" + name))
