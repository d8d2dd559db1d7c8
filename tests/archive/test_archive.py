"""Reports and folders kept in an archive: each content once, and nothing of strangers is run."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from detector.archive import add_folder, add_report, list_archive, remove_source
from detector.errors import ArchiveError, ReportFolderError
from tests.cli.test_cli import run_detector
from tests.conftest import RED
from tests.test_evidence import save, scan_to, scenery


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory, fake_weights: Path) -> Path:
    """Reports `one` and `two` of folders that share a file, the first with posts."""
    base = tmp_path_factory.mktemp("reports")
    save(scenery(1, (1, 1, RED)), base / "in one" / "old.png")
    save(scenery(2), base / "in one" / "shared.png")
    (base / "in one" / "posts.csv").write_text(
        "file,posted_at,source_url,author\nold.png,2021-03-05T10:00:00Z,https://example.org/p/1,Ann\n"
        "shared.png,2022-01-01,https://example.org/p/2,Ben\n"
    )
    save(scenery(2), base / "in two" / "same.png")
    save(scenery(3), base / "in two" / "new.png")
    for name in ("one", "two"):
        scan_to(base / f"in {name}", base / name, fake_weights)
    return base


def rows(archive: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(archive)) as connection:
        return connection.execute(sql).fetchall()


def test_a_content_of_two_reports_is_kept_once_and_goes_with_the_last(reports: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive.db"
    assert add_report(archive, reports / "one").new_contents == 2
    added = add_report(archive, reports / "two")
    assert (added.files, added.new_contents) == (2, 1)
    listing = list_archive(archive)
    assert [(one.folder, one.files) for one in listing.sources] == [
        (reports / "one", 2),
        (reports / "two", 2),
    ]
    assert (listing.contents, listing.pictures) == (3, 3)
    assert listing.sources[0].first_posted == "2021-03-05T10:00:00Z"
    assert remove_source(archive, reports / "one") == 2
    assert (list_archive(archive).contents, list_archive(archive).pictures) == (2, 2)
    assert rows(archive, "SELECT file, posted_at FROM places ORDER BY file") == [
        ("new.png", ""),
        ("same.png", ""),
    ]


def test_a_report_added_again_replaces_what_it_brought(reports: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive.db"
    add_report(archive, reports / "one")
    before = rows(archive, "SELECT * FROM places") + rows(archive, "SELECT * FROM pictures")
    assert add_report(archive, reports / "one").new_contents == 0
    assert rows(archive, "SELECT * FROM places") + rows(archive, "SELECT * FROM pictures") == before


def test_hashes_of_a_folder_are_those_of_its_report_and_its_posts_are_known(
    reports: Path, tmp_path: Path
) -> None:
    scanned, hashed = tmp_path / "scanned.db", tmp_path / "hashed.db"
    add_report(scanned, reports / "one")
    counted: list[tuple[int, int]] = []
    done = add_folder(
        hashed,
        reports / "in one",
        workers=1,
        report_count=lambda *count: counted.append(count),
        stop=threading.Event(),
    )
    assert (done.files, done.new_contents, done.failed) == (2, 2, 0)
    assert counted[-1] == (2, 2)
    for sql in (
        "SELECT sha256, bytes, kind, hash, mirrored, inside, quality FROM contents "
        "JOIN pictures USING (content) ORDER BY sha256",
        "SELECT path, file, posted_at, author, source_url FROM places ORDER BY path",
    ):
        assert rows(scanned, sql) == rows(hashed, sql)
        assert rows(scanned, sql)


def test_a_folder_that_was_stopped_goes_on_and_broken_files_are_counted(tmp_path: Path) -> None:
    folder, archive, stop = tmp_path / "in", tmp_path / "archive.db", threading.Event()
    for seed in range(3):
        save(scenery(seed), folder / f"{seed}.png")
    whole = (folder / "0.png").read_bytes()
    (folder / "broken.png").write_bytes(whole[:40])
    (folder / "text.png").write_text("no picture")
    save(scenery(3), folder / ".hidden" / "3.png")
    stop.set()

    def add() -> tuple[int, int, int]:
        done = add_folder(archive, folder, workers=1, report_count=lambda *_: None, stop=stop)
        return done.files, done.new_contents, done.failed

    assert add() == (0, 0, 2)
    stop.clear()
    assert add() == (3, 3, 3)
    assert add() == (3, 0, 3)


def damage_values(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'STRICT', 'STRICT ')")


def plant_trigger(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TRIGGER planted AFTER INSERT ON sources BEGIN UPDATE contents SET sha256 = ''; END"
        )


def plant_view(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("ALTER TABLE sources RENAME TO hidden")
        connection.execute("CREATE VIEW sources AS SELECT * FROM hidden")


@pytest.mark.parametrize(
    "change",
    [
        plant_trigger,
        plant_view,
        damage_values,
        lambda path: path.write_bytes(b"not a database, but long enough to look at" * 50),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
    ],
)
def test_an_archive_that_holds_anything_else_is_refused_and_left_as_it_is(
    reports: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    archive = tmp_path / "archive.db"
    add_report(archive, reports / "one")
    change(archive)
    before = archive.read_bytes()
    for act in (list_archive, lambda path: add_report(path, reports / "two")):
        with pytest.raises(ArchiveError):
            act(archive)
    assert archive.read_bytes() == before


def test_what_is_no_report_or_no_archive_is_said(reports: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive.db"
    with pytest.raises(ReportFolderError, match="is no report"):
        add_report(archive, tmp_path)
    assert not archive.exists()
    with pytest.raises(ArchiveError, match="No such file"):
        list_archive(archive)
    with pytest.raises(ArchiveError, match="is not there"):
        remove_source(archive, reports / "one")
    add_report(archive, reports / "one")
    with pytest.raises(ArchiveError, match="has nothing of"):
        remove_source(archive, reports / "two")


def test_the_commands_add_list_and_remove(reports: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive.db"
    add_report(archive, reports / "one")
    done = run_detector("archive", "add", "--hash-only", reports / "in two", "--to", archive)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("in two: 2 files, 1 contents were not there before\n")
    listed = run_detector("archive", "list", archive).stdout
    assert "one: 2 files, 2 different, posted 2021-03-05T10:00:00Z to 2022-01-01; added" in listed
    assert "in two (hashes only): 2 files, 2 different, no post known; added" in listed
    assert listed.endswith("2 in all: 3 contents, 3 pictures\n")
    assert run_detector("archive", "remove", archive, reports / "one").returncode == 0
    assert list_archive(archive).contents == 2
