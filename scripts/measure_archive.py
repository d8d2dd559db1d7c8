"""Measures how an archive is asked about many pictures: python scripts/measure_archive.py [--pictures N]"""

import resource
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from detector.archive.known import find_known
from detector.archive.matching import Asked
from detector.archive.store import change_archive, open_archive
from detector.cli import run_script
from detector.comparing import look_quietly
from detector.copies import HASH_BYTES, WINDOWS, Pictures, Windows
from detector.errors import UsageError

BITS_CHANGED = 20  # of a copy's hash
CROPPED = 400  # of those asked for cut out of one in the archive, and as many in it cut out of one asked for


def main(
    pictures: Annotated[int, typer.Option(help="In the archive.")] = 1_000_000,
    asked_for: Annotated[int, typer.Option(help="Pictures asked for.")] = 1_000_000,
    known: Annotated[float, typer.Option(help="Share of those asked for that are in the archive.")] = 0.1,
    cropped: Annotated[int, typer.Option(help="Of those asked for, 1,000 or more, as cropped, too.")] = 0,
    seed: int = 0,
) -> None:
    """Prints how long it takes to ask, and how much memory; hashes are random, copies 20 bits away."""
    rng = np.random.default_rng(seed)
    at_all = 2 * CROPPED if cropped else 0
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
                ("windows VALUES (?, ?)", _windows(pictures if cropped else 0, seed)),
            ):
                connection.executemany(f"INSERT INTO {table}", rows)
        size = archive.stat().st_size
        print(f"archive of {pictures} pictures: {size / 1e6:.0f} MB, made in {_since(began)}")
        if cropped > asked_for - round(known * asked_for):
            raise UsageError("--cropped and what is known must not be more than --asked-for together")
        asked, copies = _make_asked(rng, hashes, asked_for, round(known * asked_for))
        asked = replace(asked, windows=_crop(rng, asked.pictures, hashes, cropped, seed))
        began, before = time.perf_counter(), time.process_time()
        with open_archive(archive) as connection, closing(sqlite3.connect("")) as journal:
            journal.execute("CREATE TEMP TABLE files (path BLOB, sha256 TEXT)")
            looked = find_known(journal, connection, asked, look_quietly(), hide_posts=False)
            found = {one.sha256: one.how for one in looked}
        right = sum(f"asked-{number}" in found for number in range(copies))
        cut = sum(how.startswith("perhaps cropped") for how in found.values())
        print(f"{len(asked.pictures.contents)} asked for in {_since(began)},", end=" ")
        print(f"{time.process_time() - before:.0f} s of a core; {right} of {copies} copies found,")
        print(f"{cut} of {at_all} cropped, {len(found) - right - cut} others;", end=" ")
        print(f"at most {_peak_gigabytes():.2f} GB of memory")


def _contents(count: int) -> Iterator[tuple[int, str]]:
    return ((number, f"archived-{number}") for number in range(1, count + 1))


def _places(count: int) -> Iterator[tuple[bytes, int, str]]:
    return ((b"%d" % number, number, f"{number}.jpg") for number in range(1, count + 1))


def _pictures(hashes: NDArray[np.uint8], mirrored: NDArray[np.uint8]) -> Iterator[tuple[object, ...]]:
    for number, sides in enumerate(zip(hashes, mirrored, strict=True), 1):
        whole, turned = (one.tobytes() for one in sides)
        yield number, whole, turned, whole, turned


def _windows(count: int, seed: int) -> Iterator[tuple[int, bytes]]:
    return ((number, _windows_of(number, seed).tobytes()) for number in range(1, count + 1))


def _windows_of(number: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng([seed, number]).integers(0, 256, (len(WINDOWS), HASH_BYTES), np.uint8)


def _crop(
    rng: np.random.Generator, pictures: Pictures, hashes: NDArray[np.uint8], count: int, seed: int
) -> Windows:
    """Of the last so many pictures: some are cut out of archived ones, of some archived ones are cut out."""
    at_all = len(pictures.content)
    rows = np.arange(at_all - count, at_all)
    windows = rng.integers(0, 256, (count, len(WINDOWS), HASH_BYTES), np.uint8)
    if count:
        archived = rng.integers(0, len(hashes), 2 * CROPPED)
        parts = np.stack([_windows_of(number + 1, seed)[3] for number in archived[:CROPPED].tolist()])
        pictures.hashes[rows[:CROPPED]] = _change(rng, parts)
        pictures.hashes[at_all + rows[:CROPPED]] = pictures.hashes[rows[:CROPPED]]
        windows[CROPPED : 2 * CROPPED, 5] = _change(rng, hashes[archived[CROPPED:]])
    return Windows(rows, windows)


def _change(rng: np.random.Generator, hashes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    changed = hashes.copy()
    for place in range(BITS_CHANGED):
        bit = rng.integers(0, 8, len(hashes))
        byte = (rng.integers(0, HASH_BYTES, len(hashes)) + place) % HASH_BYTES
        changed[np.arange(len(hashes)), byte] ^= (1 << bit).astype(np.uint8)
    return changed


def _make_asked(
    rng: np.random.Generator, hashes: NDArray[np.uint8], count: int, copies: int
) -> tuple[Asked, int]:
    """Of so many pictures the first few are copies of one with these hashes, the others new."""
    wholes, mirrored = (rng.integers(0, 256, (count, HASH_BYTES), np.uint8) for _ in range(2))
    wholes[:copies] = _change(rng, hashes[rng.integers(0, len(hashes), copies)])
    pictures = Pictures(
        contents=np.array([f"asked-{number}".encode() for number in range(count)], "S"),
        content=np.arange(count),
        frame_index=np.zeros(count, np.int64),
        time_seconds=np.zeros(count),
        hashes=np.concatenate([wholes, wholes]),
        mirrored=np.concatenate([mirrored, mirrored]),
        usable=np.ones(2 * count, np.bool_),
    )
    nothing = Windows(np.empty(0, np.int64), np.empty((0, len(WINDOWS), HASH_BYTES), np.uint8))
    return Asked(pictures, np.zeros(count, np.bool_), nothing), copies


def _since(began: float) -> str:
    return f"{time.perf_counter() - began:.0f} s"


def _peak_gigabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    run_script(main)
