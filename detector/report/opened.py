"""A report folder in, its tables as pandas data frames out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from detector.journal import define_views, read_database, read_verdicts
from detector.report.columns import DETECTIONS, EVENTS, REVIEWS, Table, describe_files

if TYPE_CHECKING:
    import pandas as pd

KINDS = {"text": "str", "foreign": "str", "whole": "Int64", "number": "float64", "flag": "bool"}


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report; its tables are read anew from `scan.db` at each call, the latest verdicts with them.

    Columns are those of the CSV files, with the values as they are: nothing is rounded, no cell is guarded
    against spreadsheets. A number that is not known is missing.
    """

    folder: Path

    def detections(self) -> pd.DataFrame:
        """One row a detection at or above the threshold."""
        return self._read(DETECTIONS)

    def files(self) -> pd.DataFrame:
        """One row an input, whatever became of it."""
        with read_database(self.folder) as connection:
            names = define_views(connection).class_names
        return self._read(describe_files(names))

    def events(self) -> pd.DataFrame:
        """One row an appearance of a flag in a video."""
        return self._read(EVENTS)

    def reviews(self) -> pd.DataFrame:
        """One row a verdict, those taken back too."""
        return self._read(REVIEWS)

    def _read(self, table: Table) -> pd.DataFrame:
        import pandas as pd  # a third of a second, which scans need not wait for

        with read_database(self.folder) as connection:
            define_views(connection)
            if table is REVIEWS and not read_verdicts(connection):
                rows = pd.DataFrame(columns=[one.name for one in table.columns])
            else:
                rows = pd.read_sql_query(table.sql, connection)
        return rows.astype({one.name: KINDS[one.type] for one in table.columns})


def open_report(folder: Path | str) -> Report:
    """The report in a folder. Raises ReportFolderError when there is none, or one of another version."""
    with read_database(Path(folder)):
        return Report(Path(folder))
