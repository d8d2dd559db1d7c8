"""A report in, its tables as Excel opens them out: UTF-8 with a byte-order mark, CRLF line ends."""

from pathlib import Path

import pandas as pd

from detector.errors import ReportFolderError
from detector.export.rows import ExportSource, Written

TABLES = ("detections.csv", "files.csv", "events.csv")
ROWS_AT_ONCE = 20_000
MARK = "\ufeff"
ROUNDED = r"^(\d{16,})$"  # Excel keeps 15 digits of a number, and so of a post's id


def write_csv_excel(source: ExportSource, folder: Path) -> Written:
    """The report's tables, cells escaped as they are there; numbers that Excel would round become text."""
    folder.mkdir()
    rows = {name: _convert(source.folder / name, folder / name) for name in TABLES}
    return Written(rows["files.csv"], rows["detections.csv"])


def _convert(table: Path, out: Path) -> int:
    """Writes a table anew and returns its number of rows."""
    count = 0
    try:
        chunks = pd.read_csv(
            table, dtype=str, keep_default_na=False, chunksize=ROWS_AT_ONCE, encoding_errors="surrogateescape"
        )
    except OSError as error:
        raise ReportFolderError(f"{table} cannot be read; run the scan again, it is written anew") from error
    with chunks, out.open("x", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(MARK)
        for chunk in chunks:
            text = chunk.replace(ROUNDED, r"'\1", regex=True)
            text.to_csv(file, header=not count, index=False, lineterminator="\r\n")
            count += len(chunk)
    return count
