"""What goes wrong during a scan costs what it concerns, and no more."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from detector import engines
from detector.engines import scan_files
from detector.errors import ReportFolderError
from detector.worker import FileResult
from tests.conftest import RED, REPOSITORY, write_picture
from tests.test_scan import read_table, scan_folder, tables
from tests.watching import has_mounts


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    for number in range(3):
        write_picture(tmp_path / "in" / f"{number}.png", (number, 0, RED))
    return tmp_path / "in"


def spoil(monkeypatch: pytest.MonkeyPatch, change: Callable[[FileResult], FileResult]) -> None:
    """Has the result of one file hold what cannot be recorded."""

    def spoilt(*words: object, **options: object) -> Iterator[FileResult]:
        for result in scan_files(*words, **options):  # type: ignore[arg-type]
            yield change(result) if result.media.name == "1.png" else result

    monkeypatch.setattr(engines, "scan_files", spoilt)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda one: replace(one, frames=one.frames * 2),
            "UNIQUE constraint failed: frames.sha256, frames.frame_index",
        ),
        (
            lambda one: replace(one, coverage=replace(one.coverage, read_seconds=float("nan"))),
            "NOT NULL constraint failed: results.read_seconds",
        ),
        (
            lambda one: replace(one, coverage=replace(one.coverage, width=1 << 70)),
            "Python int too large to convert to SQLite INTEGER",
        ),
        (
            lambda one: replace(one, reason="\udcff"),
            "'utf-8' codec can't encode character '\\udcff' in position 0: surrogates not allowed",
        ),
    ],
)
def test_a_result_that_cannot_be_recorded_costs_its_file(
    inputs: Path,
    tmp_path: Path,
    fake_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[FileResult], FileResult],
    reason: str,
) -> None:
    report, undisturbed = tmp_path / "report", tmp_path / "undisturbed"
    spoil(monkeypatch, change)
    assert scan_folder(inputs, report, fake_weights).exit_code == 1
    rows = {row["file"]: (row["status"], row["reason"]) for row in read_table(report / "files.csv")}
    assert rows.pop("1.png") == ("failed", f"its result cannot be recorded: {reason}")
    assert set(rows.values()) == {("ok", "")}
    monkeypatch.undo()
    scan_folder(inputs, report, fake_weights, retry_failed=True)
    scan_folder(inputs, undisturbed, fake_weights)
    assert tables(report) == tables(undisturbed)


def test_a_place_that_cannot_be_written_ends_the_scan_and_costs_no_file(
    inputs: Path, tmp_path: Path, fake_weights: Path
) -> None:
    report, undisturbed = tmp_path / "report", tmp_path / "undisturbed"
    for place in (report, undisturbed):
        scan_folder(write_picture(tmp_path / "first" / "x.png").parent, place, fake_weights)
    (report / "frames").write_text("a file where a folder is wanted")
    with pytest.raises(ReportFolderError, match=r"frames/.* cannot be written: "):
        scan_folder(inputs, report, fake_weights)
    (report / "frames").unlink()
    scan_folder(inputs, report, fake_weights)
    scan_folder(inputs, undisturbed, fake_weights)
    assert (report / "files.csv").read_bytes() == (undisturbed / "files.csv").read_bytes()


FULL_DISK = """
mkdir report && mount -t tmpfs -o size=160k tmpfs report
"$@"; first=$?
mount -o remount,size=64m report
"$@"; second=$?
cat report/files.csv
echo "exit codes $first $second"
"""


@pytest.mark.skipif(not has_mounts(), reason="a small disk needs a namespace of one's own")
def test_on_a_full_disk_the_scan_ends_and_goes_on_when_there_is_space(
    tmp_path: Path, fake_weights: Path
) -> None:
    for number in range(12):
        write_picture(tmp_path / "in" / f"{number:02}.png", (number % 4, number // 4, RED))
    words = [sys.executable, "-m", "detector", "scan", "in", "--out", "report", "--quiet", "--weights"]
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", FULL_DISK, "sh", *words, fake_weights],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "exit codes 4 0" in done.stdout, done.stdout + done.stderr
    assert "No space left on device" in done.stderr or "full" in done.stderr
    assert "ree some space and run the same command again" in done.stderr
    assert "Traceback" not in done.stderr
    scan_folder(tmp_path / "in", tmp_path / "undisturbed", fake_weights)
    assert (tmp_path / "undisturbed" / "files.csv").read_text() in done.stdout


def test_a_folder_of_the_report_that_is_a_link_is_not_written_behind(
    inputs: Path, tmp_path: Path, fake_weights: Path
) -> None:
    report, elsewhere = tmp_path / "report", tmp_path / "elsewhere"
    scan_folder(write_picture(tmp_path / "first" / "x.png").parent, report, fake_weights)
    elsewhere.mkdir()
    (report / "frames").symlink_to(elsewhere)
    with pytest.raises(ReportFolderError, match="frames is a link; nothing is written behind it"):
        scan_folder(inputs, report, fake_weights)
    assert list(elsewhere.iterdir()) == []


def test_links_planted_at_names_of_outputs_are_replaced_and_lead_nowhere(
    inputs: Path, tmp_path: Path, fake_weights: Path
) -> None:
    report, victim = tmp_path / "report", tmp_path / "victim"
    victim.write_text("untouched")
    scan_folder(inputs, report, fake_weights)
    names = [path.name for path in report.iterdir() if path.is_file() and not path.name.startswith("scan.")]
    for name in names:
        (report / name).unlink()
        for planted in (name, f".{name}", f".half-{name}"):
            (report / planted).symlink_to(victim)
    scan_folder(inputs, report, fake_weights)
    assert victim.read_text() == "untouched"
    assert not any((report / name).is_symlink() for name in names)


def test_pictures_of_a_file_that_was_given_up_are_removed(
    inputs: Path, tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, lambda one: replace(one, frames=one.frames * 2))
    report = tmp_path / "report"
    scan_folder(inputs, report, fake_weights)
    named = {row["annotated"] for row in read_table(report / "detections.csv")}
    assert len(named) == 2
    assert {f"frames/{path.name}" for path in (report / "frames").iterdir()} == named


def test_what_was_half_written_goes_from_every_folder(
    inputs: Path, tmp_path: Path, fake_weights: Path
) -> None:
    report = tmp_path / "report"
    scan_folder(inputs, report, fake_weights)
    halves = [report / folder / ".half-0123456789abcdef" for folder in (".", "frames", "crops", "almost")]
    for half in halves:
        half.parent.mkdir(exist_ok=True)
        half.write_bytes(b"half")
    scan_folder(inputs, report, fake_weights)
    assert [half for half in halves if half.exists()] == []


def test_a_link_that_leads_out_is_a_row_and_not_opened(tmp_path: Path, fake_weights: Path) -> None:
    inputs, outside = tmp_path / "in", tmp_path / "outside"
    red = write_picture(inputs / "red.png", (1, 1, RED))
    write_picture(outside / "secret.png", (2, 1, RED))
    (inputs / "within.png").symlink_to(red)
    (inputs / "out.png").symlink_to(outside / "secret.png")
    (inputs / "folder").symlink_to(outside)
    (inputs / "kernel.jpg").symlink_to("/proc/kmsg")  # to read it would be to wait for ever
    assert scan_folder(inputs, tmp_path / "report", fake_weights).exit_code == 1
    rows = {row["file"]: row["status"] for row in read_table(tmp_path / "report" / "files.csv")}
    apart = dict.fromkeys(("folder", "kernel.jpg", "out.png"), "not_read")
    assert rows == {"red.png": "ok", "within.png": "ok"} | apart
    reasons = {row["reason"] for row in read_table(tmp_path / "report" / "files.csv")}
    assert reasons == {"", "a link to elsewhere, which only --follow-links looks at"}
    (inputs / "kernel.jpg").unlink()
    scan_folder(inputs, tmp_path / "all", fake_weights, follow_links=True)
    rows = {row["file"]: row["status"] for row in read_table(tmp_path / "all" / "files.csv")}
    assert rows == dict.fromkeys(("folder/secret.png", "out.png", "red.png", "within.png"), "ok")
