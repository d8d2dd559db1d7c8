"""What strangers put where a file is expected: a pipe, which nobody ever writes to, is not waited for."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.archive import list_archive
from detector.errors import ArchiveError, DetectorError, ReportFolderError, UsageError, WeightsError
from detector.export import export_report
from detector.model import read_weights_info
from detector.options import ExportFormat
from detector.posts import read_key
from detector.regular import open_regular
from detector.renewing import renew_report
from detector.report import accept_reply, request_seal, verify_report
from tests.fake_weights import write_fake_weights
from tests.reports import copy_samples
from tests.test_scan import scan_folder

pytestmark = pytest.mark.timeout(60, method="thread")  # what waits for a pipe within SQLite hears no signal


def verify(report: Path) -> None:
    assert verify_report(report, lambda *_: None).as_it_was


def renew(report: Path) -> None:
    renew_report(report, {})


def export(report: Path) -> None:
    export_report(report, ExportFormat.COCO, report.parent / "coco.json")


@pytest.mark.parametrize(
    ("name", "do", "error", "says"),
    [
        ("run.json", renew, ReportFolderError, "did not come to its end"),
        ("run.json", export, ReportFolderError, "cannot be read"),
        ("chain.json", renew, ReportFolderError, "chain"),
        ("manifest.sha256", verify, ReportFolderError, "a pipe or a device, not a file"),
        ("manifest.sha256", request_seal, ReportFolderError, "a pipe or a device, not a file"),
        ("scan.db", renew, ReportFolderError, "scan.db is no file"),
        ("scan.db-journal", renew, ReportFolderError, "scan.db-journal is no file"),
        ("scan.db-wal", export, ReportFolderError, "scan.db-wal is no file"),
    ],
)
def test_a_pipe_in_a_report_is_said_to_be_no_file(
    samples: Path,
    tmp_path: Path,
    name: str,
    do: Callable[[Path], object],
    error: type[DetectorError],
    says: str,
) -> None:
    report = copy_samples(samples, tmp_path)
    (report / name).unlink(missing_ok=True)
    os.mkfifo(report / name)
    with pytest.raises(error, match=says):
        do(report)


def test_a_pipe_beside_a_journal_ends_a_scan_before_it_begins(
    samples: Path, tmp_path: Path, fake_weights: Path
) -> None:
    report = copy_samples(samples, tmp_path)
    os.mkfifo(report / "scan.db-journal")
    with pytest.raises(ReportFolderError, match=r"scan\.db-journal is no file"):
        scan_folder(tmp_path / "downloads", report, fake_weights, densify=False)


@pytest.mark.parametrize("name", ["run.json", "summary.json", "files.csv", "index.html"])
def test_a_pipe_in_place_of_an_output_is_a_changed_one(samples: Path, tmp_path: Path, name: str) -> None:
    report = copy_samples(samples, tmp_path)
    (report / name).unlink()
    os.mkfifo(report / name)
    assert verify_report(report, lambda *_: None).outputs.changed == (name,)


def test_pipes_in_place_of_a_seal_break_it(samples: Path, tmp_path: Path) -> None:
    report = copy_samples(samples, tmp_path)
    (report / "seals").mkdir()
    os.mkfifo(report / "seals" / "0123456789abcdef.sha256")
    os.mkfifo(report / "seals" / "0123456789abcdef.tsr")
    (broken,) = verify_report(report, lambda *_: None).seals_broken
    assert "a pipe or a device, not a file" in broken
    os.mkfifo(tmp_path / "reply.tsr")
    with pytest.raises(ReportFolderError, match="a pipe or a device, not a file"):
        accept_reply(report, tmp_path / "reply.tsr", tmp_path / "reply.tsr")


@pytest.mark.parametrize("name", ["archive.db", "archive.db-journal", "archive.db-wal"])
def test_a_pipe_in_place_of_an_archive_or_beside_it_is_said_to_be_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "archive.db").touch()
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(ArchiveError, match=f"{name} is no file"):
        list_archive(tmp_path / "archive.db")


@pytest.mark.parametrize("name", ["fake.onnx", "fake.toml"])
def test_a_pipe_in_place_of_weights_is_said_to_be_no_file(tmp_path: Path, name: str) -> None:
    weights = write_fake_weights(tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(WeightsError, match="a pipe or a device, not a file"):
        read_weights_info(weights)


def test_a_pipe_in_place_of_a_key_is_said_to_be_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key")
    with pytest.raises(UsageError, match="a pipe or a device, not a file"):
        read_key(tmp_path / "key")


def test_a_folder_and_a_device_are_no_files_to_read(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    with pytest.raises(OSError, match="a pipe or a device, not a file"):
        open_regular(Path("/dev/zero"))
