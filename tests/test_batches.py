"""Several folders scanned into one report, one after the other."""

import json
import os
import shutil
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from detector.cli import app
from detector.errors import ExitCode
from detector.naming import choose_roots
from detector.options import ScanOptions
from detector.report import verify_report
from detector.scanning import Progress, scan
from tests.conftest import BLUE, RED, write_picture
from tests.test_scan import read_table, scan_folder, scan_paths, tables


@pytest.fixture
def batches(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders that lie apart, each with a picture of the same name."""
    first, second = tmp_path / "one" / "monday", tmp_path / "two" / "tuesday"
    write_picture(first / "march.png", (1, 1, RED))
    write_picture(first / "sub" / "flag.png", (0, 0, RED), (2, 1, BLUE))
    write_picture(second / "march.png", (3, 2, BLUE))
    return first, second


def files_of(report: Path) -> list[tuple[str, str]]:
    return [(row["file"], row["run"]) for row in read_table(report / "files.csv")]


def test_a_second_folder_joins_the_first_under_names_of_its_own(
    batches: tuple[Path, Path], tmp_path: Path, fake_weights: Path
) -> None:
    report = tmp_path / "report"
    scan_folder(batches[0], report, fake_weights)
    assert files_of(report) == [("march.png", "1"), ("sub/flag.png", "1")]
    outcome = scan_folder(batches[1], report, fake_weights)
    both = [("march.png", "1"), ("sub/flag.png", "1"), ("tuesday/march.png", "2")]
    assert files_of(report) == both
    assert (outcome.summary.files, outcome.summary.earlier, outcome.summary.not_reached) == (3, 2, 0)
    assert outcome.summary.detections_of == {"azerbaijan": 2, "kanak": 2}
    assert [row["file"] for row in read_table(report / "detections.csv")] == [
        "march.png",
        "sub/flag.png",
        "sub/flag.png",
        "tuesday/march.png",
    ]
    runs = json.loads((report / "run.json").read_text())["runs"]
    assert [(one["run"], one["files"]) for one in runs] == [(1, 2), (2, 1)]
    assert verify_report(report, lambda *_: None).as_it_was
    for folder in (*batches, batches[0] / "sub"):  # again, in any order: nothing moves
        scan_folder(folder, report, fake_weights)
        assert files_of(report) == both


def test_only_these_leaves_earlier_folders_out_until_they_are_scanned_again(
    batches: tuple[Path, Path], tmp_path: Path, fake_weights: Path
) -> None:
    report = tmp_path / "report"
    scan_folder(batches[0], report, fake_weights)
    outcome = scan_folder(batches[1], report, fake_weights, only_these=True)
    assert files_of(report) == [("march.png", "2")]
    assert (outcome.summary.files, outcome.summary.earlier, outcome.summary.left_out) == (1, 0, 2)
    scan_folder(batches[0], report, fake_weights)
    assert files_of(report) == [("march.png", "2"), ("monday/march.png", "3"), ("monday/sub/flag.png", "3")]


def test_what_is_gone_from_a_folder_that_is_scanned_again_leaves_the_report(
    batches: tuple[Path, Path], tmp_path: Path, fake_weights: Path
) -> None:
    report = tmp_path / "report"
    scan_folder(batches[0], report, fake_weights)
    shutil.rmtree(batches[0] / "sub")
    scan_folder(batches[1], report, fake_weights)
    assert ("sub/flag.png", "1") in files_of(report)  # nobody looked whether it is there
    (batches[0] / "march.png").rename(batches[0] / "march 1.png")
    scan_folder(batches[0], report, fake_weights, recursive=False)
    assert files_of(report) == [("march 1.png", "3"), ("sub/flag.png", "1"), ("tuesday/march.png", "2")]
    scan_folder(batches[0], report, fake_weights)
    assert files_of(report) == [("march 1.png", "3"), ("tuesday/march.png", "2")]


def test_the_folder_above_takes_in_what_was_scanned_below(
    batches: tuple[Path, Path], tmp_path: Path, fake_weights: Path
) -> None:
    report = tmp_path / "report"
    scan_folder(batches[0] / "sub", report, fake_weights)
    scan_folder(batches[0], report, fake_weights)
    assert files_of(report) == [("march.png", "2"), ("sub/flag.png", "1")]


def test_a_scan_that_goes_on_is_no_other_batch_and_what_is_missing_stays_counted(
    batches: tuple[Path, Path], tmp_path: Path, fake_weights: Path
) -> None:
    report = tmp_path / "report"
    for number in range(12):
        write_picture(batches[0] / f"{number}.png", (number % 4, number % 3, RED))
    stop = threading.Event()

    def stop_after_one(progress: Progress) -> None:
        if progress.done:
            stop.set()

    options = ScanOptions(paths=(batches[0],), out=report, weights=fake_weights, workers=1)
    scan(options, stop_after_one, stop)
    assert not json.loads((report / "run.json").read_text())["complete"]
    left = tmp_path / "left"
    shutil.copytree(report, left)
    whole = tmp_path / "whole"
    scan_folder(batches[0], whole, fake_weights)
    scan_folder(batches[0], report, fake_weights)
    assert tables(report) == tables(whole)
    outcome = scan_folder(batches[1], left, fake_weights)  # another folder: it ends, the first is not done
    assert outcome.exit_code == ExitCode.DONE
    assert outcome.summary.not_reached > 0
    assert not json.loads((left / "run.json").read_text())["complete"]


def test_posts_stay_when_an_earlier_folder_is_gone(
    batches: tuple[Path, Path], tmp_path: Path, fake_weights: Path
) -> None:
    report = tmp_path / "report"
    (batches[0] / "posts.csv").write_text("file,author,posted_at\nmarch.png,Ann,2024-05-14T08:00:00Z\n")
    scan_folder(batches[0], report, fake_weights)
    authors = {row["file"]: row["author"] for row in read_table(report / "files.csv")}
    assert authors["march.png"] == "Ann"
    batches[0].rename(tmp_path / "away")
    for _ in range(2):
        scan_folder(batches[1], report, fake_weights)
        assert {row["file"]: row["author"] for row in read_table(report / "files.csv")} == authors | {
            "tuesday/march.png": ""
        }


def test_order_of_folders_given_at_once_and_one_by_one_gives_the_same_rows(
    batches: tuple[Path, Path], tmp_path: Path, fake_weights: Path
) -> None:
    at_once, in_turn = tmp_path / "at once", tmp_path / "in turn"
    scan_paths(batches, at_once, fake_weights)
    for folder in batches:
        scan_folder(folder, in_turn, fake_weights)
    told = [
        sorted((row["sha256"], row["status"], row["detections"]) for row in read_table(one / "files.csv"))
        for one in (at_once, in_turn)
    ]
    assert told[0] == told[1]
    assert len(told[0]) == 3


def test_the_terminal_says_what_was_there_before(
    batches: tuple[Path, Path], tmp_path: Path, fake_weights: Path
) -> None:
    report = tmp_path / "report"
    scan_folder(batches[0], report, fake_weights)
    printed = CliRunner().invoke(
        app, ["scan", str(batches[1]), "-o", str(report), "--weights", str(fake_weights), "--workers", "1"]
    )
    assert "2  of all these are of earlier scans into this report" in printed.output
    assert "--only-these" in printed.output
    empty = tmp_path / "empty"
    empty.mkdir()
    printed = CliRunner().invoke(app, ["scan", str(empty), "-o", str(report), "--weights", str(fake_weights)])
    assert printed.exit_code == ExitCode.NOTHING  # though the report is not empty
    assert len(files_of(report)) == 3


@pytest.mark.parametrize(
    ("folders", "named", "firsts", "labels"),
    [
        (["a/x"], {}, [], {"a/x": ""}),
        (["a/x/y"], {"a/x": ""}, [], {"a/x": ""}),
        (["b/x"], {"a/x": ""}, [], {"a/x": "", "b/x": "x"}),
        (["b/x"], {"a/z": ""}, ["X"], {"a/z": "", "b/x": "x 2"}),
        (["c/x"], {"a/z": "", "b/x": "x"}, ["x"], {"a/z": "", "b/x": "x", "c/x": "x 2"}),
    ],
)
def test_new_roots_are_named_apart_from_those_there_are(
    folders: list[str], named: dict[str, str], firsts: list[str], labels: dict[str, str]
) -> None:
    def absolute(name: str) -> Path:
        return Path(os.sep, "srv", "data", name)

    chosen = choose_roots(
        map(absolute, folders), {absolute(name): label for name, label in named.items()}, firsts
    )
    assert chosen == {absolute(name): label for name, label in labels.items()}
