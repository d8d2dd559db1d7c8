"""What an archive knows of a report's pictures: never more than the dates say."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from detector.archive import add_report, match_report
from detector.errors import ArchiveError
from detector.report import verify_report
from tests.archive.seen_before import scan_old_and_new
from tests.archive.test_archive import rows
from tests.cli.test_cli import run_detector
from tests.reports import change_journal
from tests.test_evidence import read_table, scan_to


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory, fake_weights: Path) -> Path:
    """As `scan_old_and_new` made it."""
    return scan_old_and_new(tmp_path_factory.mktemp("seen"), fake_weights)


@pytest.fixture
def matched(scanned: Path, tmp_path: Path) -> Path:
    """The new report after the archive was asked."""
    shutil.copytree(scanned / "new", tmp_path / "new")
    match_report(tmp_path / "new", scanned / "archive.db")
    return tmp_path / "new"


def seen(report: Path) -> dict[str, tuple[str, ...]]:
    names = ("known_before", "known_since", "known_precision", "known_as", "known_how")
    return {
        row["file"]: tuple(row[name] for name in names)
        for row in read_table(report / "files.csv")
        if row["known_how"]
    }


def test_files_say_since_when_and_as_what_they_are_known(matched: Path) -> None:
    post = "2021-05-14T08:00:00Z"
    assert seen(matched) == {
        "certain.jpg": (
            "certain",
            post,
            "second",
            "old: certain.png (https://example.org/p/1)",
            "same picture",
        ),
        "day.jpg": (
            "possible",
            "2024-05-13",
            "day",
            "old: day.png (https://example.org/p/2)",
            "same picture",
        ),
        "later.jpg": (
            *("no", "2024-06-01T00:00:00Z", "second"),
            *("old: later.png (https://example.org/p/3)", "same picture"),
        ),
        "timeless.jpg": ("unknown", "", "", "old: timeless.png", "same picture"),
        "bars.jpg": (
            *("certain", "2023-01-01T00:00:00Z", "second"),
            *("old: bars.png", "mirrored, inside bars or a caption"),
        ),
        "frame.png": (
            *("certain", "2020-02-02T00:00:00Z", "second"),
            *("old: clip.mp4 (https://example.org/p/5)", "frame of a video"),
        ),
        "part.mp4": (
            *("unknown", "2020-02-02T00:00:00Z", "second"),
            *("old: clip.mp4 (https://example.org/p/5)", "part of a clip"),
        ),
    }
    assert verify_report(matched, lambda *_: None).as_it_was


def test_a_scan_that_asks_an_archive_ends_with_the_same_tables_as_one_that_asks_later(
    scanned: Path, matched: Path, tmp_path: Path, fake_weights: Path
) -> None:
    words = ("--weights", fake_weights, "--archive", scanned / "archive.db", "--out", tmp_path / "again")
    done = run_detector("scan", scanned / "in new", *words)
    assert done.returncode in (0, 1), done.stderr
    assert (tmp_path / "again" / "files.csv").read_bytes() == (matched / "files.csv").read_bytes()


def test_the_earliest_certain_post_counts_and_what_may_be_earlier_is_said(
    scanned: Path, tmp_path: Path
) -> None:
    archive = Path(shutil.copy(scanned / "archive.db", tmp_path))
    with closing(sqlite3.connect(archive)) as connection, connection:
        connection.execute("INSERT INTO sources VALUES (9, x'00', 'other', 'report', '')")
        connection.execute(
            "INSERT INTO places SELECT 9, x'01', content, 'early.png', '', '', '', '2021-05-14', '', '' "
            "FROM places WHERE file = 'certain.png'"
        )
    shutil.copytree(scanned / "new", tmp_path / "new")
    match_report(tmp_path / "new", archive)
    (row,) = [one for one in read_table(tmp_path / "new" / "files.csv") if one["file"] == "certain.jpg"]
    assert (row["known_since"], row["known_as"]) == (
        "2021-05-14T08:00:00Z",
        "old: certain.png (https://example.org/p/1)",
    )
    assert (row["known_possibly"], row["known_possibly_as"]) == ("2021-05-14", "other: early.png")


HOSTILE = {
    "UPDATE pictures SET hash = x'00'": "damaged",
    "UPDATE pictures SET quality = 100, hash = zeroblob(5000000)": "damaged",
    "UPDATE places SET posted_at = '~~~~'": "",
    "UPDATE places SET posted_at = '0000-00-00T99:99:99Z'": "",
    "UPDATE places SET posted_at = '2024-99-99'": "",
    "UPDATE contents SET captured_at = '9999-12-31T23:59:59-14:00'": "",
    "UPDATE contents SET captured_at = '0001-01-01T00:00:00+14:00'": "",
    "UPDATE places SET path = x'002f00' WHERE file = 'certain.png'": "",
    "UPDATE places SET path = CAST('/dev/zero' AS BLOB) WHERE file = 'certain.png'": "",
    "UPDATE places SET file = char(27) || '[31m' || char(8238) || '<img src=x onerror=hacked()>'": "",
    "UPDATE contents SET content = content + 4000000000000000000": "",
}


@pytest.mark.parametrize(("sql", "told"), HOSTILE.items())
def test_an_archive_of_strangers_does_no_harm(scanned: Path, tmp_path: Path, sql: str, told: str) -> None:
    archive = Path(shutil.copy(scanned / "archive.db", tmp_path))
    with closing(sqlite3.connect(archive)) as connection, connection:
        assert connection.execute(sql).rowcount > 0
    shutil.copytree(scanned / "new", tmp_path / "new")
    if told:
        with pytest.raises(ArchiveError, match=told):
            match_report(tmp_path / "new", archive)
        return
    match_report(tmp_path / "new", archive)
    table = (tmp_path / "new" / "files.csv").read_text(encoding="utf-8")
    assert "\x1b" not in table
    assert "\u202e" not in table
    assert verify_report(tmp_path / "new", lambda *_: None).as_it_was


def test_the_command_says_how_much_was_seen_before(scanned: Path, tmp_path: Path) -> None:
    shutil.copytree(scanned / "new", tmp_path / "new")
    done = run_detector("match", tmp_path / "new", "--archive", scanned / "archive.db")
    assert done.returncode == 0, done.stderr
    assert "7 files look like something in the archive, of which\n3 certainly and 1 possibly" in done.stdout
    done = run_detector("match", tmp_path / "new", "--archive", tmp_path / "new" / "scan.db")
    assert done.returncode == 4
    assert "is no archive of this tool" in done.stderr


def test_no_shared_file_of_a_report_tells_where_the_archived_files_lie(scanned: Path, matched: Path) -> None:
    for path in matched.rglob("*"):
        if path.is_file() and not path.name.startswith("scan."):
            assert str(scanned).encode() not in path.read_bytes(), path.name


def test_a_pseudonymised_report_tells_no_address_of_an_archived_post(
    scanned: Path, tmp_path: Path, fake_weights: Path
) -> None:
    out = tmp_path / "report"
    scan_to(
        scanned / "in new",
        out,
        fake_weights,
        pseudonymise=True,
        pseudonym_key=tmp_path / "key",
        archive=scanned / "archive.db",
    )
    assert seen(out)["certain.jpg"][3] == "old: certain.png"
    assert b"example.org" not in (out / "index.html").read_bytes()


def test_pictures_of_another_archive_do_not_stay(scanned: Path, matched: Path, tmp_path: Path) -> None:
    assert list((matched / "known").iterdir())
    add_report(tmp_path / "empty.db", scanned / "new")
    match_report(matched, tmp_path / "empty.db")
    assert not list((matched / "known").iterdir())
    assert seen(matched) == {}
    assert verify_report(matched, lambda *_: None).as_it_was
    assert rows(matched / "scan.db", "SELECT * FROM known") == []


def test_a_changed_word_of_what_was_seen_before_is_told(matched: Path) -> None:
    change_journal(matched, "UPDATE known SET known_since = '1999-01-01'")
    (told,) = verify_report(matched, lambda *_: None).journal_differs
    assert "were changed" in told
