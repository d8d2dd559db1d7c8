"""What `verify` says of a report that somebody touched."""

import os
import shutil
from pathlib import Path

import pytest

from detector.errors import ReportFolderError
from detector.report.verify import Verification, verify_report
from tests.cli.test_cli import run_detector
from tests.conftest import RED, write_picture
from tests.reports import bytes_name, change_journal, contents, copy_samples, sha256_of
from tests.test_scan import scan_folder


@pytest.fixture
def report(samples: Path, tmp_path: Path) -> Path:
    return copy_samples(samples, tmp_path)


def verify(report: Path) -> Verification:
    return verify_report(report, lambda _done, _total: None)


def test_an_untouched_report_is_as_it_was(report: Path) -> None:
    seen: list[tuple[int, int]] = []
    found = verify_report(report, lambda done, total: seen.append((done, total)))
    assert found.as_it_was
    assert found.inputs.unchanged == 8
    listed = len((report / "manifest.sha256").read_text().splitlines())
    assert found.outputs.unchanged == listed - 8
    assert seen[-1] == (listed, listed)


def test_nothing_is_written(report: Path) -> None:
    before = contents(report)
    verify(report)
    assert contents(report) == before


def test_changed_and_missing_outputs_are_named(report: Path) -> None:
    with (report / "detections.csv").open("a") as table:
        table.write("one more row\n")
    (report / "run.json").unlink()
    found = verify(report)
    assert found.outputs.changed == ("detections.csv",)
    assert found.outputs.missing == ("run.json",)
    assert (found.inputs.changed, found.inputs.missing, found.as_it_was) == ((), (), False)


def test_changed_and_missing_inputs_are_told_apart_from_outputs(report: Path) -> None:
    folder = report.parent / "downloads"
    (folder / "nothing.png").write_bytes((folder / "red.png").read_bytes())
    (folder / "sub" / "blue.png").unlink()
    found = verify(report)
    assert found.inputs.changed == ("../downloads/nothing.png",)
    assert found.inputs.missing == ("../downloads/sub/blue.png",)
    assert (found.outputs.changed, found.outputs.missing) == ((), ())
    assert not found.moved
    assert not found.as_it_was


def test_a_moved_report_is_whole_and_misses_all_inputs(report: Path) -> None:
    elsewhere = report.parent / "a" / "b"
    elsewhere.parent.mkdir()
    shutil.move(report, elsewhere)
    found = verify(elsewhere)
    assert found.moved
    assert len(found.inputs.missing) == 8
    assert (found.outputs.changed, found.outputs.missing, found.unknown) == ((), (), ())


def test_files_that_the_manifest_does_not_name_are_unknown(report: Path) -> None:
    (report / "frames" / "more.jpg").write_bytes(b"")
    (report / ".hidden").write_bytes(b"")
    (report / "link").symlink_to(report.parent / "downloads")
    found = verify(report)
    assert found.unknown == (".hidden", "frames/more.jpg", "link")
    assert not found.as_it_was


def test_a_folder_in_the_place_of_an_output_is_a_change_and_a_pipe_is_not_waited_for(report: Path) -> None:
    (report / "run.json").unlink()
    (report / "run.json").mkdir()
    (report / "files.csv").unlink()
    os.mkfifo(report / "files.csv")
    assert verify(report).outputs.changed == ("files.csv", "run.json")


def test_names_with_breaks_backslashes_and_other_bytes_are_understood(
    tmp_path: Path, fake_weights: Path
) -> None:
    path = write_picture(tmp_path / "in" / "red.png", (0, 0, RED))
    for name in (b"new\nline.png", b"back\\slash\\n.png", b"caf\xe9.png", b"re\rturn.png", b"  two  .png"):
        bytes_name(tmp_path / "in", name).write_bytes(path.read_bytes())
    scan_folder(tmp_path / "in", tmp_path / "report", fake_weights)
    found = verify(tmp_path / "report")
    assert (found.inputs.unchanged, found.inputs.missing, found.unreadable_lines) == (6, (), 0)
    bytes_name(tmp_path / "in", b"new\nline.png").unlink()
    assert verify(tmp_path / "report").inputs.missing == ("../in/new\\nline.png",)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "no hash at all",
        "1234  short.csv",
        f"{'0' * 64} one space.csv",
        f"{'G' * 64}  no hexadecimal.csv",
        f"{'0' * 64}  zero\0byte.csv",
    ],
)
def test_lines_that_make_no_sense_are_counted(report: Path, line: str) -> None:
    with (report / "manifest.sha256").open("a") as manifest:
        manifest.write(f"{line}\n")
    found = verify(report)
    assert found.unreadable_lines == 1
    assert not found.as_it_was


def test_a_journal_that_gives_other_rows_is_told(report: Path) -> None:
    change_journal(report, "DELETE FROM detections WHERE sha256 = ?", sha256_of(report, "sub/both.png"))
    found = verify(report)
    assert found.tables_differ == ("detections.csv has 6 rows, scan.db gives 4",)
    assert not found.as_it_was


def test_a_report_without_its_journal_is_still_checked(report: Path) -> None:
    (report / "scan.db").unlink()
    found = verify(report)
    assert "scan.db" in found.journal_problem
    assert not found.as_it_was
    assert found.inputs.unchanged == 8


def test_a_folder_without_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportFolderError, match=r"manifest\.sha256 cannot be read"):
        verify(tmp_path)


def test_the_command_exits_0_when_all_is_as_it_was_and_1_when_not(report: Path) -> None:
    done = run_detector("verify", report)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Everything is as the scan left it." in done.stdout
    (report / "[red]more\x1b[2J").write_bytes(b"")
    shutil.rmtree(report.parent / "downloads")
    done = run_detector("verify", report)
    assert done.returncode == 1
    assert "inputs missing: 8, that is all (were they moved, or the report?)" in done.stdout
    assert "in the folder, not in the manifest: 1\n   [red]more\\x1b[2J" in done.stdout


@pytest.mark.parametrize("how", ["overwritten", "deleted", "added", "deleted and added"])
def test_a_picture_that_was_tampered_with_is_not_blessed_by_scanning_again(
    tmp_path: Path, fake_weights: Path, how: str
) -> None:
    write_picture(tmp_path / "in" / "red.png", (0, 0, RED))
    report = tmp_path / "report"
    scan_folder(tmp_path / "in", report, fake_weights)
    (picture,) = (report / "frames").iterdir()
    if how == "overwritten":
        picture.write_bytes(picture.read_bytes() + b"\0")
    if "deleted" in how:
        picture.unlink()
    if "added" in how:
        picture.with_name(f"{'0' * 32}-0.jpg").write_bytes(b"planted")
    scan_folder(tmp_path / "in", report, fake_weights)
    found = verify(report)
    name = f"frames/{picture.name}"
    assert found.outputs.changed == ((name,) if how == "overwritten" else ())
    assert found.outputs.missing == ((name,) if "deleted" in how else ())
    assert found.unknown == ((f"frames/{'0' * 32}-0.jpg",) if "added" in how else ())
    assert not found.as_it_was
