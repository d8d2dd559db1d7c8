"""Cropped copies across an archive: what is cut out of what, looked at where the files are still there."""

import shutil
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest

from detector.archive import add_folder, add_report, find_picture, list_archive, match_report
from detector.comparing import Photo
from detector.errors import MediaError
from detector.storage import is_remote
from tests.archive.test_known import seen
from tests.cli.test_cli import run_detector
from tests.test_cutting import CUTS, cut
from tests.test_evidence import read_table, save, scan_to
from tests.test_parts import detailed

TENTH = CUTS["a tenth on all sides"]
UNEVEN = CUTS["unevenly"]
FORMER = (
    "DROP TABLE windows",
    "UPDATE identity SET value = '1' WHERE name = 'format'",
)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory, fake_weights: Path) -> Path:
    """A report `old`, its archive, and a report `new` with larger and smaller pictures than the old ones."""
    base = tmp_path_factory.mktemp("cropped")
    same_desk = cut(detailed(1), *TENTH)
    same_desk[90:320, 160:380] = detailed(4)[90:320, 160:380]
    for name, image in {
        "in old/whole": detailed(1),
        "in old/part": cut(detailed(2), *TENTH),
        "in new/smaller": cut(detailed(1), *TENTH),
        "in new/turned": cut(detailed(1), *UNEVEN)[:, ::-1],
        "in new/larger": detailed(2),
        "in new/desk": same_desk,
        "in new/other": cut(detailed(3), *TENTH),
    }.items():
        save(image, base / f"{name}.jpg", quality=90)
    (base / "in old" / "posts.csv").write_text("file,posted_at\nwhole.jpg,2021-05-14\npart.jpg,2020-02-02\n")
    names = ("smaller", "turned", "larger", "desk", "other")
    lines = (f"{name}.jpg,2024-05-14T08:00:00Z\n" for name in names)
    (base / "in new" / "posts.csv").write_text("file,posted_at\n" + "".join(lines))
    for name in ("old", "new"):
        scan_to(base / f"in {name}", base / name, fake_weights)
    add_report(base / "archive.db", base / "old")
    return base


@pytest.fixture
def copied(scanned: Path, tmp_path: Path) -> Path:
    """The same, of which the test may change what it likes but the inputs."""
    for name in ("new", "old"):
        shutil.copytree(scanned / name, tmp_path / name)
    shutil.copy(scanned / "archive.db", tmp_path)
    return tmp_path


def change(archive: Path, *statements: str) -> None:
    with closing(sqlite3.connect(archive)) as connection, connection:
        for sql in statements:
            connection.execute(sql)


def test_what_is_cut_out_of_what_is_said_with_both_pictures(copied: Path) -> None:
    match_report(copied / "new", copied / "archive.db")
    found = {file: (told[0], told[3], told[4]) for file, told in seen(copied / "new").items()}
    assert found == {
        "smaller.jpg": ("certain", "old: whole.jpg", "cropped here"),
        "turned.jpg": ("certain", "old: whole.jpg", "cropped here, mirrored"),
        "larger.jpg": ("certain", "old: part.jpg", "cropped there"),
    }
    assert len(list((copied / "new" / "known").glob("*-difference.jpg"))) == 3


def test_where_the_archived_file_is_gone_it_is_a_guess_of_the_nearest_alone(copied: Path) -> None:
    change(copied / "archive.db", "UPDATE places SET path = CAST('/gone/' || file AS BLOB)")
    match_report(copied / "new", copied / "archive.db")
    found = {row["file"]: row for row in read_table(copied / "new" / "files.csv") if row["known_how"]}
    assert {file: row["known_how"] for file, row in found.items()} == {
        "smaller.jpg": "perhaps cropped here, not looked at",
        "larger.jpg": "perhaps cropped there, not looked at",
    }
    assert {row["known_before"] for row in found.values()} == {"possible"}
    assert max(int(row["known_distance"]) for row in found.values()) <= 31


