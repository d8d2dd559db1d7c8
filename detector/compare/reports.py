"""Two reports in, their differences out; files are matched by content."""

import itertools
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from detector.compare.detections import compare_detections
from detector.compare.table import Change, Difference, Note, noting
from detector.errors import ReportFolderError
from detector.journal import define_views, read_database


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two reports have in common and what not."""

    settings: dict[str, tuple[str, str]]
    """What the results depend on, where A and B differ; "" where it was not set."""
    files_a: int
    files_b: int
    contents_in_both: int
    detections_a: int
    """Among the contents in both; exact copies count once."""
    detections_b: int
    detections_kept: int
    """Of A's, those that B has too, under this label or another."""
    changes: dict[str, int]
    """Rows of each kind of change."""


class Content(NamedTuple):
    """A report's files of the same content."""

    sha256: str
    files: tuple[str, ...]
    status: str


def compare_reports(a: Path, b: Path, table: Path | None = None) -> Comparison:
    """Compares two reports and writes every difference to `table`, a row each, if one is given.

    Raises ReportFolderError when one is no report, or the table exists already or cannot be written.
    """
    for folder in (a, b):
        if table and table.resolve().is_relative_to(folder.resolve()):
            raise ReportFolderError(f"{table} is inside a report; choose another --csv")
    with read_database(a) as of_a, read_database(b) as of_b, noting(table) as (note, changes):
        identity_a, identity_b = define_views(of_a).identity, define_views(of_b).identity
        counts = _compare_files(of_a, of_b, note)
        return Comparison(
            settings={
                name: (identity_a.get(name, ""), identity_b.get(name, ""))
                for name in sorted(identity_a.keys() | identity_b.keys())
                if identity_a.get(name) != identity_b.get(name)
            },
            files_a=_count_files(of_a),
            files_b=_count_files(of_b),
            contents_in_both=counts["contents"],
            detections_a=counts["detections_a"],
            detections_b=counts["detections_b"],
            detections_kept=counts["kept"],
            changes=dict(changes),
        )


def _compare_files(of_a: sqlite3.Connection, of_b: sqlite3.Connection, note: Note) -> Counter[str]:
    counts: Counter[str] = Counter()
    only_a, only_b = _read_unreadable(of_a), _read_unreadable(of_b)
    for in_a, in_b in _side_by_side(_read_contents(of_a), _read_contents(of_b)):
        if in_a and in_b:
            counts["contents"] += 1
            _compare_names(in_a, in_b, note)
            about = Difference(
                change="status_changed",
                sha256=in_a.sha256,
                file_a=in_a.files[0],
                file_b=in_b.files[0],
                status_a=in_a.status,
                status_b=in_b.status,
            )
            if in_a.status != in_b.status:
                note(about)
            counts += compare_detections(of_a, of_b, about, note)
        elif in_a:
            only_a |= dict.fromkeys(in_a.files, in_a)
        elif in_b:
            only_b |= dict.fromkeys(in_b.files, in_b)
    _compare_unmatched(only_a, only_b, note)
    return counts


def _side_by_side(
    of_a: Iterator[Content], of_b: Iterator[Content]
) -> Iterator[tuple[Content | None, Content | None]]:
    """Both reports' contents, which come in order of their hash, each with its match."""
    in_a, in_b = next(of_a, None), next(of_b, None)
    while in_a or in_b:
        take_a = in_a is not None and (in_b is None or in_a.sha256 <= in_b.sha256)
        take_b = in_b is not None and (in_a is None or in_b.sha256 <= in_a.sha256)
        yield (in_a if take_a else None), (in_b if take_b else None)
        in_a = next(of_a, None) if take_a else in_a
        in_b = next(of_b, None) if take_b else in_b


def _compare_names(in_a: Content, in_b: Content, note: Note) -> None:
    """A name in place of another is a renaming; any more or less are copies made or removed."""
    gone = sorted(set(in_a.files) - set(in_b.files))
    new = sorted(set(in_b.files) - set(in_a.files))
    for old_name, new_name in itertools.zip_longest(gone, new, fillvalue=""):
        change: Change = "file_only_in_b" if not old_name else "file_only_in_a"
        if old_name and new_name:
            change = "renamed"
        note(Difference(change=change, sha256=in_a.sha256, file_a=old_name, file_b=new_name))


def _compare_unmatched(only_a: dict[str, Content], only_b: dict[str, Content], note: Note) -> None:
    """Files whose content the other report does not have, or that could not be read."""
    for name in sorted(only_a.keys() | only_b.keys()):
        a, b = only_a.get(name), only_b.get(name)
        change: Change = "file_only_in_a" if a else "file_only_in_b"
        if a and b:
            if a.sha256 == b.sha256 and a.status == b.status:
                continue
            change = "content_changed" if a.sha256 != b.sha256 else "status_changed"
        note(
            Difference(
                change=change,
                sha256=(a.sha256 if a else "") or (b.sha256 if b else ""),
                file_a=name if a else "",
                file_b=name if b else "",
                status_a=a.status if a else "",
                status_b=b.status if b else "",
            )
        )


def _read_contents(connection: sqlite3.Connection) -> Iterator[Content]:
    rows = connection.execute(
        "SELECT sha256, file, status FROM temp.files WHERE sha256 != '' ORDER BY sha256, file, path"
    )
    for sha256, group in itertools.groupby(rows, key=lambda row: str(row[0])):
        files = list(group)
        yield Content(sha256, tuple(file for _, file, _ in files), files[0][2])


def _read_unreadable(connection: sqlite3.Connection) -> dict[str, Content]:
    rows = connection.execute("SELECT file, status FROM temp.files WHERE sha256 = ''")
    return {file: Content("", (file,), status) for file, status in rows}


def _count_files(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM temp.files").fetchone()[0])
