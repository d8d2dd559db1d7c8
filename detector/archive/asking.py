"""A report and an archive in, what was seen before into the report's journal, with pictures of both."""

import logging
import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.archive.known import Known, find_known
from detector.archive.matching import Asked
from detector.archive.store import open_archive
from detector.comparing import Looking, look_quietly
from detector.copies import HASH_BYTES, WINDOWS, Pictures, Windows, read_windows
from detector.errors import MediaError
from detector.evidence import read_looked_at
from detector.ids import ID_DIGITS, frame_id
from detector.journal import KNOWN_BEFORE, Journal, ReportInfo, define_views
from detector.originals import read_original
from detector.pictures import FRAME_LONG_SIDE, protect, shrink
from detector.report import SEEN_FOLDER, lay_over, reopen_report, rewrite_report
from detector.storage import is_remote

MAX_PAIRS = 300  # a report; each takes about half a second
ON_PAGE = f"""
SELECT sha256, frame_index, archived_sha256, archived_frame_index, max({KNOWN_BEFORE} = 'certain') AS surely
FROM temp.files JOIN (SELECT sha256, frame_index, archived_sha256, archived_frame_index FROM known)
  USING (sha256)
WHERE sha256 IN (SELECT sha256 FROM temp.claimed UNION SELECT sha256 FROM temp.almost)
GROUP BY sha256 ORDER BY surely DESC, surely_by, sha256 LIMIT {MAX_PAIRS}
"""
MAX_ASKED = 400_000  # photos of which cropped copies are looked for, for memory
WINDOWED = f"""
SELECT sha256, windows FROM frames WHERE frame_index = 0 AND length(windows) = {HASH_BYTES * len(WINDOWS)}
AND sha256 IN (SELECT sha256 FROM temp.files)
ORDER BY sha256 NOT IN (SELECT sha256 FROM temp.claimed UNION SELECT sha256 FROM temp.almost), sha256
"""
HERE = (
    "SELECT path FROM temp.files WHERE sha256 = ?",
    "SELECT time_seconds FROM frames WHERE sha256 = ? AND frame_index = ?",
)
THERE = (
    "SELECT path FROM places JOIN contents USING (content) WHERE sha256 = ? ORDER BY source, path",
    "SELECT time_seconds FROM pictures JOIN contents USING (content) WHERE sha256 = ? AND frame_index = ?",
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asking:
    """What an archive knows of a report's files."""

    before: dict[str, int]
    """Files that look like something posted `certain`ly before, `possible`, `no`t before, or `unknown`."""


def match_report(
    folder: Path, archive: Path, report_count: Callable[[int, int], None] = lambda *_: None
) -> Asking:
    """Asks an archive about a report and writes its tables and page anew, with all cores.

    `report_count` is told how many likely cropped copies were looked at, and of how many. Raises
    ArchiveError, or ReportFolderError when the folder is no report or a scan is writing to it.
    """
    with reopen_report(folder) as (journal, _):
        info = define_views(journal.connection)
        looking = replace(look_quietly(), report_count=lambda _, *counts: report_count(*counts))
        found = ask_archive(journal, folder, archive, info, looking)
        journal.seal()
    rewrite_report(folder)
    return found


def ask_archive(journal: Journal, folder: Path, archive: Path, info: ReportInfo, looking: Looking) -> Asking:
    """Replaces what the journal holds of pictures seen before; its views are defined."""
    with open_archive(archive) as connection:
        pictures, is_video = read_looked_at(journal.connection)
        asked = Asked(pictures, is_video, _read_windows(journal.connection, pictures))
        hide_posts = info.identity.get("pseudonymise") == "true"
        known = find_known(journal.connection, connection, asked, looking, hide_posts=hide_posts)
        journal.replace_derived("known", map(_as_row, known))
        show_faces = info.identity.get("show_faces") == "true"
        _write_pairs(journal.connection, connection, folder, show_faces=show_faces)
    counts = journal.connection.execute(f"SELECT {KNOWN_BEFORE} FROM temp.files WHERE known_how != ''")
    return Asking(dict(Counter(before for (before,) in counts)))


def _read_windows(journal: sqlite3.Connection, pictures: Pictures) -> Windows:
    """Of the photos of a report, first those in which a flag is seen; of so many as can be asked about."""
    found = journal.execute(WINDOWED).fetchall()
    if len(found) > MAX_ASKED:
        log.warning(
            "cropped copies of %d photos were looked for in the archive, those of %d others were not",
            MAX_ASKED,
            len(found) - MAX_ASKED,
        )
    found = found[:MAX_ASKED]
    numbers = pictures.numbers([sha256 for sha256, _ in found])
    return Windows(
        np.searchsorted(pictures.content, numbers), read_windows([windows for _, windows in found])
    )


def _as_row(one: Known) -> tuple[object, ...]:
    return (
        *(one.sha256, one.frame_index, one.archived_sha256, one.archived_frame_index),
        *(one.since, one.precision, one.told, one.distance, one.how, one.possibly, one.possibly_as),
        *(one.surely_by, one.possibly_from, ""),
    )


def _write_pairs(
    journal: sqlite3.Connection, archive: sqlite3.Connection, folder: Path, *, show_faces: bool
) -> None:
    """Pictures of what is on the page beside what was seen before, where both files can still be read."""
    kept = set()
    for sha256, frame_index, other, other_index, _ in journal.execute(ON_PAGE).fetchall():
        first = frame_id(other[: ID_DIGITS // 2], other_index)
        name = f"{SEEN_FOLDER}/{first}_{frame_id(sha256[: ID_DIGITS // 2], frame_index)}"
        readers = (
            partial(_read, archive, THERE, other, other_index, show_faces=show_faces),
            partial(_read, journal, HERE, sha256, frame_index, show_faces=show_faces),
        )
        if "pictures" in lay_over(journal, folder, name, *readers):
            kept.add(name)
            with journal:
                journal.execute("UPDATE known SET pictures = ? WHERE sha256 = ?", (name, sha256))
    for path in (folder / SEEN_FOLDER).glob("*"):
        if not any(path.match(f"{name}[-.]*") for name in kept):
            path.unlink()


def _read(
    connection: sqlite3.Connection,
    queries: tuple[str, str],
    sha256: str,
    frame_index: int,
    *,
    show_faces: bool,
) -> NDArray[np.uint8]:
    paths, times = queries
    files = [Path(os.fsdecode(path)) for (path,) in connection.execute(paths, (sha256,))]
    if queries is THERE:
        files = [path for path in files if not is_remote(path)]  # an archive of strangers has nothing fetched
    seconds = connection.execute(times, (sha256, frame_index)).fetchone()
    if not seconds:
        raise MediaError("without a picture")
    image = read_original(files, sha256, frame_index, float(seconds[0]))
    return protect(shrink(image, FRAME_LONG_SIDE), show_faces=show_faces)
