"""A report folder in, its tables and page anew out, with other thresholds: no file is scanned again."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector.errors import MediaError, UsageError
from detector.evidence import renew_events
from detector.frames import Frame
from detector.journal import Journal, ReportInfo, add_result, define_views, keep_thresholds
from detector.originals import read_original
from detector.pictures import write_pictures
from detector.report import Summary, refuse_changed, renew_outputs, reopen_report
from detector.settings import WorkerSettings
from detector.toolbox import sv

UNPICTURED = """
SELECT DISTINCT sha256, frame_index FROM temp.shown s WHERE sha256 IN (SELECT sha256 FROM temp.files) AND
NOT EXISTS (SELECT 1 FROM temp.shown o WHERE o.sha256 = s.sha256 AND o.class_id = s.class_id AND o.crop != '')
AND (id IN (SELECT best_detection FROM events)
     OR sha256 IN (SELECT sha256 FROM results WHERE kind = 'photo'))
"""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What was written anew."""

    before: dict[str, float]
    """Threshold of each class until now."""
    now: dict[str, float]
    files_before: dict[str, int]
    """Files that showed each flag."""
    summary: Summary
    without_picture: int
    """Pictures that could not be made, because the files are gone."""


def renew_report(folder: Path, thresholds: Mapping[str, float]) -> Renewal:
    """Writes all that comes from the journal again, with thresholds of these classes for ever.

    Raises UsageError for an unknown class or a threshold below what the journal keeps, ReportFolderError when
    the folder is no report, a scan is writing to it or its journal was changed.
    """
    with reopen_report(folder) as (journal, description):
        refuse_changed(journal, folder)
        info = define_views(journal.connection)
        before = dict(zip(info.class_names, info.thresholds, strict=True))
        floor = float(description["options"]["floor"])
        for label, threshold in thresholds.items():
            if label not in before:
                raise UsageError(f"no flag is named {label} here; there are {', '.join(before)}")
            if not floor <= threshold <= 1:
                raise UsageError(f"--threshold {label}={threshold:g}: the journal keeps {floor:g} and more")
        files_before = _count_files(journal.connection)
        gone = 0
        if thresholds:
            keep_thresholds(journal.connection, thresholds)
            info = define_views(journal.connection)
            sampling = description["options"]["sampling"]
            renew_events(journal, 0.0 if sampling["keyframes"] else float(sampling["every_seconds"]))
            gone = _write_missing_pictures(journal, folder, info)
            info = define_views(journal.connection)
            journal.seal()
        summary = renew_outputs(journal, folder, description, info)
    now = dict(zip(info.class_names, info.thresholds, strict=True))
    return Renewal(before, now, files_before, summary, gone)


def _count_files(connection: sqlite3.Connection) -> dict[str, int]:
    rows = connection.execute(
        "SELECT key, count(*) FROM temp.claimed JOIN temp.files USING (sha256) "
        "WHERE state != 'rejected' GROUP BY key"
    )
    return dict(rows.fetchall())


def _write_missing_pictures(journal: Journal, folder: Path, info: ReportInfo) -> int:
    """Pictures of what is shown by now and had none: photos, and the best frame of an event."""
    gone = 0
    for sha256, frame_index in journal.connection.execute(UNPICTURED).fetchall():
        try:
            _write_picture(journal, folder, info, sha256, frame_index)
        except MediaError:
            gone += 1
    return gone


def _write_picture(journal: Journal, folder: Path, info: ReportInfo, sha256: str, frame_index: int) -> None:
    paths = journal.paths_of(sha256)
    cursor = journal.connection.execute(
        "SELECT * FROM detections WHERE sha256 = ? AND frame_index = ? ORDER BY rank", (sha256, frame_index)
    )
    names = [column[0] for column in cursor.description]
    columns: dict[str, Any] = dict(zip(names, zip(*cursor, strict=True), strict=True))
    seconds = columns["time_seconds"][0]
    image = read_original(paths, sha256, frame_index, seconds)
    detections = sv.Detections(
        np.array([columns[side] for side in ("left", "top", "right", "bottom")], np.float32).T,
        confidence=np.array(columns["confidence"], np.float32),
        class_id=np.array(columns["class_id"]),
        data={name: np.array(columns[name]) for name in ("rival_class_id", "rival_confidence", "ambiguous")},
    )
    thresholds = np.array(info.thresholds, np.float32)
    pictured = np.asarray(detections.confidence) >= thresholds[np.asarray(detections.class_id)]
    size = int(columns["frame_width"][0]), int(columns["frame_height"][0])
    frame = Frame(frame_index, seconds, image, size)
    written = write_pictures(frame, detections, pictured, sha256, info.class_names, _settings(folder, info))
    where = (sha256, frame_index)
    with journal.connection:
        journal.connection.executemany(
            "UPDATE detections SET annotated = ?, crop = ?, crop_sha256 = ? "
            "WHERE sha256 = ? AND frame_index = ? AND rank = ? AND crop = ''",
            [
                (*(written.data[name][row] for name in ("annotated", "crop", "crop_sha256")), *where, rank)
                for row, rank in enumerate(columns["rank"])
            ],
        )
        for name, drawn, plain in zip(
            *(written.data[name][pictured] for name in ("annotated", "annotated_sha256", "plain_sha256")),
            strict=True,
        ):
            journal.connection.execute(
                "UPDATE detections SET annotated_sha256 = ?, plain_sha256 = ? "
                "WHERE sha256 = ? AND frame_index = ? AND annotated = ?",
                (drawn, plain, *where, name),
            )
        add_result(journal.connection, sha256)


def _settings(folder: Path, info: ReportInfo) -> WorkerSettings:
    return WorkerSettings(
        thresholds=info.thresholds,
        show_faces=info.identity.get("show_faces") == "true",
        out=folder.absolute(),
    )
