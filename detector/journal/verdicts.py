"""Rows that people added to the journal in, what they say of each detection out.

Rows are only ever added. One that undoes another says so and takes its effect away; the latest that stands
of each reviewer counts, and where reviewers disagree the detection is disputed.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import NamedTuple

from detector.journal.chain import add_verdict

CONFIRMED, REJECTED, OTHER_FLAG = "confirmed", "rejected", "other_flag"
ANOTHER_FLAG, CANNOT_TELL = "another_flag", "cannot_tell"
ON_DETECTION = (CONFIRMED, REJECTED, OTHER_FLAG, ANOTHER_FLAG, CANNOT_TELL)
MISSED, NOTHING_ELSE, UNDO = "missed", "nothing_else", "undo"
DISPUTED = "disputed"
SETTLING = "settled-"  # begins the action of rows by which an editor ends a dispute
OURS = frozenset((CONFIRMED, OTHER_FLAG))  # verdicts that say: one of the flags looked for is there

INSERT = """
INSERT INTO verdicts (action, detection_id, sha256, frame_index, verdict, label, "left", top, "right", bottom,
                      undoes, reviewer, note, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
READ = """
SELECT number, action, detection_id, sha256, frame_index, verdict, label, "left", top, "right", bottom,
       undoes, reviewer, note, at FROM verdicts WHERE number > ? ORDER BY number
"""


class Verdict(NamedTuple):
    """A row of the journal's table `verdicts`."""

    number: int
    """Counts up over all reviewers; never used twice."""
    action: str
    """The same for all rows that one decision added, as when it was applied to a whole event."""
    detection_id: str
    """"" for a drawn box, for a frame that was checked, and for an undo."""
    sha256: str
    frame_index: int
    verdict: str
    """One of `ON_DETECTION`, or: missed (a drawn box), nothing_else (all flags of the frame are marked),
    undo."""
    label: str
    """The flag that is there as the reviewer says, "" for none of those looked for."""
    left: float
    """Of a drawn box, in pixels of the upright frame; 0 for all others."""
    top: float
    right: float
    bottom: float
    undoes: int
    """Number of the row that this one takes back, 0 for none."""
    reviewer: str
    note: str
    at: str
    """ISO 8601 with `Z`."""

    @property
    def settles(self) -> bool:
        """Whether it ends a dispute, whatever others say."""
        return self.action.startswith(SETTLING)

    @property
    def subject(self) -> tuple[object, ...]:
        """What the verdict is about: of two by one reviewer on the same, the later counts."""
        if self.detection_id:
            return (self.detection_id,)
        where = (self.sha256, self.frame_index, self.verdict)
        return where if self.verdict == NOTHING_ELSE else (*where, self.number)


@dataclass(frozen=True, slots=True)
class Settled:
    """What reviewers say together of a detection."""

    sha256: str
    frame_index: int
    verdict: str
    """One of `ON_DETECTION`, or disputed."""
    verdict_label: str
    reviewer: str
    """All who gave a verdict that stands, joined by "; "."""
    reviewed_at: str
    """Of the latest."""
    note: str
    """All notes, joined by "; "; each with its writer's name where there are several reviewers."""


def read_verdicts(connection: sqlite3.Connection, after: int = 0) -> list[Verdict]:
    """All rows with a number above `after`, in order; none from a journal that was never reviewed."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'verdicts'").fetchone():
        return []
    return [Verdict(*row) for row in connection.execute(READ, (after,))]


def insert_verdict(connection: sqlite3.Connection, row: Verdict) -> int:
    """Adds a row; its number is the next, which is returned, whatever number it has."""
    number = int(connection.execute(INSERT, row[1:]).lastrowid or 0)
    add_verdict(connection, number)
    return number


def find_standing(rows: Iterable[Verdict]) -> list[Verdict]:
    """The rows that count: not undone, and the latest of their reviewer on their subject; in order."""
    rows = list(rows)
    undone = {row.undoes for row in rows}
    latest = {
        (row.reviewer, row.subject): row for row in rows if row.verdict != UNDO and row.number not in undone
    }
    return sorted(latest.values())


def settle(standing: Iterable[Verdict]) -> dict[str, Settled]:
    """What is said of each detection with a verdict, by its id."""
    by_detection: dict[str, list[Verdict]] = {}
    for row in standing:
        if row.detection_id:
            by_detection.setdefault(row.detection_id, []).append(row)
    return {detection: settle_one(rows) for detection, rows in by_detection.items()}


def settle_one(rows: Sequence[Verdict]) -> Settled:
    """What the standing rows on one detection say together. Who cannot tell does not contradict, and an
    editor's row that settles it ends a dispute."""
    decided = [row for row in rows if row.settles][-1:]
    decided = decided or [row for row in rows if row.verdict != CANNOT_TELL] or list(rows)
    agreed = len({(row.verdict, row.label) for row in decided}) == 1
    latest = decided[-1]
    several = len(rows) > 1
    notes = [f"{row.reviewer}: {row.note}" if several else row.note for row in rows if row.note]
    return Settled(
        sha256=latest.sha256,
        frame_index=latest.frame_index,
        verdict=latest.verdict if agreed else DISPUTED,
        verdict_label=latest.label if agreed else "",
        reviewer="; ".join(row.reviewer for row in rows),
        reviewed_at=max(row.at for row in rows),
        note="; ".join(notes),
    )


def define_settled(connection: sqlite3.Connection) -> None:
    """Defines the table `temp.settled`: a row for each detection with a verdict, columns as in `Settled`
    (`of_sha256`, `of_frame`: these names are its own, lest joins take them for others).

    And `temp.standing_numbers`: the numbers of the rows that count.
    """
    standing = find_standing(read_verdicts(connection))
    connection.executescript(
        "DROP TABLE IF EXISTS temp.settled; DROP TABLE IF EXISTS temp.standing_numbers;"
        "CREATE TEMP TABLE settled (detection_id TEXT PRIMARY KEY, of_sha256 TEXT, of_frame INTEGER, "
        "verdict TEXT, verdict_label TEXT, reviewer TEXT, reviewed_at TEXT, note TEXT) WITHOUT ROWID;"
        "CREATE TEMP TABLE standing_numbers (number INTEGER PRIMARY KEY);"
    )
    connection.executemany(
        "INSERT INTO settled VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        ((name, *astuple(one)) for name, one in settle(standing).items()),
    )
    connection.executemany("INSERT INTO standing_numbers VALUES (?)", ((row.number,) for row in standing))
