"""A report's tables and page anew, with other thresholds and with another report's verdicts."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from detector.compare import carry_verdicts
from detector.errors import ReportFolderError, UsageError
from detector.journal import connect_for_review
from detector.renewing import renew_report
from detector.review.store import Given, VerdictStore
from tests.cli.test_cli import run_detector
from tests.conftest import BLUE, RED, picture, write_picture
from tests.media_factory import write_video
from tests.reports import change_journal, contents
from tests.test_evidence import read_table
from tests.test_scan import scan_folder

FAINT, HALF = (150, 110, 110), (200, 110, 110)  # confidence 0.16, 0.35; shown is 0.5 and more


@pytest.fixture
def report(tmp_path: Path, fake_weights: Path) -> Path:
    folder = tmp_path / "in"
    write_picture(folder / "red.png", (1, 1, RED))
    write_picture(folder / "half.png", (1, 1, HALF))
    write_picture(folder / "faint.png", (2, 1, FAINT))
    write_picture(folder / "blue.png", (0, 0, BLUE))
    write_video(
        folder / "clip.mp4", [picture((1, 1, FAINT))] * 20 + [picture()] * 20, options={"qscale": "1"}
    )
    scan_folder(folder, tmp_path / "report", fake_weights)
    return tmp_path / "report"


def files_that_show(report: Path, label: str) -> set[str]:
    return {row["file"] for row in read_table(report / "files.csv") if label in row["claims"]}


def test_a_lower_threshold_shows_more_with_pictures_and_events_without_a_scan(report: Path) -> None:
    assert files_that_show(report, "azerbaijan") == {"red.png"}
    done = renew_report(report, {"azerbaijan": 0.1})
    assert files_that_show(report, "azerbaijan") == {"red.png", "half.png", "faint.png", "clip.mp4"}
    assert (done.files_before["azerbaijan"], done.summary.shows["azerbaijan"].files) == (1, 4)
    assert done.now == {"azerbaijan": 0.1, "kanak": 0.5}
    assert done.without_picture == 0
    for row in read_table(report / "detections.csv"):
        if row["file"].endswith(".png"):
            assert (report / row["crop"]).is_file()
            assert (report / row["annotated"]).is_file()
    (event,) = read_table(report / "events.csv")
    assert event["file"] == "clip.mp4"
    assert {row["status"] for row in read_table(report / "files.csv")} == {"ok"}
    assert json.loads((report / "run.json").read_text())["report_thresholds"] == done.now


def test_a_higher_threshold_shows_less_and_the_first_one_brings_all_back(report: Path) -> None:
    before = (report / "detections.csv").read_bytes()
    renew_report(report, {"kanak": 0.9})
    assert files_that_show(report, "kanak") == set()
    assert files_that_show(report, "azerbaijan") == {"red.png"}
    renew_report(report, {"kanak": 0.5})
    assert (report / "detections.csv").read_bytes() == before


def test_thresholds_outlast_another_scan(report: Path, tmp_path: Path, fake_weights: Path) -> None:
    renew_report(report, {"azerbaijan": 0.3})
    write_picture(tmp_path / "in" / "more.png", (3, 2, HALF))
    scan_folder(tmp_path / "in", report, fake_weights)
    assert files_that_show(report, "azerbaijan") == {"red.png", "half.png", "more.png"}


@pytest.mark.parametrize(("label", "threshold"), [("azerbaijan", 0.01), ("kanak", 1.5), ("tricolour", 0.4)])
def test_what_cannot_be_is_refused_and_changes_nothing(report: Path, label: str, threshold: float) -> None:
    before = (report / "index.html").read_bytes()
    with pytest.raises(UsageError):
        renew_report(report, {label: threshold})
    assert (report / "index.html").read_bytes() == before


def test_verdicts_are_carried_to_a_report_of_other_settings(
    report: Path, tmp_path: Path, fake_weights: Path
) -> None:
    rows = {row["file"]: row for row in read_table(report / "detections.csv")}
    sha256 = {row["file"]: row["sha256"] for row in read_table(report / "files.csv")}
    with closing(VerdictStore(connect_for_review(report))) as store:
        store.add([Given(rows["red.png"]["id"], sha256["red.png"], 0, "confirmed", "azerbaijan")], "Ann")
        store.add([Given(rows["blue.png"]["id"], sha256["blue.png"], 0, "rejected", note="a shirt")], "Bo")
        box = (32.0, 32.0, 64.0, 64.0)
        store.add([Given("", sha256["half.png"], 0, "missed", "azerbaijan", box)], "Ann")
        store.add([Given("", sha256["faint.png"], 0, "nothing_else")], "Ann")
    (tmp_path / "in" / "faint.png").unlink()
    new = tmp_path / "new"
    scan_folder(tmp_path / "in", new, fake_weights, min_confidence=0.3)
    done = carry_verdicts(report, new)
    assert done.carried == 3
    assert done.left == {"the file is not in this report": 1}
    assert done.names == ("faint.png: nothing_else by Ann; the file is not in this report",)
    renew_report(new, {})
    said = {row["file"]: row for row in read_table(new / "detections.csv")}
    assert (said["red.png"]["verdict"], said["red.png"]["reviewer"]) == ("confirmed", "Ann")
    assert (said["blue.png"]["verdict"], said["blue.png"]["note"]) == ("rejected", "a shirt")
    assert said["half.png"]["verdict"] == "confirmed"  # drawn then, seen now
    again = carry_verdicts(report, new)
    assert again.carried == 0


def test_the_command_says_what_changed(report: Path) -> None:
    done = run_detector("report", report, "--threshold", "azerbaijan=0.3")
    assert done.returncode == 0, done.stderr
    assert "azerbaijan from 0.30 on: 2 files (was 0.50: 1 files)" in done.stdout
    wrong = run_detector("report", report, "--threshold", "azerbaijan")
    assert wrong.returncode == 2
    assert "write a flag and a confidence" in wrong.stderr


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE detections SET confidence = 0.99",
        "UPDATE thresholds SET threshold = 0.7",
        "UPDATE events SET start_seconds = 7",
        "UPDATE inputs SET name = 'other.png' WHERE name = 'red.png'",
        "DELETE FROM chain WHERE number = (SELECT max(number) FROM chain)",
    ],
)
def test_a_journal_that_was_changed_is_not_sealed_anew(report: Path, change: str) -> None:
    renew_report(report, {"azerbaijan": 0.1})
    change_journal(report, change)
    before = contents(report)
    with pytest.raises(ReportFolderError, match=r"not as it was written: .*nothing was done"):
        renew_report(report, {"azerbaijan": 0.2})
    assert contents(report) == before
