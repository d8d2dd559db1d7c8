"""Verdicts in, rows of the journal out; and what stands of all reviewers' rows."""

import secrets
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from detector.journal import (
    NOTHING_ELSE,
    SETTLING,
    UNDO,
    Verdict,
    find_standing,
    insert_verdict,
    read_verdicts,
    utc_now,
)


class Given(NamedTuple):
    """A verdict as a reviewer gives it; fields as in `Verdict`."""

    detection_id: str
    sha256: str
    frame_index: int
    verdict: str
    label: str = ""
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """All verdicts that count."""

    rows: Sequence[Verdict]
    on_detection: Mapping[str, Sequence[Verdict]]
    on_frame: Mapping[tuple[str, int], Sequence[Verdict]]
    """Drawn boxes, and who found nothing else, by content and frame."""

    def by(self, reviewer: str, detection_id: str) -> Verdict | None:
        """The reviewer's own verdict on a detection."""
        return next(
            (row for row in self.on_detection.get(detection_id, ()) if row.reviewer == reviewer), None
        )

    def is_done(self, reviewer: str, sha256: str, frame_index: int) -> bool:
        """Whether the reviewer has found nothing else in the frame."""
        rows = self.on_frame.get((sha256, frame_index), ())
        return any(row.reviewer == reviewer and row.verdict == NOTHING_ELSE for row in rows)


class VerdictStore:
    """The journal's verdicts, over a connection of `connect_for_review`; for any number of threads."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._rows: list[Verdict] = []
        self._standing = Standing((), {}, {})

    def close(self) -> None:
        """Closes the connection."""
        with self._lock:
            self._connection.close()

    def standing(self) -> Standing:
        """What counts at this moment."""
        with self._lock:
            return self._renew()

    def rows(self) -> Sequence[Verdict]:
        """All rows there are."""
        with self._lock:
            self._renew()
            return tuple(self._rows)

    def add(self, given: Sequence[Given], reviewer: str, *, settles: bool = False) -> list[int]:
        """Adds the rows of one decision, all or none; returns their numbers. `settles` ends disputes."""
        action, at = f"{SETTLING if settles else ''}{secrets.token_hex(8)}", utc_now()
        with self._lock, self._transaction():
            return [self._insert((action, *one[:5], *one.box, 0, reviewer, one.note, at)) for one in given]

    def undo(self, reviewer: str, number: int = 0) -> list[Verdict]:
        """Takes back the reviewer's last decision that counts, or the row of this number alone.

        Returns the rows taken back, none where there is nothing of this reviewer to take back.
        """
        with self._lock, self._transaction():
            rows = read_verdicts(self._connection)
            undone = {row.undoes for row in rows}
            mine = [
                row
                for row in rows
                if row.reviewer == reviewer and row.verdict != UNDO and row.number not in undone
            ]
            last = mine[-1].action if mine else ""
            taken = [row for row in mine if (row.number == number if number else row.action == last)]
            action, at = secrets.token_hex(8), utc_now()
            for row in taken:
                nowhere = (0.0, 0.0, 0.0, 0.0)
                place = ("", row.sha256, row.frame_index, UNDO, "", *nowhere)
                self._insert((action, *place, row.number, reviewer, "", at))
            return taken

    def position(self, reviewer: str, queue: str) -> str:
        """The item at which the reviewer left the queue, "" for none."""
        with self._lock:
            row = self._connection.execute(
                "SELECT item FROM positions WHERE reviewer = ? AND queue = ?", (reviewer, queue)
            ).fetchone()
        return str(row[0]) if row else ""

    def move(self, reviewer: str, queue: str, item: str) -> None:
        """Notes where in the queue the reviewer is."""
        with self._lock, self._transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (reviewer, queue, item)
            )

    def _renew(self) -> Standing:
        new = read_verdicts(self._connection, self._rows[-1].number if self._rows else 0)
        if new:
            self._rows.extend(new)
            self._standing = _arrange(find_standing(self._rows))
        return self._standing

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _insert(self, values: tuple[object, ...]) -> int:
        return insert_verdict(self._connection, Verdict(0, *values))  # type: ignore[arg-type]


def _arrange(rows: Sequence[Verdict]) -> Standing:
    on_detection: dict[str, list[Verdict]] = {}
    on_frame: dict[tuple[str, int], list[Verdict]] = {}
    for row in rows:
        if row.detection_id:
            on_detection.setdefault(row.detection_id, []).append(row)
        else:
            on_frame.setdefault((row.sha256, row.frame_index), []).append(row)
    return Standing(rows, on_detection, on_frame)
