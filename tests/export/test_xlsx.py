"""The workbook, read back by a library that its writer does not know."""

import warnings
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.escape import unescape

from detector.export import export_report, xlsx
from detector.export.xlsx import MAX_LENGTH, fit_cell
from detector.options import ExportFormat
from tests.conftest import BLUE, RED, write_picture
from tests.reports import change_journal, copy_samples
from tests.test_evidence import write_posts
from tests.test_scan import scan_folder

HOSTILE = (
    *("=1+1.png", "@SUM(1)_x0041_.png", "https:⁄⁄example.org.png", "0123.png", "x;=1+1.png", "＝1+1.png"),
    *("mailto:a@b.png", "internal:Sheet1!A1.png", "<&>'.png"),
)


@pytest.fixture
def report(samples: Path, tmp_path: Path) -> Path:
    return copy_samples(samples, tmp_path)


def sheets_of(report: Path, out: Path | None = None) -> dict[str, list[tuple[Any, ...]]]:
    book = openpyxl.load_workbook(export_report(report, ExportFormat.XLSX, out).out)
    return {sheet.title: list(sheet.values) for sheet in book}


def rows_of(sheets: dict[str, list[tuple[Any, ...]]], name: str) -> list[dict[str, Any]]:
    head, *rows = sheets[name]
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_a_table_is_a_sheet_with_typed_cells_and_a_header_that_stays(report: Path) -> None:
    done = export_report(report, ExportFormat.XLSX)
    assert done.out == report.parent / "report.xlsx"
    book: Any = openpyxl.load_workbook(done.out)
    assert book.sheetnames == ["detections", "files", "events", "columns"]
    assert [sheet.freeze_panes for sheet in book] == ["A2"] * 4
    files = {row["file"]: row for row in rows_of({s.title: list(s.values) for s in book}, "files")}
    assert (done.written.files, done.written.detections) == (len(files), 6)
    both = files["sub/both.png"]
    assert (both["width"], both["both"], both["reason"], both["kanak"]) == (
        *(128, True, None),
        pytest.approx(0.8235, abs=1e-4),
    )
    assert files["clip.mp4"]["duration_seconds"] == 3.0
    assert files["nothing.png"]["both"] is False
    event = rows_of({s.title: list(s.values) for s in book}, "events")[0]
    assert (event["start_seconds"], type(event["start_seconds"])) == (1.2, float)
    times = {cell.number_format for cell in book["events"]["D"][1:]}
    assert times == {"0.000"}


def test_pictures_are_linked_from_beside_the_report_and_not_from_elsewhere(report: Path) -> None:
    report = report.rename(report.with_name("a report#"))
    sheet: Any = openpyxl.load_workbook(export_report(report, ExportFormat.XLSX).out)["detections"]
    names = [cell.value for cell in sheet[1]]
    for row in sheet.iter_rows(min_row=2):
        for name in ("annotated", "crop"):
            cell = row[names.index(name)]
            assert cell.hyperlink.target == f"a%20report%23/{cell.value}".replace("/", "\\")  # as Excel does
            assert (report / cell.value).is_file()
    away = export_report(report, ExportFormat.XLSX, report.parent / "downloads" / "away.xlsx")
    elsewhere: Any = openpyxl.load_workbook(away.out)["detections"]
    cells = [cell for row in elsewhere.iter_rows() for cell in row]
    assert not any(cell.hyperlink for cell in cells)
    assert away.written.notes == ("pictures are linked when the workbook lies beside the report or above it",)


def test_text_of_strangers_is_never_a_formula_a_number_or_a_link(tmp_path: Path, fake_weights: Path) -> None:
    for name in HOSTILE:
        write_picture(tmp_path / "in" / name, (0, 0, RED), (1, 1, BLUE))
    write_posts(tmp_path / "in" / "posts.csv", (HOSTILE[0], "https://x.com/a", "", "007", "=HYPERLINK(1)"))
    scan_folder(tmp_path / "in", tmp_path / "report", fake_weights)
    book: Any = openpyxl.load_workbook(export_report(tmp_path / "report", ExportFormat.XLSX).out)
    head, *rows = book["files"].iter_rows()
    names = [cell.value for cell in head]
    assert {unescape(row[0].value) for row in rows} == {*HOSTILE, "posts.csv"}
    cells = [cell for row in rows for cell in row]
    assert {cell.data_type for cell in cells if isinstance(cell.value, str)} <= {"s", "inlineStr"}
    assert not any(cell.hyperlink for cell in cells)
    told = {row[0].value: row for row in rows}[HOSTILE[0]]
    assert told[names.index("author")].value == "007"
    assert told[names.index("post_text")].value == "=HYPERLINK(1)"
    with zipfile.ZipFile(tmp_path / "report.xlsx") as parts:
        assert not any(b"<f>" in parts.read(name) for name in parts.namelist())


def test_a_table_too_long_for_a_sheet_goes_on_in_the_next(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sheets_of(report)
    monkeypatch.setattr(xlsx, "MAX_ROWS", 4)
    monkeypatch.setattr(xlsx, "MAX_LINKS", 2)
    sheets = sheets_of(report, report.parent / "small.xlsx")
    assert [name for name in sheets if name.startswith("files")] == ["files", "files 2", "files 3"]
    parts = [sheets[name] for name in ("files", "files 2", "files 3")]
    assert [len(part) for part in parts] == [4, 4, 3]
    assert {part[0] for part in parts} == {before["files"][0]}
    assert [row for part in parts for row in part[1:]] == before["files"][1:]
    assert [*sheets["detections"][1:], *sheets["detections 2"][1:]] == before["detections"][1:]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a" * MAX_LENGTH, "a" * MAX_LENGTH),
        ("a" * (MAX_LENGTH + 1), "a" * (MAX_LENGTH - 4) + " […]"),
        ("🏴" * 16_383, "🏴" * 16_383),
        ("🏴" * 16_384, "🏴" * 16_381 + " […]"),
        ("a\ud800b\uffff", "a\ufffdb\ufffd"),
    ],
)
def test_a_cell_holds_what_excel_can_hold_and_says_what_was_cut(text: str, kept: str) -> None:
    assert fit_cell(text) == kept


def test_a_text_too_long_for_a_cell_is_cut_and_nothing_is_lost_in_silence(report: Path) -> None:
    change_journal(report, "UPDATE results SET reason = ?", "🏴" * 40_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reasons = {row["reason"] for row in rows_of(sheets_of(report), "files")}
    assert "🏴" * 16_381 + " […]" in reasons


def test_every_column_is_explained(report: Path) -> None:
    sheets = sheets_of(report)
    explained = [row[:2] for row in sheets["columns"][1:]]
    assert explained == [
        (name, column) for name in ("detections", "files", "events") for column in sheets[name][0]
    ]
    assert all(row[2] for row in sheets["columns"])
