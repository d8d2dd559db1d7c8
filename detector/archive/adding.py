"""Reports and folders in, what is known of their pictures into an archive."""

import itertools
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from detector.archive.hashing import hash_files, picture_rows
from detector.archive.store import change_archive
from detector.copies import PICTURE_COLUMNS
from detector.errors import ArchiveError, MediaError, UsageError
from detector.formats import NOT_OPENED, claimed_kind
from detector.journal import define_views, read_database, utc_now
from detector.naming import is_home
from detector.posts import Post, match_posts
from detector.regular import find_mode
from detector.sources import Media, find_media, printable
from detector.storage import is_remote, open_copy, say_place, whole_path
from detector.worker import FileResult

REPORT, FOLDER = "report", "folder"
ADDED_AT_ONCE = 200  # contents in one transaction
CONTENTS = (
    "SELECT f.sha256, max(f.bytes), max(f.kind), max(f.captured_at) FROM temp.files f "
    "JOIN frames r USING (sha256) GROUP BY f.sha256"
)
PLACES = (
    "SELECT f.path, f.sha256, f.file, f.source_url, f.platform, f.author, f.posted_at, f.post_id, "
    "f.post_text FROM temp.files f WHERE f.sha256 IN (SELECT sha256 FROM frames)"
)
PICTURES = (
    f"SELECT sha256, {PICTURE_COLUMNS} FROM frames WHERE sha256 IN (SELECT sha256 FROM temp.files) "
    "ORDER BY sha256, frame_index"
)
KNOWN = "SELECT 1 FROM contents JOIN windows USING (content) WHERE sha256 = ?"
WINDOWS = (
    "SELECT sha256, max(windows) FROM frames WHERE sha256 IN (SELECT sha256 FROM temp.files) GROUP BY sha256"
)
WIDTH = 9  # columns of pictures


@dataclass(frozen=True, slots=True)
class Added:
    """What a source has brought into an archive."""

    files: int
    new_contents: int
    """Contents that were not in the archive before."""
    failed: int = 0
    """Files of a folder that could not be read to their end, or were not opened, as hidden ones."""


def add_report(archive: Path, report: Path) -> Added:
    """Adds a report's pictures, with their posts; what it brought earlier is replaced.

    Raises ArchiveError, or ReportFolderError when the folder is no report.
    """
    with open_copy(report) as folder, read_database(folder) as journal:
        define_views(journal)
        with change_archive(archive) as connection:
            return copy_report(connection, journal, report)


def copy_report(connection: sqlite3.Connection, journal: sqlite3.Connection, report: Path) -> Added:
    """The same for connections that are open; views of the journal are defined."""
    source = _begin_source(connection, report, REPORT)
    before = _count_contents(connection)
    for content in journal.execute(CONTENTS):
        _add_content(connection, content)
    _add_pictures(connection, journal.execute(PICTURES))
    _add_windows(connection, journal.execute(WINDOWS))
    _add_places(connection, source, journal.execute(PLACES))
    _remove_unplaced(connection)
    (files,) = connection.execute("SELECT count(*) FROM places WHERE source = ?", (source,)).fetchone()
    return Added(files, _count_contents(connection) - before)


def add_folder(
    archive: Path,
    folder: Path,
    *,
    workers: int,
    report_count: Callable[[int, int], None],
    stop: threading.Event,
) -> Added:
    """Adds the hashes of a folder's photos and videos, and what sidecars tell: no flag is looked for.

    What is in the archive by content is not read again, so that it goes on where it was stopped. Raises
    ArchiveError, or UsageError when the folder is gone.
    """
    if is_remote(folder):
        raise UsageError(f"{say_place(folder)}: only folders of this machine are hashed; scan it instead")
    found, passed_over = [], 0
    for one in find_media([folder]):
        if one.kind in ("photo", "video"):
            found.append(one)
        else:
            passed_over += one.kind in NOT_OPENED or claimed_kind(one.path) != "other"
    known: dict[Path, str] = {}
    with change_archive(archive) as connection:
        source = _begin_source(connection, folder, FOLDER)
        before = _count_contents(connection)
        unread = list(_read_known(connection, found, known))
        _add_places(connection, source, _name_places(found, known))
    names = {media.path: media for media in unread}
    results = hash_files(unread, workers=workers, stop=stop)
    failed, done = passed_over, 0
    with closing(results):
        while batch := list(itertools.islice(results, ADDED_AT_ONCE)):
            with change_archive(archive) as connection:
                for result in batch:
                    failed += result.status == "failed"
                    if result.frames:
                        _add_result(connection, result)
                        known[result.media.path] = result.sha256
                _add_places(connection, source, _name_places([names[one.media.path] for one in batch], known))
            done += len(batch)
            report_count(done, len(unread))
    with change_archive(archive) as connection:
        _add_places(connection, source, _find_places(found, known, folder))
        _remove_unplaced(connection)
        return Added(len(known), _count_contents(connection) - before, failed)


