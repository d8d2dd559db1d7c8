"""Measures how an archive is asked about many pictures: python scripts/measure_archive.py [--pictures N]"""

import resource
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from detector.archive.known import find_known
from detector.archive.matching import Asked
from detector.archive.store import change_archive, open_archive
from detector.cli import run_script
from detector.copies import HASH_BYTES, Pictures

BITS_CHANGED = 20  # of a copy's hash


def main(
    pictures: Annotated[int, typer.Option(help="In the archive, and asked for.")] = 1_000_000,
    known: Annotated[float, typer.Option(help="Share of those asked for that are in the archive.")] = 0.1,
    seed: int = 0,
) -> None:
    """Prints how long it takes to ask, and how much memory; hashes are random, copies 20 bits away."""
    rng = np.random.default_rng(seed)
    hashes, mirrored = (rng.integers(0, 256, (pictures, HASH_BYTES), np.uint8) for _ in range(2))
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "archive.db"
        began = time.perf_counter()
        with change_archive(archive) as connection:
            connection.execute("INSERT INTO sources VALUES (1, x'00', 'made', 'report', '')")
            for table, rows in (
                ("contents VALUES (?, ?, 0, 'photo', '')", _contents(pictures)),
                ("places VALUES (1, ?, ?, ?, '', '', '', '2021-01-01', '', '')", _places(pictures)),
                ("pictures VALUES (?, 0, 0, ?, ?, 100, ?, ?, 100)", _pictures(hashes, mirrored)),
            ):
                connection.executemany(f"INSERT INTO {table}", rows)
        size = archive.stat().st_size
        print(f"archive of {pictures} pictures: {size / 1e6:.0f} MB, made in {_since(began)}")
        asked, copies = _make_asked(rng, hashes, round(known * pictures))
        began = time.perf_counter()
        with open_archive(archive) as connection, closing(sqlite3.connect("")) as journal:
            journal.execute("CREATE TEMP TABLE files (path BLOB)")
            found = {
                one.sha256: one.distance for one in find_known(journal, connection, asked, hide_posts=False)
            }
        right = sum(f"asked-{number}" in found for number in range(copies))
        print(
            f"{len(asked.pictures.contents)} asked for in {_since(began)}; {right} of {copies} copies found,"
        )
        print(f"{len(found) - right} others; at most {_peak_gigabytes():.2f} GB of memory")


def _contents(count: int) -> Iterator[tuple[int, str]]:
    return ((number, f"archived-{number}") for number in range(1, count + 1))


def _places(count: int) -> Iterator[tuple[bytes, int, str]]:
    return ((b"%d" % number, number, f"{number}.jpg") for number in range(1, count + 1))


def _pictures(hashes: NDArray[np.uint8], mirrored: NDArray[np.uint8]) -> Iterator[tuple[object, ...]]:
    for number, sides in enumerate(zip(hashes, mirrored, strict=True), 1):
        whole, turned = (one.tobytes() for one in sides)
        yield number, whole, turned, whole, turned


def _make_asked(rng: np.random.Generator, hashes: NDArray[np.uint8], copies: int) -> tuple[Asked, int]:
    """Of as many pictures as there are hashes the first few are copies of one, the others new."""
    count = len(hashes)
    wholes, mirrored = (rng.integers(0, 256, (count, HASH_BYTES), np.uint8) for _ in range(2))
    wholes[:copies] = hashes[rng.integers(0, count, copies)]
    for place in range(BITS_CHANGED):
        bit = rng.integers(0, 8, copies)
        byte = (rng.integers(0, HASH_BYTES, copies) + place) % HASH_BYTES
        wholes[np.arange(copies), byte] ^= (1 << bit).astype(np.uint8)
    pictures = Pictures(
        contents=[f"asked-{number}" for number in range(count)],
        content=np.arange(count),
        frame_index=np.zeros(count, np.int64),
        time_seconds=np.zeros(count),
        hashes=np.concatenate([wholes, wholes]),
        mirrored=np.concatenate([mirrored, mirrored]),
        usable=np.ones(2 * count, np.bool_),
    )
    return Asked(pictures, np.zeros(count, np.bool_)), copies


def _since(began: float) -> str:
    return f"{time.perf_counter() - began:.0f} s"


def _peak_gigabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    run_script(main)
