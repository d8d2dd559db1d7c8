"""A report of strangers that a scan goes on with: its journal leads to no place that was not named."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from detector.errors import ReportFolderError
from tests.buckets import NOTING_SERVER, Bucket, storage_server
from tests.reports import change_journal, copy_samples
from tests.storage.conftest import forget_environment
from tests.test_cutting import save_changed_copies
from tests.test_scan import read_table, scan_folder, scan_paths


@pytest.fixture
def noting(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A bucket of a storage that notes what it is asked; the other fixture takes all back."""
    assert bucket
    with storage_server(NOTING_SERVER) as variables, monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", variables["AWS_ENDPOINT_URL"])
        forget_environment()
        yield Bucket()
    forget_environment()


def asked(bucket: Bucket) -> list[str]:
    """What all processes have asked for in it, by now."""
    return [one for one in json.loads(bucket.ask("/asked")) if bucket.name in one]


def test_a_scan_asks_no_bucket_that_only_the_journal_names(
    noting: Bucket, tmp_path: Path, fake_weights: Path
) -> None:
    theirs, report = Bucket(), tmp_path / "report"
    theirs.put_folder(save_changed_copies(tmp_path / "theirs"), "in")
    scan_folder(theirs.path("in"), report, fake_weights)
    before = {row["file"]: row for row in read_table(report / "files.csv")}
    with closing(sqlite3.connect(report / "scan.db")) as journal, journal:
        journal.execute("DELETE FROM parts")  # so that all is to be looked at again
    noted = asked(theirs)
    noting.put_folder(save_changed_copies(tmp_path / "ours"), "in")
    for number, place in enumerate((tmp_path / "ours", noting.path("in"))):
        change_journal(
            report, "UPDATE inputs SET run = ?, sha256 = '' WHERE name LIKE '%cut.png'", 2 + number
        )
        scan_paths((place,), report, fake_weights)
        assert asked(theirs) == noted
    assert asked(noting)
    after = {row["file"]: row for row in read_table(report / "files.csv")}
    assert {row["posted_at"] for row in before.values()} >= {"2024-05-01T00:00:00Z"}
    kept = [row for name, row in after.items() if name.endswith("first.png")]
    assert {row["posted_at"] for row in kept} == {"2024-05-01T00:00:00Z"}  # as the first scan found it


def test_copies_elsewhere_in_a_bucket_that_is_named_are_looked_at(
    noting: Bucket, tmp_path: Path, fake_weights: Path
) -> None:
    media = save_changed_copies(tmp_path / "in")
    noting.put("a/first.png", (media / "first.png").read_bytes())
    noting.put("b/cut.png", (media / "cut.png").read_bytes())
    scan_folder(noting.path("a"), tmp_path / "report", fake_weights)
    scan_folder(noting.path("b"), tmp_path / "report", fake_weights)
    rows = read_table(tmp_path / "report" / "files.csv")
    assert len(rows) == 2
    assert len({row["cluster"] for row in rows}) == 1


def test_what_a_journal_says_to_be_found_by_a_run_to_come_is_not_looked_at(
    tmp_path: Path, fake_weights: Path
) -> None:
    for folder in ("theirs", "ours"):
        save_changed_copies(tmp_path / folder)
    report = tmp_path / "report"
    scan_folder(tmp_path / "theirs", report, fake_weights)
    change_journal(report, "UPDATE inputs SET run = 2, sha256 = '' WHERE name LIKE '%cut.png'")
    scan_folder(tmp_path / "ours", report, fake_weights)
    with closing(sqlite3.connect(report / "scan.db")) as journal:
        found = dict(journal.execute("SELECT CAST(path AS TEXT), sha256 FROM inputs"))
    assert not found[str(tmp_path / "theirs" / "cut.png")]
    assert found[str(tmp_path / "ours" / "cut.png")]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER more AFTER INSERT ON inputs BEGIN DELETE FROM results; END",
        "CREATE VIEW more AS SELECT * FROM inputs",
    ],
)
def test_a_journal_that_does_things_by_itself_is_refused(
    samples: Path, tmp_path: Path, fake_weights: Path, sql: str
) -> None:
    report = copy_samples(samples, tmp_path)
    with closing(sqlite3.connect(report / "scan.db")) as journal, journal:
        journal.execute(sql)
    with pytest.raises(ReportFolderError, match="holds 'more', which this tool does not make"):
        scan_folder(tmp_path / "downloads", report, fake_weights, densify=False)
