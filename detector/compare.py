"""Two reports in, what the second gained, lost and sees otherwise out; files are matched by content."""

import csv
import itertools
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.errors import ReportFolderError
from detector.journal import read_journal
from detector.report import escape_cell
from detector.tables import define_views

SAME_PLACE = 0.5  # IoU from which two boxes are of the same thing
SAME_MOMENT_SECONDS = 0.5
CONFIDENCE_CHANGE = 0.05  # a smaller one is no row

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


class Detection(NamedTuple):
    """One of a content's detections."""

    id: str
    frame_index: int
    time_seconds: float
    label: str
    confidence: float
    ambiguous: bool
    left: float
    top: float
    right: float
    bottom: float


class Content(NamedTuple):
    """A report's files of the same content."""

    sha256: str
    files: tuple[str, ...]
    status: str


@dataclass(frozen=True, slots=True)
class Matching:
    """The detections of one content in two reports."""

    pairs: list[tuple[Detection, Detection, float]]
    """A's, B's, IoU."""
    lost: list[Detection]
    """Of A, with none like it in B."""
    gained: list[Detection]
    kept: int
    """Of A, those that are not lost."""


Note = Callable[[Difference], None]


def compare_reports(a: Path, b: Path, table: Path | None = None) -> Comparison:
    """Compares two reports and writes every difference to `table`, a row each, if one is given.

    Raises ReportFolderError when one is no report, or the table exists already or cannot be written.
    """
    for folder in (a, b):
        if table and table.resolve().is_relative_to(folder.resolve()):
            raise ReportFolderError(f"{table} is inside a report; choose another --csv")
    with read_journal(a) as of_a, read_journal(b) as of_b, _noting(table) as (note, changes):
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


# Files


def _compare_files(of_a: sqlite3.Connection, of_b: sqlite3.Connection, note: Note) -> Counter[str]:
    counts: Counter[str] = Counter()
    only_a, only_b = _read_unreadable(of_a), _read_unreadable(of_b)
    for in_a, in_b in _side_by_side(_read_contents(of_a), _read_contents(of_b)):
        if in_a and in_b:
            counts["contents"] += 1
            _compare_names(in_a, in_b, note)
            counts += _compare_content(of_a, of_b, in_a, in_b, note)
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


# Detections


def _compare_content(
    of_a: sqlite3.Connection, of_b: sqlite3.Connection, in_a: Content, in_b: Content, note: Note
) -> Counter[str]:
    sha256 = in_a.sha256
    about = Difference(change="status_changed", sha256=sha256, file_a=in_a.files[0], file_b=in_b.files[0])
    about = replace(about, status_a=in_a.status, status_b=in_b.status)
    if in_a.status != in_b.status:
        note(about)
    a, b = _read_detections(of_a, sha256), _read_detections(of_b, sha256)
    if not a and not b:
        return Counter()
    matching = match_detections(a, b, _read_frames(of_a, sha256), _read_frames(of_b, sha256))
    for one in matching.lost:
        note(_with_a(replace(about, change="detection_lost"), one))
    for one in matching.gained:
        note(_with_b(replace(about, change="detection_gained"), one))
    for one, other, iou in matching.pairs:
        both = replace(_with_a(_with_b(about, other), one), iou=f"{iou:.3f}")
        if one.label != other.label:
            note(replace(both, change="label_changed"))
        if one.ambiguous != other.ambiguous:
            note(replace(both, change="ambiguous_changed"))
        if abs(one.confidence - other.confidence) >= CONFIDENCE_CHANGE:
            note(replace(both, change="confidence_changed"))
    return Counter(detections_a=len(a), detections_b=len(b), kept=matching.kept)


