"""The journal in, a report's tables as CSV out."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from detector.journal import Journal, read_verdicts
from detector.report.cells import foreign_cell, own_cell
from detector.report.columns import DETECTIONS, EVENTS, REVIEWS, Column, Table, Type, describe_files
from detector.report.writing import replacing

ROWS_AT_ONCE = 20_000


def list_tables(connection: sqlite3.Connection, class_names: Sequence[str]) -> list[Table]:
    """Every table of a report; that of reviews only where somebody has reviewed."""
    tables = [DETECTIONS, describe_files(class_names), EVENTS]
    return [*tables, REVIEWS] if read_verdicts(connection) else tables


def write_tables(journal: Journal, folder: Path, class_names: Sequence[str]) -> list[str]:
    """Writes every table, from the views of `define_views`; gives the names of the files."""
    tables = list_tables(journal.connection, class_names)
    for table in tables:
        with replacing(folder / f"{table.name}.csv") as file:
            file.write(",".join(own_cell(column.name) for column in table.columns) + "\n")
            rows = journal.connection.execute(table.sql)
            while chunk := rows.fetchmany(ROWS_AT_ONCE):
                columns = zip(table.columns, zip(*chunk, strict=True), strict=True)
                cells = [FORMATS[column.type](column, values) for column, values in columns]
                file.writelines(",".join(row) + "\n" for row in zip(*cells, strict=True))
    return [f"{table.name}.csv" for table in tables]


def _write_texts(write: Callable[[str], str], values: Sequence[str | None]) -> list[str]:
    cells = {value: write(value or "") for value in set(values)}  # most columns say few things
    return [cells[value] for value in values]


def _write_numbers(column: Column, values: Sequence[float | None]) -> list[str]:
    return ["" if value is None else f"{value:.{column.decimals}f}" for value in values]


FORMATS: Mapping[Type, Callable[[Column, Sequence], list[str]]] = {  # type: ignore[type-arg]
    "foreign": lambda _, values: _write_texts(foreign_cell, values),
    "text": lambda _, values: _write_texts(own_cell, values),
    "whole": lambda _, values: ["" if value is None else str(value) for value in values],
    "number": _write_numbers,
    "flag": lambda _, values: ["true" if value else "false" for value in values],
}
