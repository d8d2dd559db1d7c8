"""Parts of a journal come from a storage, where strangers may have put them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from detector.errors import ReportFolderError
from detector.journal import open_journal, utc_now

IDENTITY = {"floor": "0.05"}


@pytest.fixture
def part(tmp_path: Path) -> Path:
    path = tmp_path / "part.db"
    with open_journal(tmp_path / "first", IDENTITY, utc_now()) as journal:
        journal.write_part(path, IDENTITY, [])
    return path


def merge(part: Path, folder: Path) -> None:
    with open_journal(folder, IDENTITY, utc_now()) as journal:
        journal.merge_part(part, IDENTITY)


def test_a_part_is_taken_over(part: Path, tmp_path: Path) -> None:
    merge(part, tmp_path / "second")


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER t AFTER INSERT ON identity BEGIN DELETE FROM results; END",
        "ALTER TABLE results RENAME TO kept; CREATE VIEW results AS SELECT * FROM kept",
        "ALTER TABLE identity RENAME TO kept; CREATE VIEW identity AS WITH RECURSIVE n(i) AS "
        "(SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS name, i AS value FROM n",
        "ALTER TABLE frames ADD COLUMN more TEXT DEFAULT (randomblob(1000000))",
        "DROP TABLE detections",
    ],
)
def test_a_part_with_other_tables_is_refused_before_any_of_it_runs(
    part: Path, tmp_path: Path, sql: str
) -> None:
    with closing(sqlite3.connect(part)) as connection:
        connection.executescript(sql)
    with pytest.raises(ReportFolderError, match="no part of a report"):
        merge(part, tmp_path / "second")


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    part = tmp_path / "part.db"
    part.write_bytes(b"SQLite format 3\0" + bytes(5000))
    with pytest.raises(ReportFolderError, match="cannot be used"):
        merge(part, tmp_path / "second")
