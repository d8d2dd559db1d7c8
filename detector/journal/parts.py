"""What a journal has noted since a part was last made in, a part out: a journal of its own, and back again.

A part has the tables of `scan.db`; those of its rows that stand for finished files are filled, all others are
empty. A scan that was killed goes on from its parts, on whatever machine.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from detector.errors import ReportFolderError
from detector.journal.chain import add_result
from detector.journal.database import BUSY_SECONDS, distrust, prepare_tables, read_schema
from detector.journal.schema import REVIEW_SCHEMA, SCHEMA

CONTENT_TABLES = ("results", "frames", "detections")
MAX_VALUE_BYTES = 100_000_000  # of a text or hash in a part that was fetched
INPUT_COLUMNS = "path, root, name, kind, run, sha256, bytes, status, reason, version, batch"


def write_part(
    connection: sqlite3.Connection, target: Path, identity: Mapping[str, str], paths: Iterable[bytes]
) -> str:
    """Writes a part of these inputs and what is known of their contents; gives the name that it goes by."""
    target.unlink(missing_ok=True)
    with _attached(connection, target, identity):
        connection.executemany(
            f"INSERT OR REPLACE INTO part.inputs ({INPUT_COLUMNS}) "
            f"SELECT {INPUT_COLUMNS} FROM main.inputs WHERE path = ?",
            sorted((path,) for path in paths),
        )
        for table in CONTENT_TABLES:
            connection.execute(
                f"INSERT INTO part.{table} SELECT * FROM main.{table} "
                "WHERE sha256 IN (SELECT sha256 FROM part.inputs)"
            )
    return f"{hashlib.sha256(target.read_bytes()).hexdigest()}.db"


def merge_part(connection: sqlite3.Connection, part: Path, identity: Mapping[str, str]) -> None:
    """Takes over what the journal does not know yet.

    Raises ReportFolderError for a part that cannot be used or was made with other settings.
    """
    try:
        _check_tables(part)
        with _attached(connection, part, identity):
            _take_over(connection)
    except sqlite3.DatabaseError as error:
        raise ReportFolderError(
            f"a part of the report cannot be used: {error}; remove it from parts/"
        ) from error


def _check_tables(part: Path) -> None:
    """That there is nothing in it but our tables: no view and no trigger of strangers is ever run."""
    with (
        closing(sqlite3.connect(f"{part.absolute().as_uri()}?mode=ro", uri=True)) as there,
        closing(sqlite3.connect(":memory:")) as ours,
    ):
        distrust(there, MAX_VALUE_BYTES)
        ours.executescript(SCHEMA + REVIEW_SCHEMA)
        if read_schema(there) != read_schema(ours):
            raise ReportFolderError(
                f"{part.name} is no part of a report by this version of the tool; remove it from parts/"
            )


@contextmanager
def _attached(connection: sqlite3.Connection, path: Path, identity: Mapping[str, str]) -> Iterator[None]:
    """A part, made where there is none, as `part` in one transaction of the journal's connection."""
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as part:
        prepare_tables(part, path.parent, identity)
        part.execute("PRAGMA journal_mode = DELETE")
    connection.commit()
    connection.execute("ATTACH ? AS part", (str(path),))
    try:
        with connection:
            yield
    finally:
        connection.execute("DETACH part")


def _take_over(connection: sqlite3.Connection) -> None:
    rows = connection.execute(
        "SELECT sha256 FROM part.results WHERE sha256 NOT IN (SELECT sha256 FROM main.results) "
        "ORDER BY sha256"
    )
    new = [sha256 for (sha256,) in rows]
    for table in CONTENT_TABLES:
        connection.executemany(
            f"INSERT OR REPLACE INTO main.{table} SELECT * FROM part.{table} WHERE sha256 = ?",
            ((sha256,) for sha256 in new),
        )
    for sha256 in new:
        add_result(connection, sha256)
    connection.execute(
        f"INSERT OR REPLACE INTO main.inputs ({INPUT_COLUMNS}) "
        "SELECT path, root, name, kind, 0, sha256, bytes, status, reason, version, "
        "coalesce((SELECT batch FROM main.inputs i WHERE i.path = p.path), "
        "(SELECT max(batch) FROM main.run)) "
        "FROM part.inputs p"
    )
