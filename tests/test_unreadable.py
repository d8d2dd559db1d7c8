"""Paths that cannot even be asked about, as one in a folder of another user: an error or a row.

Names that are too long stand for all of them: also root gets no answer of the system to these.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from detector.archive import add_report, find_picture
from detector.errors import DetectorError, ReportFolderError, UsageError
from detector.export import export_report
from detector.journal import read_database
from detector.options import ExportFormat
from detector.regular import is_link
from detector.report import choose_readable
from tests.conftest import RED, write_picture
from tests.reports import copy_samples
from tests.test_scan import read_table, scan_folder, scan_paths

LONG = "x" * 300
TOO_LONG = "cannot be read: File name too long"


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda path: choose_readable(path, [path]), UsageError),
        (lambda path: find_picture(path.with_name("red.png"), [path]), DetectorError),
        (lambda path: add_report(path.with_name("a.db"), path), ReportFolderError),
        (lambda path: export_report(path, ExportFormat.COCO, path.with_name("out.json")), ReportFolderError),
        (lambda path: read_database(path).__enter__(), ReportFolderError),
    ],
)
def test_a_place_that_cannot_be_asked_about_is_an_error_that_says_so(
    tmp_path: Path, ask: Callable[[Path], object], error: type[DetectorError]
) -> None:
    write_picture(tmp_path / "red.png", (1, 1, RED))
    with pytest.raises(error, match="File name too long"):
        ask(tmp_path / LONG)


def test_what_is_to_be_scanned_and_cannot_be_asked_about_is_said(tmp_path: Path, fake_weights: Path) -> None:
    with pytest.raises(UsageError, match=TOO_LONG):
        scan_folder(tmp_path / LONG, tmp_path / "report", fake_weights)
    with pytest.raises(UsageError, match="https:// is no storage"):
        scan_folder(Path(f"https://{LONG}"), tmp_path / "report", fake_weights)


def test_what_a_list_names_and_cannot_be_asked_about_is_a_failed_row(
    tmp_path: Path, fake_weights: Path
) -> None:
    (tmp_path / "list").write_text(f"{tmp_path / LONG}.jpg\n{write_picture(tmp_path / 'red.png')}\n")
    scan_paths((), tmp_path / "report", fake_weights, from_file=str(tmp_path / "list"))
    rows = {row["file"]: row for row in read_table(tmp_path / "report" / "files.csv")}
    assert (rows[f"{LONG}.jpg"]["status"], rows[f"{LONG}.jpg"]["reason"]) == ("failed", TOO_LONG)
    assert rows["red.png"]["status"] == "no_detection"


def test_places_of_media_that_are_not_there_are_said(samples: Path, tmp_path: Path) -> None:
    report = copy_samples(samples, tmp_path)
    with pytest.raises(UsageError, match=r"no such file or folder: .*nowhere"):
        choose_readable(report, [tmp_path / "downloads", tmp_path / "nowhere"])


def test_what_cannot_be_asked_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    assert is_link(tmp_path / "link")
    assert not is_link(tmp_path / LONG)
