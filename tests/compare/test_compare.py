"""What one report has that another has not."""

import csv
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from detector.compare.matching import Detection, match_detections
from detector.compare.reports import compare_reports
from detector.compare.table import Change
from detector.errors import ReportFolderError
from detector.ids import ID_DIGITS
from tests.cli.test_cli import run_detector
from tests.conftest import BLUE, RED, write_picture
from tests.reports import change_journal, contents, copy_samples, sha256_of
from tests.test_scan import scan_folder


@pytest.fixture
def a(samples: Path, tmp_path: Path) -> Path:
    return copy_samples(samples, tmp_path)


@pytest.fixture
def b(a: Path) -> Path:
    return Path(shutil.copytree(a, a.parent / "b"))


def rows_of(a: Path, b: Path) -> list[dict[str, str]]:
    table = a.parent / "differences.csv"
    table.unlink(missing_ok=True)
    found = compare_reports(a, b, table)
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(found.changes.values()) == len(rows)
    return rows


def one_row(a: Path, b: Path, change: Change) -> dict[str, str]:
    (row,) = rows_of(a, b)
    assert row["change"] == change
    return {name: cell for name, cell in row.items() if cell and name != "change"}


def test_a_report_has_nothing_that_its_copy_has_not(a: Path, b: Path) -> None:
    found = compare_reports(a, b)
    assert found.settings == {}
    assert found.changes == {}
    assert (found.files_a, found.files_b, found.contents_in_both) == (8, 8, 7)
    assert found.detections_a == found.detections_b == found.detections_kept == 5


def test_reports_are_only_read(a: Path, b: Path) -> None:
    before = contents(a), contents(b)
    compare_reports(a, b)
    assert (contents(a), contents(b)) == before


def test_a_stricter_threshold_loses_detections_and_says_what_was_set(a: Path, fake_weights: Path) -> None:
    strict = a.parent / "strict"
    scan_folder(a.parent / "downloads", strict, fake_weights, densify=False, min_confidence=0.82)
    found = compare_reports(a, strict)
    assert found.settings == {"thresholds": ("[0.5, 0.5]", "[0.82, 0.82]")}
    assert found.changes == {"status_changed": 1, "detection_lost": 1}
    assert found.detections_kept == found.detections_b == 4
    back = compare_reports(strict, a)
    assert back.changes == {"status_changed": 1, "detection_gained": 1}


def test_a_lost_detection_says_where_it_was(a: Path, b: Path) -> None:
    sha256 = sha256_of(a, "sub/blue.png")
    change_journal(b, "DELETE FROM detections WHERE sha256 = ?", sha256)
    of_file, of_detection = sorted(rows_of(a, b), key=lambda row: row["change"], reverse=True)
    assert (of_file["change"], of_file["status_b"]) == ("status_changed", "no_detection")
    assert {name: cell for name, cell in of_detection.items() if cell} == {
        "change": "detection_lost",
        "sha256": sha256,
        "file_a": "sub/blue.png",
        "file_b": "sub/blue.png",
        "status_a": "ok",
        "status_b": "no_detection",
        "time_seconds": "0.000",
        "detection_a": f"{sha256[:ID_DIGITS]}-0-0",
        "label_a": "kanak",
        "confidence_a": "0.8235",
        "ambiguous_a": "false",
    }


def test_a_box_in_another_place_is_one_lost_and_one_gained(a: Path, b: Path) -> None:
    change_journal(
        b, 'UPDATE detections SET "left" = 0, "right" = 32 WHERE sha256 = ?', sha256_of(a, "sub/blue.png")
    )
    assert [row["change"] for row in rows_of(a, b)] == ["detection_lost", "detection_gained"]


def test_a_box_that_overlaps_by_half_is_the_same(a: Path, b: Path) -> None:
    change_journal(
        b, 'UPDATE detections SET "left" = "left" + 8 WHERE sha256 = ?', sha256_of(a, "sub/blue.png")
    )
    assert compare_reports(a, b).changes == {}


@pytest.mark.parametrize(
    ("column", "value", "change", "cell", "was", "now"),
    [
        ("class_id", 0, "label_changed", "label", "kanak", "azerbaijan"),
        ("ambiguous", 1, "ambiguous_changed", "ambiguous", "false", "true"),
        ("confidence", 0.6, "confidence_changed", "confidence", "0.8235", "0.6000"),
    ],
)
def test_a_kept_detection_may_have_changed(
    a: Path, b: Path, column: str, value: float, change: Change, cell: str, was: str, now: str
) -> None:
    change_journal(
        b, f"UPDATE detections SET {column} = ? WHERE sha256 = ?", value, sha256_of(a, "sub/blue.png")
    )
    row = one_row(a, b, change)
    assert (row[f"{cell}_a"], row[f"{cell}_b"], row["iou"]) == (was, now, "1.000")


def test_a_status_may_have_changed(a: Path, b: Path) -> None:
    change_journal(b, "UPDATE results SET status = 'failed' WHERE sha256 = ?", sha256_of(a, "nothing.png"))
    row = one_row(a, b, "status_changed")
    assert (row["file_a"], row["status_a"], row["status_b"]) == ("nothing.png", "no_detection", "failed")


