"""An older report's verdicts in, the same verdicts in another report of the same files out."""

import json
import secrets
import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from detector.compare.matching import SAME_PLACE, Detection, match_detections, overlaps
from detector.errors import ReportFolderError
from detector.ids import detection_id
from detector.journal import (
    CONFIRMED,
    MISSED,
    NOTHING_ELSE,
    OTHER_FLAG,
    OURS,
    Verdict,
    connect_for_review,
    find_standing,
    insert_verdict,
    read_database,
    read_verdicts,
)

DETECTIONS = """
SELECT frame_index, rank, time_seconds, class_id, confidence, ambiguous, "left", top, "right", bottom
FROM detections WHERE sha256 = ? ORDER BY time_seconds, frame_index, rank
"""
GONE = "the file is not in this report"
NO_BOX = "no detection is at this place in this report"
NOT_LOOKED_AT = "this frame was not looked at in this report"
SAID_ALREADY = "the same reviewer has said something of it in this report"


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of an older report's verdicts."""

    carried: int
    left: dict[str, int]
    """Verdicts that could not be carried over, by reason."""
    names: tuple[str, ...]
    """Of these, which files they are about, each with what was said and why it stays behind."""


class _Report:
    """What verdicts are about in one report."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        (names,) = connection.execute("SELECT value FROM identity WHERE name = 'class_names'").fetchone()
        self.labels: list[str] = json.loads(names)

    def detections(self, sha256: str) -> list[Detection]:
        found = []
        for frame, rank, at, class_id, sure, unsure, *box in self._rows(sha256):
            name = detection_id(sha256, frame, rank)
            found.append(Detection(name, frame, at, self.labels[class_id], sure, bool(unsure), *box))
        return found

    def _rows(self, sha256: str) -> sqlite3.Cursor:
        return self.connection.execute(DETECTIONS, (sha256,))

    def frames(self, sha256: str) -> frozenset[int]:
        rows = self.connection.execute("SELECT frame_index FROM frames WHERE sha256 = ?", (sha256,))
        return frozenset(index for (index,) in rows)

    def file(self, sha256: str) -> str:
        row = self.connection.execute("SELECT min(name) FROM inputs WHERE sha256 = ?", (sha256,)).fetchone()
        return str(row[0] or sha256)


def carry_verdicts(old: Path, new: Path) -> Carried:
    """Adds to `new` what stands in `old`, where boxes agree (IoU ≥ 0.5, half a second); `old` may be of
    another version of this tool or other weights.

    A verdict says which flag it is: on a detection with another label it becomes the one that says so.
    Raises ReportFolderError when one is no report.
    """
    with read_database(old, any_format=True) as reading:
        writing = connect_for_review(new)
        try:
            writing.execute("BEGIN IMMEDIATE")
            done = _carry(_Report(reading), _Report(writing))
            writing.execute("COMMIT")
            return done
        except sqlite3.DatabaseError as error:
            raise ReportFolderError(f"the verdicts of {old} cannot be read: {error}") from error
        finally:
            writing.close()


def _carry(old: _Report, new: _Report) -> Carried:
    there = {(row.reviewer, row.subject) for row in find_standing(read_verdicts(new.connection))}
    by_content: dict[str, list[Verdict]] = {}
    for row in find_standing(read_verdicts(old.connection)):
        by_content.setdefault(row.sha256, []).append(row)
    action, carried, left, names = secrets.token_hex(8), 0, Counter[str](), []
    for sha256, rows in by_content.items():
        for row, found in _translate(old, new, sha256, rows):
            if isinstance(found, Verdict) and (found.reviewer, found.subject) in there:
                found = SAID_ALREADY  # noqa: PLW2901
            if isinstance(found, Verdict):
                insert_verdict(new.connection, found._replace(action=action))
                carried += 1
            else:
                left[found] += 1
                names.append(f"{old.file(sha256)}: {row.verdict} by {row.reviewer}; {found}")
    return Carried(carried, dict(left), tuple(names))


def _translate(
    old: _Report, new: _Report, sha256: str, rows: list[Verdict]
) -> list[tuple[Verdict, Verdict | str]]:
    """Each row with what says the same in the new report, or why nothing does."""
    looked_at = new.frames(sha256)
    if not looked_at:
        return [(row, GONE) for row in rows]
    before, now = old.detections(sha256), new.detections(sha256)
    pairs = match_detections(before, now, old.frames(sha256), looked_at).pairs
    match = {(one.frame_index, one.id.rpartition("-")[2]): other for one, other, _ in pairs}
    found: list[tuple[Verdict, Verdict | str]] = []
    for row in rows:
        if row.detection_id:
            other = match.get((row.frame_index, row.detection_id.rpartition("-")[2]))
            found.append((row, _say_of(row, other) if other else NO_BOX))
        elif row.frame_index not in looked_at:
            found.append((row, NOT_LOOKED_AT))
        elif row.verdict == MISSED:
            found.append((row, _say_of_drawn(row, now)))
        else:
            found.append((row, row if row.verdict == NOTHING_ELSE else NO_BOX))
    return found


def _say_of(row: Verdict, other: Detection) -> Verdict:
    said = row._replace(detection_id=other.id, frame_index=other.frame_index, undoes=0)
    if row.verdict in OURS:
        return said._replace(verdict=CONFIRMED if row.label == other.label else OTHER_FLAG)
    return said


def _say_of_drawn(row: Verdict, now: list[Detection]) -> Verdict:
    """A box that was drawn is a verdict on the detection that is there by now, if one is."""
    drawn = Detection(
        "", row.frame_index, 0.0, row.label, 1.0, False, row.left, row.top, row.right, row.bottom
    )
    here = [one for one in now if one.frame_index == row.frame_index]
    near = [one for one in here if overlaps(one, drawn) >= SAME_PLACE]
    if not near:
        return row
    best = max(near, key=lambda one: overlaps(one, drawn))
    said = row._replace(left=0.0, top=0.0, right=0.0, bottom=0.0, verdict=CONFIRMED)
    return _say_of(said, best)
