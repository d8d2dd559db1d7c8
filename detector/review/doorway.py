"""A review's address in, a browser that opens it out; no other user of this machine learns it on the way."""

import contextlib
import os
import secrets
import stat
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DOORWAY = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0;url={address}">
<title>Review</title><a href="{address}">To the review</a></html>
"""
OWNER_ONLY = stat.S_IRUSR | stat.S_IWUSR
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@contextmanager
def doorway(report: Path) -> Iterator[Path]:
    """An empty file for `open_browser`, which is gone afterwards.

    It is in the report, where browsers that may see no temporary files (snap) can read it, or in a folder
    of this user's alone where the report's file system knows no owners. Raises OSError.
    """
    name = f".open-review-{secrets.token_hex(8)}.html"
    with tempfile.TemporaryDirectory() as apart:
        path = report / name if _make_private(report / name) else Path(apart) / name
        try:
            if path.parent != report:
                (report / name).unlink(missing_ok=True)
                _make_private(path)
            yield path
        finally:
            path.unlink(missing_ok=True)


def open_browser(path: Path, address: str) -> None:
    """Opens the address by way of a file: `ps` shows everybody what a browser is started with."""
    path.write_text(DOORWAY.format(address=address), encoding="utf-8")
    webbrowser.open(path.absolute().as_uri())


def _make_private(path: Path) -> bool:
    """Makes an empty file; whether it is readable for its owner only."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    made = os.open(path, flags, OWNER_ONLY)
    with contextlib.closing(os.fdopen(made, "wb")):
        return os.name == "nt" or not os.fstat(made).st_mode & OTHERS  # Windows keeps rights otherwise
