"""A report's table of what an archive knows in, what the page and the manifest show of it out."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = "known"
KNOWN = """
SELECT sha256, known_since, known_precision, known_as, known_distance, known_how, known_possibly,
       known_possibly_as, surely_by, pictures
FROM known WHERE sha256 IN (SELECT sha256 FROM temp.claimed UNION SELECT sha256 FROM temp.almost)
"""
PARTS = ("first", "second", "difference")


def find_seen(connection: sqlite3.Connection, folder: Path) -> dict[str, dict[str, Any]]:
    """For each content on the page what an archive knows of it, with pictures of both where there are any."""
    found = {}
    cursor = connection.execute(KNOWN)
    names = [column[0].removeprefix("known_") for column in cursor.description]
    for row in cursor:
        told = dict(zip(names, row, strict=True))
        pictures = _name_pictures(folder, told.pop("pictures"))
        if pictures:
            *images, measured = pictures
            told |= {"pictures": images} | json.loads((folder / measured).read_text(encoding="utf-8"))
        found[told.pop("sha256")] = told
    return found


def list_seen_pictures(connection: sqlite3.Connection, folder: Path) -> Iterator[str]:
    """Names of all files that were made of pictures seen before."""
    for (name,) in connection.execute("SELECT pictures FROM known WHERE pictures != ''").fetchall():
        yield from _name_pictures(folder, name)


def _name_pictures(folder: Path, name: str) -> list[str]:
    """The three pictures and the measures, none if one is missing."""
    names = [*(f"{name}-{part}.jpg" for part in PARTS), f"{name}.json"]
    return names if name and all((folder / one).is_file() for one in names) else []
