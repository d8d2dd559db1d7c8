"""An archive file in, a connection to it out: which pictures are known, from which report and post."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from detector.errors import ArchiveError
from detector.filing import say_unwritable
from detector.journal import distrust, read_schema, refuse_pipes
from detector.storage import is_remote, say_place

FORMAT = "2"
BEFORE = "1"  # without the last table
BUSY_SECONDS = 30.0  # that a writer waits for another
MAX_VALUE_BYTES = 10_000_000  # of a text or hash in an archive; strangers may hand one in
SCHEMA = (
    "CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    # A report, or a folder of which only the hashes are here.
    "CREATE TABLE sources (source INTEGER PRIMARY KEY, folder BLOB NOT NULL UNIQUE, name TEXT NOT NULL, "
    "kind TEXT NOT NULL, added_at TEXT NOT NULL) STRICT",
    "CREATE TABLE contents (content INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, "
    "bytes INTEGER NOT NULL, kind TEXT NOT NULL, captured_at TEXT NOT NULL) STRICT",
    "CREATE INDEX contents_by_size ON contents (bytes)",
    # Where a content lay when its source was added, and with which post.
    "CREATE TABLE places (source INTEGER NOT NULL, path BLOB NOT NULL, content INTEGER NOT NULL, "
    "file TEXT NOT NULL, source_url TEXT NOT NULL, platform TEXT NOT NULL, author TEXT NOT NULL, "
    "posted_at TEXT NOT NULL, post_id TEXT NOT NULL, post_text TEXT NOT NULL, PRIMARY KEY (source, path)) "
    "STRICT, WITHOUT ROWID",
    "CREATE INDEX places_by_content ON places (content)",
    # As `frames` of a journal, each content once.
    "CREATE TABLE pictures (content INTEGER NOT NULL, frame_index INTEGER NOT NULL, "
    "time_seconds REAL NOT NULL, hash BLOB NOT NULL, mirrored BLOB NOT NULL, quality INTEGER NOT NULL, "
    "inside BLOB NOT NULL, inside_mirrored BLOB NOT NULL, inside_quality INTEGER NOT NULL, "
    "PRIMARY KEY (content, frame_index)) STRICT, WITHOUT ROWID",
    # Of a photo the hashes of what would be left if its edges were cut off; empty for all else.
    "CREATE TABLE windows (content INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT",
)
WITHOUT_WINDOWS = (  # how many photos came in before there were any
    "SELECT count(*) FROM contents WHERE kind = 'photo' AND content NOT IN (SELECT content FROM windows)"
)


@contextmanager
def open_archive(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads. Raises ArchiveError when the file is no archive, or is damaged.

    One of before there were windows looks as if nothing had any.
    """
    _check_file(path)
    writable = os.access(path.parent, os.W_OK)  # SQLite's log needs a file beside it, else is passed over
    uri = f"{path.absolute().as_uri()}?mode=ro{'' if writable else '&immutable=1'}"
    with _saying_what_is_wrong(path), closing(_connect(uri)) as connection:
        if _check_tables(connection, path) == BEFORE:
            connection.execute(SCHEMA[-1].replace("TABLE", "TEMP TABLE"))
        yield connection


@contextmanager
def change_archive(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that writes, made with the archive where there is none; for one writer at a time.

    Raises ArchiveError as `open_archive` does, and when the file cannot be written.
    """
    _refuse_remote(path)
    try:
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ArchiveError(say_unwritable(path, error)) from error
    is_new = not os.path.lexists(path)
    if not is_new:
        _check_file(path)
    with _saying_what_is_wrong(path), closing(_connect(f"{path.absolute().as_uri()}?mode=rwc")) as connection:
        if is_new:
            make_tables(connection)
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            if _check_tables(connection, path) == BEFORE:
                connection.execute(SCHEMA[-1])
                connection.execute("UPDATE identity SET value = ? WHERE name = 'format'", (FORMAT,))
            yield connection


def make_tables(connection: sqlite3.Connection) -> None:
    """Makes an empty archive's tables, all or none."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            connection.execute(statement)
        connection.execute("INSERT INTO identity VALUES ('format', ?)", (FORMAT,))


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)
    distrust(connection, MAX_VALUE_BYTES)
    return connection


def _refuse_remote(path: Path) -> None:
    if is_remote(path):
        raise ArchiveError(f"{say_place(path)}: an archive is a file on a disk; fetch it first")


def _check_file(path: Path) -> None:
    _refuse_remote(path)
    try:
        refuse_pipes(path)
        path.open("rb").close()
    except OSError as error:
        raise ArchiveError(f"{path} is no archive: {error.strerror}") from error


def _check_tables(connection: sqlite3.Connection, path: Path) -> str:
    """Its format. There is nothing in it but our tables: no view and no trigger of strangers is ever run."""
    formats = {SCHEMA: FORMAT, SCHEMA[:-1]: BEFORE}
    format_ = formats.get(tuple(read_schema(connection)), "")
    if not format_:
        raise ArchiveError(
            f"{path} is no archive of this tool, or of another version; `detector archive add` makes one"
        )
    if connection.execute("SELECT value FROM identity WHERE name = 'format'").fetchone() != (format_,):
        raise ArchiveError(f"{path} was made by another version of this tool; add the reports to a new one")
    return format_


@contextmanager
def _saying_what_is_wrong(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
            full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise ArchiveError(say_unwritable(path, full)) from error
        raise ArchiveError(f"{path} cannot be used: {error}") from error
