"""A report's views in, files and their frames with detections out, a file at a time."""

import itertools
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from detector.ids import detection_id
from detector.journal import ReportInfo
from detector.sources import table_name

FILES = """
SELECT file, path, sha256, kind, status, reason, width, height FROM temp.files ORDER BY file, path
"""
FRAMES = """
SELECT f.frame_index, f.time_seconds, d.frame_width, d.frame_height, d.annotated,
       d.rank, d.class_id, d.confidence, d.confidence >= c.threshold, d.ambiguous,
       d.rival_class_id, d.rival_confidence, d."left", d.top, d."right", d.bottom
FROM frames f LEFT JOIN detections d ON d.sha256 = f.sha256 AND d.frame_index = f.frame_index
LEFT JOIN temp.classes c ON c.class_id = d.class_id
WHERE f.sha256 = ? ORDER BY f.frame_index, d.rank
"""


@dataclass(frozen=True, slots=True)
class ExportSource:
    """The report that is exported."""

    folder: Path
    """Absolute."""
    connection: sqlite3.Connection
    """With the views of `define_views`."""
    info: ReportInfo
    weights_name: str
    ended_at: str
    """When the scan's newest run ended, ISO 8601 with `Z`."""
    target: Path
    """Where what is written will lie, absolute."""


@dataclass(frozen=True, slots=True)
class Written:
    """What an export holds."""

    files: int
    """Different files of the report of which something is in it."""
    detections: int
    notes: tuple[str, ...] = ()
    """What the user has to know to use it."""


class ReportFile(NamedTuple):
    """A row of `files.csv`."""

    file: str
    path: Path
    sha256: str
    """"" when it could not be read."""
    kind: str
    status: str
    reason: str
    width: int
    height: int

    @property
    def name_on_disk(self) -> str:
        """`file` with the characters that the file system has, for readers that look for it there; bytes that
        are not UTF-8 stay escapes, for JSON has no way to write them."""
        names = self.file.split("/")
        pairs = zip(names, self.path.parts[-len(names) :], strict=True)
        return "/".join(there if _is_named(there, name) else name for name, there in pairs)


class FrameDetection(NamedTuple):
    """A box and what the machine takes it for; pixels of the upright frame."""

    id: str
    class_id: int
    confidence: float
    shown: bool
    """Whether it reaches its class's threshold."""
    ambiguous: bool
    rival_class_id: int
    """-1 for none."""
    rival_confidence: float
    left: float
    top: float
    right: float
    bottom: float


class ReportFrame(NamedTuple):
    """A photo, or a frame of a video, that was looked at."""

    frame_index: int
    time_seconds: float
    width: int
    height: int
    annotated: str
    """Its picture in the report with boxes drawn, "" for none."""
    detections: tuple[FrameDetection, ...]
    """All down to the floor, the surest first."""

    @property
    def shown(self) -> tuple[FrameDetection, ...]:
        """The detections that reach their class's threshold."""
        return tuple(one for one in self.detections if one.shown)


def _is_named(there: str, name: str) -> bool:
    """Whether the tables call a part of a path so, and JSON can hold it."""
    return table_name(there) == name and not any("\ud800" <= one <= "\udfff" for one in there)


def read_files(source: ExportSource) -> Iterator[ReportFile]:
    """All rows of `files.csv` in its order."""
    for file, path, *rest in source.connection.execute(FILES):
        yield ReportFile(file, Path(os.fsdecode(path)), *rest)


def read_contents(source: ExportSource) -> Iterator[list[ReportFile]]:
    """The files that could be read, exact copies together, in order of their hash."""
    rows = source.connection.execute(
        "SELECT file, path, sha256, kind, status, reason, width, height FROM temp.files "
        "WHERE sha256 != '' ORDER BY sha256, file, path"
    )
    files = (ReportFile(file, Path(os.fsdecode(path)), *rest) for file, path, *rest in rows)
    for _, copies in itertools.groupby(files, key=lambda one: one.sha256):
        yield list(copies)


def read_frames(source: ExportSource, file: ReportFile) -> Iterator[ReportFrame]:
    """The frames of a file that were looked at, in order of time."""
    rows = source.connection.execute(FRAMES, (file.sha256,))
    for (index, seconds), group in itertools.groupby(rows, key=lambda row: row[:2]):
        found = list(group)
        width, height, annotated = found[0][2:5]
        if width is None:
            yield ReportFrame(index, seconds, file.width, file.height, "", ())
        else:
            detections = tuple(_detections(file.sha256, index, (row[5:] for row in found)))
            yield ReportFrame(index, seconds, width, height, annotated, detections)


def _detections(
    sha256: str, frame_index: int, rows: Iterable[tuple[int, int, float, int, int, *tuple[float, ...]]]
) -> Iterator[FrameDetection]:
    for rank, class_id, confidence, shown, ambiguous, *rest in rows:
        name = detection_id(sha256, frame_index, rank)
        yield FrameDetection(name, class_id, confidence, bool(shown), bool(ambiguous), *rest)  # type: ignore[arg-type]
