"""A report folder in, a connection to its scan.db out: for one writer, for readers, for verdicts."""

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from detector.errors import ReportFolderError
from detector.filing import say_unwritable
from detector.journal.schema import FORMAT, REVIEW_SCHEMA, SCHEMA
from detector.regular import find_mode

FILE_NAME = "scan.db"
LOCK_NAME = "scan.lock"
BESIDE = ("-journal", "-wal", "-shm")  # ends of names that SQLite gives to files of its own
BUSY_SECONDS = 30.0  # that a writer waits for another
MADE_HERE = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
CACHE_KB = 65_536  # of a journal's pages: with SQLite's own two megabytes large ones are read again and again
LOCK_SECONDS = 5.0  # that a review waits for the folder's lock


def refuse_pipes(database: Path) -> None:
    """Raises OSError where a pipe or a device has the name of a file that SQLite keeps beside a database, or
    its own: SQLite would wait for it. They are not opened: closing would give up SQLite's locks."""
    for end in ("", *BESIDE):
        path = database.with_name(database.name + end)
        mode = find_mode(path)
        if mode and not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, f"{path.name} is no file")


@contextmanager
def lock_database(folder: Path, wait_seconds: float) -> Iterator[sqlite3.Connection]:
    """A connection that nobody else has who writes tables: made under the folder's lock.

    Raises ReportFolderError.
    """
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)  # protest photos: for their owner
        names = {path.name for path in folder.iterdir()} - {LOCK_NAME}
        if names and FILE_NAME not in names:
            raise ReportFolderError(f"{folder} is not empty and no report of this tool; choose another --out")
        refuse_pipes(folder / FILE_NAME)
        with (
            FileLock(folder / LOCK_NAME, timeout=wait_seconds),
            closing(sqlite3.connect(folder / FILE_NAME, timeout=BUSY_SECONDS)) as connection,
        ):
            connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
            yield connection
            connection.commit()  # views filled temporary tables; within a transaction the next cannot be
            with suppress(sqlite3.OperationalError):  # a review reads: then its log stays
                connection.execute("PRAGMA journal_mode = DELETE")  # readers need no files beside it
    except Timeout as error:
        raise ReportFolderError(f"another scan is writing to {folder}; wait for it to end") from error
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise ReportFolderError(say_unwritable(folder / FILE_NAME, full)) from error
        raise ReportFolderError(f"{folder / FILE_NAME} cannot be used: {error}") from error
    except OSError as error:
        raise ReportFolderError(f"{folder} cannot be written: {error.strerror or error}") from error


def connect_for_review(folder: Path) -> sqlite3.Connection:
    """A connection that adds verdicts, beside other writers and for use in any thread, one at a time.

    Raises ReportFolderError as `read_database` does, when a scan is writing, and when nothing can be written.
    """
    with read_database(folder):
        pass
    try:
        with FileLock(folder / LOCK_NAME, timeout=LOCK_SECONDS):  # another review holds it for moments only
            connection = sqlite3.connect(
                folder / FILE_NAME, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None
            )
            connection.execute("PRAGMA synchronous = FULL")  # a verdict outlasts even a power cut
            connection.executescript(f"BEGIN IMMEDIATE; {REVIEW_SCHEMA} COMMIT;")
            return connection
    except Timeout as error:
        raise ReportFolderError(f"a scan is writing to {folder}; review it when that has ended") from error
    except sqlite3.DatabaseError as error:
        raise ReportFolderError(f"{folder} cannot be written: {error}") from error
    except OSError as error:
        raise ReportFolderError(say_unwritable(folder, error)) from error


def distrust(connection: sqlite3.Connection, max_value_bytes: int) -> None:
    """Has SQLite be careful with a file of strangers; no text or hash in it may be larger."""
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, max_value_bytes)


def read_schema(connection: sqlite3.Connection) -> list[str]:
    """How all in a database was made: where it is as expected, no view and no trigger of strangers runs."""
    return [sql for (sql,) in connection.execute(MADE_HERE)]


@contextmanager
def read_database(folder: Path, *, any_format: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection that only reads, also from a folder that cannot be written; with `any_format` also from
    one of another version of this tool, whose tables may have other columns.

    Raises ReportFolderError when the folder is no report or one of another version of this tool.
    """
    path = folder / FILE_NAME
    try:
        path.stat()
        refuse_pipes(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ReportFolderError(f"{folder} is no report: it has no {FILE_NAME}") from error
    except OSError as error:
        raise ReportFolderError(f"{folder} cannot be read: {error.strerror}") from error
    writable = os.access(folder, os.W_OK)  # SQLite's log needs a file beside it, else is passed over
    uri = f"{path.absolute().as_uri()}?mode=ro{'' if writable else '&immutable=1'}"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            _refuse_programs(connection, folder)
            made_by = connection.execute("SELECT value FROM identity WHERE name = 'format'").fetchone()
            if made_by != (FORMAT,) and not any_format:
                raise ReportFolderError(
                    f"{folder} was made by another version of this tool; scan again into a new folder"
                )
            yield connection
    except sqlite3.DatabaseError as error:
        raise ReportFolderError(f"{path} cannot be used: {error}") from error


def _refuse_programs(connection: sqlite3.Connection, folder: Path) -> None:
    """Raises ReportFolderError where there is what SQLite would do by itself: this tool makes none."""
    named = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('trigger', 'view')").fetchone()
    if named:
        raise ReportFolderError(
            f"{folder / FILE_NAME} was changed by another program: it holds {named[0]!r}, which this tool "
            "does not make; scan into a new folder"
        )


def prepare_tables(connection: sqlite3.Connection, folder: Path, identity: Mapping[str, str]) -> None:
    """Makes the tables where there are none. Raises ReportFolderError when they were made otherwise.

    Where nothing was looked at yet, settings may still change: a scan that could not begin binds nobody.
    """
    identity = {"format": FORMAT, **identity}
    _refuse_programs(connection, folder)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'identity'").fetchone():
        rows = "".join(
            f"INSERT INTO identity VALUES ({_quote(name)}, {_quote(value)});"
            for name, value in identity.items()
        )
        connection.executescript(
            f"BEGIN; {SCHEMA} {REVIEW_SCHEMA} {rows} COMMIT;"
        )  # all or nothing: a kill leaves no half
    kept = dict(connection.execute("SELECT name, value FROM identity").fetchall())
    differing = [
        f"{name.replace('_', ' ')} was {kept.get(name, 'not set')}, is now {identity.get(name, 'not set')}"
        for name in sorted(kept.keys() | identity.keys())
        if kept.get(name) != identity.get(name)
    ]
    looked_at = connection.execute("SELECT 1 FROM results").fetchone() if differing else None
    if differing and not looked_at and kept.get("format") == FORMAT:
        with connection:
            connection.execute("DELETE FROM identity")
            connection.executemany("INSERT INTO identity VALUES (?, ?)", identity.items())
    elif differing:
        raise ReportFolderError(
            f"{folder} was made with other settings: {'; '.join(differing)}. Choose another --out, "
            "or for other thresholds alone see detector report"
        )


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