def test_older_pictures_of_the_same_desk_do_not_hide_the_right_one(copied: Path, fake_weights: Path) -> None:
    for seed in range(4, 8):
        other = detailed(1)
        other[100:330, 120:350] = detailed(seed)[100:330, 120:350]
        save(other, copied / "in desks" / f"{seed}.png")
    lines = (f"{seed}.png,201{seed}-01-01T00:00:00Z\n" for seed in range(4, 8))
    (copied / "in desks" / "posts.csv").write_text("file,posted_at\n" + "".join(lines))
    scan_to(copied / "in desks", copied / "desks", fake_weights)
    add_report(copied / "archive.db", copied / "desks")
    match_report(copied / "new", copied / "archive.db")
    assert seen(copied / "new")["smaller.jpg"][3:] == ("old: whole.jpg", "cropped here")


def test_a_picture_is_found_by_a_part_of_it_and_by_what_it_is_a_part_of(scanned: Path) -> None:
    for place in ("archive.db", "old"):
        for asked, told in {
            "smaller": {("whole.jpg", "cropped here")},
            "larger": {("part.jpg", "cropped there")},
            "other": set(),
            "desk": set(),
        }.items():
            found = find_picture(scanned / "in new" / f"{asked}.jpg", [scanned / place])
            assert {(one.file, one.how) for one in found} == told


def test_hashes_of_a_folder_know_cropped_copies_too(scanned: Path, tmp_path: Path) -> None:
    archive = tmp_path / "hashed.db"
    add_folder(archive, scanned / "in old", workers=1, report_count=lambda *_: None, stop=threading.Event())
    assert list_archive(archive).without_parts == 0
    found = find_picture(scanned / "in new" / "smaller.jpg", [archive])
    assert [(one.file, one.how) for one in found] == [("whole.jpg", "cropped here")]


def test_an_archive_of_before_serves_as_it_is_and_learns_when_something_is_added(
    copied: Path, scanned: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive = copied / "archive.db"
    change(archive, *FORMER)
    before = archive.read_bytes()
    assert list_archive(archive).contents == 2
    match_report(copied / "new", archive)
    assert seen(copied / "new") == {}
    assert "of 2 archived photos cropped copies are known when they are added again" in caplog.text
    assert archive.read_bytes() == before
    listed = run_detector("archive", "list", archive)
    assert "2 photos without hashes of their parts" in listed.stdout
    add_folder(archive, scanned / "in old", workers=1, report_count=lambda *_: None, stop=threading.Event())
    match_report(copied / "new", archive)
    assert "smaller.jpg" in seen(copied / "new")
    assert list_archive(archive).without_parts == 0


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE windows SET hashes = x'00'",
        "UPDATE windows SET hashes = zeroblob(448)",
        "UPDATE windows SET content = content + 1000",
        "UPDATE pictures SET frame_index = 3",
    ],
)
def test_windows_of_strangers_do_no_harm(copied: Path, sql: str) -> None:
    change(copied / "archive.db", sql)
    match_report(copied / "new", copied / "archive.db")
    assert "smaller.jpg" not in seen(copied / "new")


def test_no_storage_is_asked_because_an_archive_says_so(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(copied / "archive.db", "UPDATE places SET path = CAST('s3://bucket/' || file AS BLOB)")
    opened: list[Path] = []

    def judge(pairs: Sequence[tuple[Photo, Photo]], *_: object) -> list[tuple[bool, ...]]:
        opened.extend(path for pair in pairs for photo in pair for path in photo.paths)
        return [()] * len(pairs)

    def read(paths: Sequence[Path], *_: object) -> NoReturn:
        opened.extend(paths)
        raise MediaError("gone")

    monkeypatch.setattr("detector.archive.cropping.judge_pairs", judge)
    monkeypatch.setattr("detector.archive.asking.read_original", read)
    match_report(copied / "new", copied / "archive.db")
    assert seen(copied / "new")["smaller.jpg"][4] == "perhaps cropped here, not looked at"
    assert opened
    assert not [path for path in opened if is_remote(path)]


def test_what_is_not_looked_at_is_said(
    copied: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("detector.comparing.MIN_LOOKED_AT", 1)
    monkeypatch.setattr("detector.archive.asking.MAX_ASKED", 4)
    match_report(copied / "new", copied / "archive.db")
    assert len(seen(copied / "new")) == 1
    assert "archived photos may be cropped copies, of which 1 were looked at" in caplog.text
    assert "cropped copies of 4 photos were looked for in the archive, those of 1 others" in caplog.text
