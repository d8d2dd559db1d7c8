"""A photo or video, archives and reports in, where it or what looks like it is out."""

import csv
import sqlite3
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np

from detector.archive.adding import copy_report
from detector.archive.cropping import find_likely, look_at_likely
from detector.archive.hashing import hash_files, picture_rows
from detector.archive.matching import (
    Asked,
    Matches,
    describe_match,
    find_in_archive,
    join_matches,
    keep_nearest,
)
from detector.archive.store import make_tables, open_archive
from detector.comparing import Photo, look_quietly
from detector.copies import Windows, read_pictures, read_windows
from detector.errors import ArchiveError, UsageError
from detector.journal import define_views, read_database
from detector.regular import find_mode
from detector.report import escape_cell
from detector.sources import Media, find_kind, printable
from detector.storage import from_here, is_remote, open_copy, opened_here, say_place, whole_path

PLACES = """
SELECT s.name, p.file, p.posted_at, p.source_url, p.platform, p.author,
       (SELECT time_seconds FROM pictures WHERE content = p.content AND frame_index = ?)
FROM places p JOIN sources s USING (source) WHERE p.content = ? ORDER BY s.source, p.file
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file that is, or looks like, the one that was looked for. Texts are of strangers, but printable."""

    where: str
    """Archive or report that was searched, as it was named."""
    report: str
    file: str
    distance: int
    """Bits of 256 between the hashes; 0 for the same bytes."""
    how: str
    at_seconds: float
    """Where in a video."""
    posted_at: str
    source_url: str
    platform: str
    author: str


def find_picture(picture: Path, places: Sequence[Path]) -> list[Found]:
    """Every file of the archives and reports that looks like it, the nearest first.

    Raises UsageError when it cannot be read, ArchiveError or ReportFolderError as their readers do.
    """
    with ExitStack() as stack:
        try:
            path = stack.enter_context(opened_here(whole_path(picture)))
            asked = _read_asked(picture, path)
        except OSError as error:
            raise UsageError(f"{say_place(picture)}: {error.strerror}") from error
        found = [one for place in places for one in _find_in(from_here(place), asked, path)]
    return sorted(found, key=lambda one: (one.distance, one.where, one.report, one.file))


def write_found(found: Sequence[Found], table: Path) -> None:
    """Writes them as CSV. Raises ArchiveError when the table exists already or cannot be written."""
    try:
        with table.open("x", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
            rows.writerow(field.name for field in fields(Found))
            rows.writerows([escape_cell(str(cell)) for cell in astuple(one)] for one in found)
    except FileExistsError as error:
        raise ArchiveError(f"{table} exists; remove it or choose another --csv") from error
    except OSError as error:
        raise ArchiveError(f"{table} cannot be written: {error.strerror or error}") from error


def _read_asked(picture: Path, path: Path) -> Asked:
    media = Media(path.parent, printable(path.name), find_kind(path), path)
    with closing(hash_files([media], workers=1, stop=threading.Event())) as results:
        (result,) = results
    if not result.frames:
        raise UsageError(f"{say_place(picture)}: {result.reason or 'no photo or video'}")
    stored = [result.frames[0].windows] if result.frames[0].windows else []
    return Asked(
        read_pictures(picture_rows(result)),
        np.array([result.coverage.kind == "video"]),
        Windows(np.arange(len(stored)), read_windows(stored)),
    )


def _find_in(place: Path, asked: Asked, path: Path) -> Iterator[Found]:
    with _open_place(place) as archive:
        counted = np.array([one for (one,) in archive.execute("SELECT content FROM contents")], np.int64)
        nearest: dict[int, Matches] = {}
        for part in find_in_archive(archive, asked, counted):
            for row in range(len(part)):
                one = part.take(np.array([row]))
                content = int(one.content[0])
                if content not in nearest or one.distance[0] < nearest[content].distance[0]:
                    nearest[content] = one
        others = counted[~np.isin(counted, list(nearest))]
        likely = keep_nearest(join_matches(list(find_likely(archive, asked, others))))
        likely = likely.take(np.argsort(likely.distance, kind="stable"))
        here = partial(Photo, paths=(path,))
        for part in look_at_likely(archive, asked, likely, here, look_quietly()):
            for row, content in enumerate(part.content.tolist()):
                nearest[content] = part.take(np.array([row]))
        for content, one in nearest.items():
            yield from _describe(archive, place, asked, content, one)


def _describe(
    archive: sqlite3.Connection, place: Path, asked: Asked, content: int, match: Matches
) -> Iterator[Found]:
    frame_index = int(match.frame_index[0])
    cropped = int(match.cropped[0])
    how = describe_match(archive, asked, int(match.picture[0]), content, frame_index, cropped)
    for *told, seconds in archive.execute(PLACES, (frame_index, content)):
        report, file, posted_at, source_url, platform, author = (printable(str(one)) for one in told)
        yield Found(
            where=printable(say_place(place)),
            report=report,
            file=file,
            distance=int(match.distance[0]),
            how=how,
            at_seconds=float(seconds or 0.0),
            posted_at=posted_at,
            source_url=source_url,
            platform=platform,
            author=author,
        )


@contextmanager
def _open_place(place: Path) -> Iterator[sqlite3.Connection]:
    """An archive, or a report as an archive of its own, which is gone afterwards."""
    if not is_remote(place) and not stat.S_ISDIR(find_mode(place)):
        with open_archive(place) as archive:
            yield archive
        return
    with (
        open_copy(place) as folder,
        read_database(folder) as journal,
        closing(sqlite3.connect("")) as archive,
    ):
        define_views(journal)
        make_tables(archive)
        copy_report(archive, journal, place)
        yield archive