def match_detections(
    a: list[Detection], b: list[Detection], looked_at_a: frozenset[int], looked_at_b: frozenset[int]
) -> Matching:
    """Pairs each detection with one of the other report: same frame or half a second apart, IoU ≥ 0.5.

    One at a moment that the other report did not look at is kept, not lost or gained, when the other saw the
    same label there within half a second. `looked_at_a`, `looked_at_b` are the frames' indices.
    """
    pairs: list[tuple[Detection, Detection, float]] = []
    taken_a, taken_b = set[int](), set[int]()
    near_a, near_b = set[int](), set[int]()
    for row, other, iou in _candidates(a, b):
        if row not in taken_a and other not in taken_b:
            pairs.append((a[row], b[other], iou))
            taken_a.add(row)
            taken_b.add(other)
        elif a[row].label == b[other].label:
            near_a.add(row)
            near_b.add(other)
    near_a = {row for row in near_a if a[row].frame_index not in looked_at_b}
    near_b = {row for row in near_b if b[row].frame_index not in looked_at_a}
    lost = [one for row, one in enumerate(a) if row not in taken_a | near_a]
    gained = [one for row, one in enumerate(b) if row not in taken_b | near_b]
    return Matching(pairs, lost, gained, len(a) - len(lost))


def _candidates(a: list[Detection], b: list[Detection]) -> list[tuple[int, int, float]]:
    """Rows of A and B that may be the same thing, with their IoU, the likeliest first."""
    if not a or not b:
        return []
    times_a, times_b = (np.array([one.time_seconds for one in found]) for found in (a, b))
    first = np.searchsorted(times_b, times_a - SAME_MOMENT_SECONDS, "left")
    count = np.searchsorted(times_b, times_a + SAME_MOMENT_SECONDS, "right") - first
    rows = np.repeat(np.arange(len(a)), count)
    others = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    iou = _iou(_boxes(a)[rows], _boxes(b)[others])
    near = iou >= SAME_PLACE
    rows, others, iou = rows[near], others[near], iou[near]
    other_label = np.array([a[row].label != b[other].label for row, other in zip(rows, others, strict=True)])
    apart = np.abs(times_a[rows] - times_b[others])
    order = np.lexsort((-iou, other_label, apart))
    return list(zip(rows[order].tolist(), others[order].tolist(), iou[order].tolist(), strict=True))


def _boxes(found: list[Detection]) -> NDArray[np.float64]:
    return np.array([(one.left, one.top, one.right, one.bottom) for one in found])


def _iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union (n,) of boxes row by row; supervision has it only of all with all."""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    either = np.prod(a[:, 2:] - a[:, :2], axis=1) + np.prod(b[:, 2:] - b[:, :2], axis=1) - shared
    return np.asarray(shared / np.maximum(either, np.finfo(float).tiny))


def _read_detections(connection: sqlite3.Connection, sha256: str) -> list[Detection]:
    rows = connection.execute(
        "SELECT id, frame_index, time_seconds, label, confidence, ambiguous, "
        '"left", top, "right", bottom FROM temp.shown WHERE sha256 = ? ORDER BY time_seconds, rank',
        (sha256,),
    )
    return [Detection(*row) for row in rows]


def _read_frames(connection: sqlite3.Connection, sha256: str) -> frozenset[int]:
    rows = connection.execute("SELECT frame_index FROM frames WHERE sha256 = ?", (sha256,))
    return frozenset(index for (index,) in rows)


# The table


def _with_a(row: Difference, found: Detection) -> Difference:
    return replace(
        row,
        time_seconds=f"{found.time_seconds:.3f}",
        detection_a=found.id,
        label_a=found.label,
        confidence_a=f"{found.confidence:.4f}",
        ambiguous_a=str(bool(found.ambiguous)).lower(),
    )


def _with_b(row: Difference, found: Detection) -> Difference:
    return replace(
        row,
        time_seconds=f"{found.time_seconds:.3f}",
        detection_b=found.id,
        label_b=found.label,
        confidence_b=f"{found.confidence:.4f}",
        ambiguous_b=str(bool(found.ambiguous)).lower(),
    )


@contextmanager
def _noting(table: Path | None) -> Iterator[tuple[Note, Counter[str]]]:
    """What takes the differences, and counts them; with a table it writes them too."""
    changes: Counter[str] = Counter()
    if table is None:
        yield (lambda row: changes.update([row.change])), changes
        return
    try:
        with table.open("x", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(field.name for field in fields(Difference))

            def note(row: Difference) -> None:
                changes.update([row.change])
                rows.writerow(escape_cell(cell) for cell in astuple(row))

            yield note, changes
    except FileExistsError as error:
        raise ReportFolderError(f"{table} exists; remove it or choose another --csv") from error
    except OSError as error:
        raise ReportFolderError(f"{table} cannot be written: {error.strerror or error}") from error