def remove_source(archive: Path, folder: Path) -> int:
    """Takes a report or folder out, with the contents that no other has; gives how many files it had.

    Raises ArchiveError when the archive has none of this name.
    """
    if not find_mode(archive):
        raise ArchiveError(f"{archive} is not there")
    with change_archive(archive) as connection:
        row = connection.execute(
            "SELECT source FROM sources WHERE folder = ?", (os.fsencode(whole_path(folder)),)
        ).fetchone()
        if not row:
            raise ArchiveError(f"{archive} has nothing of {say_place(folder)}; see `detector archive list`")
        removed = connection.execute("DELETE FROM places WHERE source = ?", row).rowcount
        connection.execute("DELETE FROM sources WHERE source = ?", row)
        _remove_unplaced(connection)
        return removed


def _begin_source(connection: sqlite3.Connection, folder: Path, kind: str) -> int:
    """The number of a source without places."""
    folder = whole_path(folder)
    connection.execute(
        "INSERT INTO sources (folder, name, kind, added_at) VALUES (?, ?, ?, ?) ON CONFLICT (folder) "
        "DO UPDATE SET kind = excluded.kind, added_at = excluded.added_at",
        (os.fsencode(folder), _name_source(folder), kind, utc_now()),
    )
    (source,) = connection.execute(
        "SELECT source FROM sources WHERE folder = ?", (os.fsencode(folder),)
    ).fetchone()
    connection.execute("DELETE FROM places WHERE source = ?", (source,))
    return int(source)


def _name_source(folder: Path) -> str:
    """How shared tables call it, which are not to tell whose machine it was."""
    return "home" if is_home(folder) else printable(folder.name) or "files"


def _count_contents(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("SELECT count(*) FROM contents").fetchone()
    return int(count)


def _add_content(connection: sqlite3.Connection, content: Sequence[object]) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO contents (sha256, bytes, kind, captured_at) VALUES (?, ?, ?, ?)", content
    )


def _add_pictures(connection: sqlite3.Connection, rows: Iterable[Sequence[object]]) -> None:
    """Adds pictures of contents that are there and have none."""
    connection.executemany(
        f"INSERT OR IGNORE INTO pictures SELECT content, {', '.join('?' * (WIDTH - 1))} FROM contents "
        "WHERE sha256 = ?",
        ((*row[1:], row[0]) for row in rows),
    )


def _add_windows(connection: sqlite3.Connection, rows: Iterable[tuple[object, object]]) -> None:
    """Adds windows of contents that are there and have none, as of an archive of before there were any."""
    connection.executemany(
        "INSERT OR IGNORE INTO windows SELECT content, ? FROM contents WHERE sha256 = ?",
        ((windows, sha256) for sha256, windows in rows),
    )


def _add_places(connection: sqlite3.Connection, source: int, rows: Iterable[Sequence[object]]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO places SELECT ?, ?, content, ?, ?, ?, ?, ?, ?, ? FROM contents "
        "WHERE sha256 = ?",
        ((source, row[0], *row[2:], row[1]) for row in rows),
    )


def _remove_unplaced(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM contents WHERE content NOT IN (SELECT content FROM places)")
    for table in ("pictures", "windows"):
        connection.execute(f"DELETE FROM {table} WHERE content NOT IN (SELECT content FROM contents)")


# Folders that are only hashed


def _read_known(
    connection: sqlite3.Connection, found: Iterable[Media], known: dict[Path, str]
) -> Iterator[Media]:
    """The media whose content is not in the archive; `known` gets the hashes of the others."""
    for media in found:
        try:
            size = (media.size(),)
            if connection.execute("SELECT 1 FROM contents WHERE bytes = ? LIMIT 1", size).fetchone():
                sha256 = media.sha256()
                if connection.execute(KNOWN, (sha256,)).fetchone():
                    known[media.path] = sha256
                    continue
        except MediaError:
            pass  # a worker says why
        yield media


def _add_result(connection: sqlite3.Connection, result: FileResult) -> None:
    coverage = result.coverage
    _add_content(connection, (result.sha256, result.bytes, coverage.kind, coverage.captured_at))
    _add_pictures(connection, picture_rows(result))
    _add_windows(connection, [(result.sha256, max(frame.windows for frame in result.frames))])


def _name_places(found: Iterable[Media], known: dict[Path, str]) -> Iterator[tuple[object, ...]]:
    """Places without posts, so that no content is ever without a place."""
    nothing = _post_columns(Post())
    return (
        (os.fsencode(one.path), known[one.path], one.name, *nothing) for one in found if one.path in known
    )


def _find_places(
    found: Iterable[Media], known: dict[Path, str], folder: Path
) -> Iterator[tuple[object, ...]]:
    names = {media.path: media.name for media in found if media.path in known}
    for match in match_posts(((one, known.get(one.path, "")) for one in found), [folder.absolute()]):
        path = match.path
        if path in names:
            yield os.fsencode(path), known[path], names[path], *_post_columns(match.post)


def _post_columns(post: Post) -> tuple[str, ...]:
    return post.source_url, post.platform, post.author, post.posted_at, post.post_id, post.text
