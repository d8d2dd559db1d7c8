"""Whatever is changed in a journal is found."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from detector.journal import connect_for_review
from detector.report import Verification, verify_report
from detector.review.store import Given, VerdictStore
from tests.reports import change_journal, copy_samples, sha256_of


@pytest.fixture
def report(samples: Path, tmp_path: Path) -> Path:
    """A report in which a verdict was given, where it was made: its paths are in the chain."""
    return copy_samples(samples, tmp_path)


def verify(report: Path) -> Verification:
    return verify_report(report, lambda _done, _total: None)


def give_verdict(report: Path) -> None:
    connection = connect_for_review(report)
    store = VerdictStore(connection)
    (name,) = connection.execute(
        "SELECT substr(sha256, 1, 32) || '-' || frame_index || '-' || rank FROM detections LIMIT 1"
    ).fetchone()
    store.add([Given(str(name), sha256_of(report, "red.png"), 0, "confirmed")], "Ann")
    store.close()


def test_an_untouched_journal_holds(report: Path) -> None:
    give_verdict(report)
    assert verify(report).journal_differs == ()


CHANGES = {
    "UPDATE detections SET confidence = confidence + 1e-9 WHERE rank = 0": "result",
    "UPDATE detections SET class_id = 1 - class_id": "result",
    "UPDATE results SET status = 'no_detection' WHERE status = 'ok'": "result",
    "UPDATE frames SET time_seconds = time_seconds + 0.001": "result",
    "DELETE FROM detections WHERE rank = 0": "result",
    "UPDATE inputs SET name = 'x' || name": "inputs",
    "UPDATE inputs SET status = 'ok' WHERE status = 'failed'": "inputs",
    "UPDATE identity SET value = '[0.9, 0.9]' WHERE name = 'thresholds'": "inputs",
    "UPDATE copies SET cluster = 'x'": "inputs",
    "UPDATE events SET end_seconds = end_seconds + 1": "inputs",
    "UPDATE verdicts SET verdict = 'rejected'": "the verdict of 1 was changed",
    "DELETE FROM verdicts": "the verdict of 1 was removed",
    "DELETE FROM chain WHERE number = 3": "broken at link 4",
    "DELETE FROM chain WHERE what = 'verdict'": "the verdict of 1 was added",
    "UPDATE chain SET digest = digest || '0' WHERE number = 2": "broken at link 2",
}


@pytest.mark.parametrize(("sql", "told"), CHANGES.items())
def test_a_changed_row_is_told(report: Path, sql: str, told: str) -> None:
    give_verdict(report)
    change_journal(report, sql)
    found = verify(report)
    assert any(told in line for line in found.journal_differs), found.journal_differs
    assert not found.as_it_was


def test_a_chain_that_was_made_anew_is_not_the_one_that_tables_name(report: Path) -> None:
    with closing(sqlite3.connect(report / "scan.db")) as journal, journal:
        journal.execute("DELETE FROM chain WHERE number = (SELECT max(number) FROM chain)")
    assert "its chain is not the one that chain.json names" in verify(report).journal_differs
