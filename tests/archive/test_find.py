"""A picture is found in archives and reports, and strangers' texts do no harm."""

import csv
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.archive import find_picture
from detector.errors import ArchiveError, UsageError
from tests.archive.seen_before import scan_old_and_new
from tests.cli.test_cli import run_detector
from tests.test_evidence import save, scenery


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory, fake_weights: Path) -> Path:
    """As `scan_old_and_new` made it."""
    return scan_old_and_new(tmp_path_factory.mktemp("seen"), fake_weights)


def test_a_picture_is_found_in_an_archive_and_in_a_report(scanned: Path) -> None:
    asked = scanned / "in new" / "certain.jpg"
    for place in (scanned / "archive.db", scanned):
        found = find_picture(asked, [scanned / "old", scanned / "new"] if place == scanned else [place])
        assert {(one.report, one.file, one.how, one.posted_at) for one in found} == {
            ("new", "certain.jpg", "same bytes", "2024-05-14T08:00:00Z"),
            ("old", "certain.png", "same picture", "2021-05-14T08:00:00Z"),
        }
        assert found[0].distance == 0


def test_a_frame_is_found_in_a_video_with_its_time(scanned: Path, tmp_path: Path) -> None:
    frame = save(np.asarray(Image.open(scanned / "in new" / "frame.png")), tmp_path / "still.jpg", quality=60)
    found = find_picture(frame, [scanned / "archive.db"])
    videos = sorted((one for one in found if one.file.endswith(".mp4")), key=lambda one: one.file)
    assert [(one.file, one.how) for one in videos] == [
        ("clip.mp4", "frame of a video"),
        ("part.mp4", "frame of a video"),
    ]
    assert 2 <= videos[0].at_seconds < 3
    assert 1 <= videos[1].at_seconds < 2


def test_nothing_is_found_of_what_was_never_there(scanned: Path, tmp_path: Path) -> None:
    assert find_picture(save(scenery(77), tmp_path / "new.png"), [scanned / "archive.db"]) == []


def test_what_cannot_be_read_is_said(scanned: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    for name in ("notes.txt", "gone.jpg"):
        with pytest.raises(UsageError, match=name):
            find_picture(tmp_path / name, [scanned / "archive.db"])
    with pytest.raises(ArchiveError):
        find_picture(scanned / "in new" / "frame.png", [tmp_path / "notes.txt"])


def test_the_command_prints_and_writes_texts_of_strangers_harmlessly(scanned: Path, tmp_path: Path) -> None:
    archive = shutil.copy(scanned / "archive.db", tmp_path)
    with closing(sqlite3.connect(archive)) as connection, connection:
        connection.execute("UPDATE places SET file = '=1+1' || char(27) || '[31m[bold]', author = '@SUM(A1)'")
    words = ("find", scanned / "in new" / "certain.jpg", archive, "--csv", tmp_path / "found.csv")
    done = run_detector(*words)
    assert done.returncode == 0, done.stderr
    assert "old: =1+1\\x1b[31m[bold], same picture" in done.stdout
    with (tmp_path / "found.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["'=1+1\\x1b[31m[bold]"] * 2
    assert {row["author"] for row in rows} == {"'@SUM(A1)"}
    assert run_detector(*words).returncode == 4
