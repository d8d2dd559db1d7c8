"""The journal in, a report's tables as CSV out."""

from collections.abc import Iterator, Sequence
from math import isnan
from pathlib import Path

import pandas as pd

from detector.journal import Journal, read_verdicts
from detector.report.columns import DETECTIONS, EVENTS, REVIEWS, Table, describe_files
from detector.report.writing import replacing

ROWS_AT_ONCE = 20_000
SPREADSHEET_TRIGGERS = ("=", "+", "-", "@", "\t", "\r")  # OWASP, CSV Injection


def write_tables(journal: Journal, folder: Path, class_names: Sequence[str]) -> None:
    """Writes every table; that of reviews only where somebody has reviewed."""
    tables = [DETECTIONS, describe_files(class_names), EVENTS]
    if read_verdicts(journal.connection):
        tables.append(REVIEWS)
    for table in tables:
        rows = pd.read_sql_query(table.sql, journal.connection, chunksize=ROWS_AT_ONCE)
        _write_csv(rows, table, folder / f"{table.name}.csv")


def escape_cell(text: str) -> str:
    """The text so that no spreadsheet takes it for a formula."""
    return "'" + text if text.startswith(SPREADSHEET_TRIGGERS) else text


def _write_csv(chunks: Iterator[pd.DataFrame], table: Table, path: Path) -> None:
    with replacing(path) as file:
        pd.DataFrame(columns=[one.name for one in table.columns]).to_csv(
            file, index=False, lineterminator="\n"
        )
        for chunk in chunks:
            for column in table.columns:
                name = column.name
                if column.type == "number":
                    numbers = chunk[name].astype(float)
                    chunk[name] = [
                        "" if isnan(number) else f"{number:.{column.decimals}f}" for number in numbers
                    ]
                elif column.type == "foreign":
                    chunk[name] = chunk[name].map(escape_cell)
                elif column.type == "flag":
                    chunk[name] = chunk[name].map({0: "false", 1: "true"})
            chunk.to_csv(file, header=False, index=False, lineterminator="\n")
