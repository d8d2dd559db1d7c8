"""A report in, its tables as a workbook out: typed cells, read alike in every country."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from detector.export.rows import ExportSource, Written
from detector.report import Column, Table, list_tables

MAX_ROWS = 1_048_576  # of a sheet, its header among them (Excel specifications and limits)
MAX_LENGTH = 32_767  # of a cell, in UTF-16
MAX_LINKS = 65_000  # of a sheet; Excel has room for 65,530
CUT = " […]"
NO_TEXT = dict.fromkeys((*range(55296, 57344), 65534, 65535), "�")  # cannot be in XML
PICTURES = frozenset({"annotated", "crop"})
WIDTHS = {"foreign": 28, "text": 14, "whole": 12, "number": 12, "flag": 10}  # characters
OPTIONS = {  # rows go to disk as they come; text stays text, whatever it looks like
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


def write_xlsx(source: ExportSource, path: Path) -> Written:
    """One sheet a table, more where it is too long for one, and a sheet that says what the columns show.

    Pictures are linked where they lie below the workbook's folder: a link from elsewhere would tell the way.
    """
    tables = list_tables(source.connection, source.info.class_names)
    folder = source.target.parent
    linked = source.folder.is_relative_to(folder)
    with xlsxwriter.Workbook(path, OPTIONS | {"tmpdir": str(path.parent)}) as book:
        ended_at = datetime.fromisoformat(source.ended_at).replace(tzinfo=None)
        book.set_properties({"title": "Report of flag-detector", "created": ended_at})
        link_to = source.folder.relative_to(folder).as_posix() if linked else ""
        rows = {table.name: _Writer(book, table, link_to).write(source) for table in tables}
        _write_meanings(book, tables)
    notes = () if linked else ("pictures are linked when the workbook lies beside the report or above it",)
    return Written(rows["files"], rows["detections"], notes)


class _Writer:
    """Writes a table to one sheet after the other."""

    def __init__(self, book: xlsxwriter.Workbook, table: Table, link_to: str) -> None:
        self.book, self.table, self.link_to = book, table, link_to
        self.bold = book.add_format({"bold": True})
        self.formats = [_number_format(book, column) for column in table.columns]
        self.links = 0

    def write(self, source: ExportSource) -> int:
        """Writes all rows and returns their number."""
        total, sheet, line = 0, self._new_sheet(1), 1
        for values in source.connection.execute(self.table.sql):
            if line == MAX_ROWS:
                self._finish(sheet, line)
                sheet, line, self.links = self._new_sheet(total // (MAX_ROWS - 1) + 1), 1, 0
            for place, value in enumerate(values):
                self._write_cell(sheet, line, place, value)
            total, line = total + 1, line + 1
        self._finish(sheet, line)
        return total

    def _new_sheet(self, number: int) -> Worksheet:
        sheet = self.book.add_worksheet(self.table.name if number == 1 else f"{self.table.name} {number}")
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(self.table.columns):
            sheet.write_string(0, place, column.name, self.bold)
            sheet.set_column(place, place, max(WIDTHS[column.type], len(column.name) + 2))
        return sheet

    def _finish(self, sheet: Worksheet, lines: int) -> None:
        sheet.autofilter(0, 0, lines - 1, len(self.table.columns) - 1)

    def _write_cell(self, sheet: Worksheet, line: int, place: int, value: Any) -> None:
        column = self.table.columns[place]
        if value is None or value == "":
            return
        if column.type in ("whole", "number"):
            sheet.write_number(line, place, value, self.formats[place])
        elif column.type == "flag":
            sheet.write_boolean(line, place, bool(value))
        elif column.name in PICTURES and self.link_to and self.links < MAX_LINKS:
            self.links += 1
            sheet.write_url(line, place, f"external:{quote(self.link_to)}/{value}", string=value)
        else:
            sheet.write_string(line, place, fit_cell(value))


def fit_cell(text: str) -> str:
    """The text as a cell can hold it: what is too long is cut and marked, what XML cannot hold is U+FFFD."""
    text = text.translate(NO_TEXT)
    if len(text) > MAX_LENGTH // 2 and len(units := text.encode("utf-16-le")) > 2 * MAX_LENGTH:
        kept = units[: 2 * (MAX_LENGTH - len(CUT))].decode(
            "utf-16-le", "ignore"
        )  # half a character is left out
        return kept + CUT
    return text


def _number_format(book: xlsxwriter.Workbook, column: Column) -> Any:
    decimals = max(column.decimals, 0)
    return book.add_format({"num_format": "0" if not decimals else "0." + "0" * decimals})


def _write_meanings(book: xlsxwriter.Workbook, tables: Sequence[Table]) -> None:
    sheet = book.add_worksheet("columns")
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, 1, 22)
    sheet.set_column(2, 2, 80)
    bold = book.add_format({"bold": True})
    for line, row in enumerate(_meanings(tables)):
        for place, text in enumerate(row):
            sheet.write_string(line, place, text, None if line else bold)


def _meanings(tables: Sequence[Table]) -> Iterator[tuple[str, str, str]]:
    yield "table", "column", "what it shows"
    for table in tables:
        for column in table.columns:
            yield table.name, column.name, column.about
