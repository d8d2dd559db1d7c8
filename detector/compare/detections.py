"""A content that is in two reports in, the differences between its detections out."""

import sqlite3
from collections import Counter
from dataclasses import replace
from typing import Any, Literal

from detector.compare.matching import Detection, match_detections
from detector.compare.table import Difference, Note

CONFIDENCE_CHANGE = 0.05  # a smaller one is no row


def compare_detections(
    of_a: sqlite3.Connection, of_b: sqlite3.Connection, about: Difference, note: Note
) -> Counter[str]:
    """Notes what differs between the shown detections of one content, and counts them.

    `about` has what all rows of the content share.
    """
    sha256 = about.sha256
    a, b = _read_detections(of_a, sha256), _read_detections(of_b, sha256)
    if not a and not b:
        return Counter()
    matching = match_detections(a, b, _read_frames(of_a, sha256), _read_frames(of_b, sha256))
    for one in matching.lost:
        note(_with(replace(about, change="detection_lost"), "a", one))
    for one in matching.gained:
        note(_with(replace(about, change="detection_gained"), "b", one))
    for one, other, iou in matching.pairs:
        both = replace(_with(_with(about, "b", other), "a", one), iou=f"{iou:.3f}")
        if one.label != other.label:
            note(replace(both, change="label_changed"))
        if one.ambiguous != other.ambiguous:
            note(replace(both, change="ambiguous_changed"))
        if abs(one.confidence - other.confidence) >= CONFIDENCE_CHANGE:
            note(replace(both, change="confidence_changed"))
    return Counter(detections_a=len(a), detections_b=len(b), kept=matching.kept)


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


def _with(row: Difference, side: Literal["a", "b"], found: Detection) -> Difference:
    """The row with what one report says of its detection."""
    said = {
        "detection": found.id,
        "label": found.label,
        "confidence": f"{found.confidence:.4f}",
        "ambiguous": str(bool(found.ambiguous)).lower(),
    }
    columns: dict[str, Any] = {f"{name}_{side}": value for name, value in said.items()}
    return replace(row, time_seconds=f"{found.time_seconds:.3f}", **columns)
