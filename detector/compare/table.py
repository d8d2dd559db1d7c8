"""Differences between two reports in, a table of them out."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Literal

from detector.errors import ReportFolderError
from detector.report import escape_cell

Change = Literal[
    "file_only_in_a",
    "file_only_in_b",
    "renamed",
    "content_changed",
    "status_changed",
    "detection_lost",
    "detection_gained",
    "label_changed",
    "ambiguous_changed",
    "confidence_changed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A row of the table; what does not apply is ""."""

    change: Change
    sha256: str = ""
    file_a: str = ""
    file_b: str = ""
    status_a: str = ""
    status_b: str = ""
    time_seconds: str = ""
    """Of A's detection, else of B's."""
    detection_a: str = ""
    """The id, as in `detections.csv`."""
    detection_b: str = ""
    label_a: str = ""
    label_b: str = ""
    confidence_a: str = ""
    confidence_b: str = ""
    ambiguous_a: str = ""
    ambiguous_b: str = ""
    iou: str = ""


Note = Callable[[Difference], None]


@contextmanager
def noting(table: Path | None) -> Iterator[tuple[Note, Counter[str]]]:
    """What takes the differences and counts them; with a table it writes them too.

    Raises ReportFolderError when the table exists already or cannot be written.
    """
    changes: Counter[str] = Counter()
    if table is None:
        yield (lambda row: changes.update([row.change])), changes
        return
    try:
        with table.open("x", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
            rows.writerow(field.name for field in fields(Difference))

            def note(row: Difference) -> None:
                changes.update([row.change])
                rows.writerow(escape_cell(cell) for cell in astuple(row))

            yield note, changes
    except FileExistsError as error:
        raise ReportFolderError(f"{table} exists; remove it or choose another --csv") from error
    except OSError as error:
        raise ReportFolderError(f"{table} cannot be written: {error.strerror or error}") from error