def test_files_are_matched_by_content(a: Path, fake_weights: Path) -> None:
    folder = a.parent / "downloads"
    (folder / "nothing.png").rename(folder / "=still nothing.png")
    (folder / "copy of red.png").unlink()
    (folder / "sub" / "another blue.png").write_bytes((folder / "sub" / "blue.png").read_bytes())
    write_picture(folder / "new.png", (0, 2, BLUE))
    write_picture(folder / "sub" / "both.png", (1, 0, RED))
    (folder / "notes.txt").unlink()
    scan_folder(folder, a.parent / "b", fake_weights, densify=False)
    rows = {(row["change"], row["file_a"], row["file_b"]) for row in rows_of(a, a.parent / "b")}
    assert rows == {
        ("renamed", "nothing.png", "'=still nothing.png"),
        ("file_only_in_a", "copy of red.png", ""),
        ("file_only_in_b", "", "sub/another blue.png"),
        ("file_only_in_b", "", "new.png"),
        ("content_changed", "sub/both.png", "sub/both.png"),
        ("file_only_in_a", "notes.txt", ""),
    }


def test_a_file_that_cannot_be_read_in_either_is_no_difference(a: Path, b: Path) -> None:
    for report in (a, b):
        change_journal(
            report,
            "UPDATE inputs SET sha256 = '', status = 'failed', reason = 'cannot be read' WHERE name = ?",
            "red.png",
        )
    assert compare_reports(a, b).changes == {}
    change_journal(b, "UPDATE inputs SET status = 'unsupported' WHERE name = 'red.png'")
    assert one_row(a, b, "status_changed")["file_a"] == "red.png"


def test_the_table_is_never_written_over_anything(a: Path, b: Path) -> None:
    table = a.parent / "differences.csv"
    table.write_text("mine")
    with pytest.raises(ReportFolderError, match="exists"):
        compare_reports(a, b, table)
    assert table.read_text() == "mine"
    with pytest.raises(ReportFolderError, match="inside a report"):
        compare_reports(a, b, b / "differences.csv")


def test_a_folder_that_is_no_report_is_refused(a: Path, tmp_path: Path) -> None:
    with pytest.raises(ReportFolderError, match="is no report"):
        compare_reports(a, tmp_path)


# Matching in videos


def seen(*moments: float, label: str = "first", left: float = 0) -> list[Detection]:
    return [
        Detection(f"{label}-{time}", round(time * 10), time, label, 0.9, False, left, 0, left + 10, 10)
        for time in moments
    ]


def looked_at(found: Sequence[Detection]) -> frozenset[int]:
    return frozenset(one.frame_index for one in found)


def test_detections_half_a_second_apart_are_the_same_and_later_ones_are_not() -> None:
    a, b = seen(1.0, 3.0), seen(1.5, 3.6)
    matching = match_detections(a, b, looked_at(a), looked_at(b))
    assert matching.pairs == [(a[0], b[0], 1.0)]
    assert (matching.lost, matching.gained, matching.kept) == ([a[1]], [b[1]], 1)


def test_a_video_looked_at_more_densely_gains_nothing_where_the_same_was_seen() -> None:
    a, b = seen(1.0, 2.0), seen(1.0, 1.2, 1.4, 1.6, 1.8, 2.0)
    matching = match_detections(a, b, looked_at(a), looked_at(b))
    assert (matching.lost, matching.gained, matching.kept) == ([], [], 2)
    back = match_detections(b, a, looked_at(b), looked_at(a))
    assert (back.lost, back.gained, back.kept) == ([], [], 6)


def test_a_second_detection_in_a_frame_that_both_looked_at_is_gained() -> None:
    a, b = seen(1.0, 1.4), seen(1.0, 1.2, 1.4)
    matching = match_detections(a, b, looked_at(b), looked_at(b))
    assert matching.gained == [b[1]]


def test_the_same_frame_goes_before_the_same_label_and_that_before_overlap() -> None:
    a = seen(1.0)
    b = seen(0.9) + seen(1.0, label="second") + seen(1.0, left=2)
    matching = match_detections(a, b, looked_at(a), looked_at(b))
    ((_, other, iou),) = matching.pairs
    assert other == b[2]
    assert iou == pytest.approx(80 / 120)


def test_another_label_in_the_same_place_is_a_changed_label_not_a_loss() -> None:
    a, b = seen(1.0), seen(1.0, label="second")
    matching = match_detections(a, b, looked_at(a), looked_at(b))
    assert len(matching.pairs) == 1
    assert not matching.lost
    assert not matching.gained


def test_the_command_says_what_differs_and_exits_0(a: Path, fake_weights: Path) -> None:
    scan_folder(a.parent / "downloads", a.parent / "b", fake_weights, densify=False, min_confidence=0.82)
    table = a.parent / "differences.csv"
    done = run_detector("compare", a, a.parent / "b", "--csv", table)
    assert done.returncode == 0
    assert "[0.82, 0.82]" in done.stdout
    assert re.search(r"1\s+detection lost", done.stdout)
    assert f"Every difference: {table}" in done.stdout
    assert len(table.read_text().splitlines()) == 3
