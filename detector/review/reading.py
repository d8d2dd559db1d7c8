"""A report's journal in, all that a review shows out: read once, so that a scan disturbs nobody."""

import hashlib
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from detector.ids import ID_DIGITS, frame_id
from detector.journal import ReportInfo
from detector.review.collection import (
    Collection,
    Content,
    Detection,
    Event,
    ReportFile,
    ShownFrame,
)

SAMPLE_SIZE = 500  # files; when 500 show nothing missed, fewer than 1 in 100 are missed (95 %)
SAMPLE_SEED = "review"  # the order is the hash of this and the content: the same at every start
DETECTIONS = """
SELECT id, sha256, frame_index, rank, time_seconds, label, confidence, rival_label, rival_confidence,
       ambiguous, both_in_frame, "left", top, "right", bottom, frame_width, frame_height, annotated,
       crop, picture
FROM temp.{view} WHERE sha256 IN (SELECT sha256 FROM temp.files) AND crop != ''
"""
FILES = """
SELECT file, path, sha256, kind, bytes, cluster, cluster_size, width, height, source_url, platform, author,
       posted_at, post_text, post_warning, captured_at, reason
FROM temp.files WHERE sha256 != '' ORDER BY sha256, file, path
"""


def read_collection(connection: sqlite3.Connection, folder: Path, info: ReportInfo) -> Collection:
    """Reads the views of `define_views`."""
    contents = _read_contents(connection)
    events, event_of = _read_events(connection)
    detections: dict[str, Detection] = {}
    frames: dict[str, ShownFrame] = {}
    for shown, view in ((True, "shown"), (False, "almost")):
        for row in connection.execute(DETECTIONS.format(view=view)):
            one = _make_detection(row, frames, event_of, shown=shown)
            detections[one.id] = one
    names = {sha256: content.files[0].name for sha256, content in contents.items()}
    ordered = sorted(
        detections.values(),
        key=lambda one: (names[one.frame.sha256], one.frame.sha256, one.frame.frame_index, one.id),
    )
    sample, without = _draw_sample(connection, contents, {d.frame.sha256 for d in ordered if d.shown})
    frames_of, in_frame, alike, in_event = _group(ordered)
    return Collection(
        folder=folder,
        class_names=info.class_names,
        thresholds=dict(zip(info.class_names, info.thresholds, strict=True)),
        show_faces=info.identity.get("show_faces") == "true",
        contents=contents,
        detections={one.id: one for one in ordered},
        frames={one.id: one for one in sample} | frames,
        events=events,
        sample=tuple(one.id for one in sample),
        without_detection=without,
        frames_of=frames_of,
        in_frame=in_frame,
        alike=alike,
        in_event=in_event,
        in_cluster=_group_by_cluster(contents),
    )


def _read_contents(connection: sqlite3.Connection) -> dict[str, Content]:
    contents: dict[str, Content] = {}
    for name, path, sha256, kind, size, cluster, cluster_size, _, _, *post in connection.execute(FILES):
        file = ReportFile(name, Path(os.fsdecode(path)), *post)
        known = contents.get(sha256)
        files = (*known.files, file) if known else (file,)
        contents[sha256] = Content(sha256, kind, size, cluster, cluster_size, files)
    return contents


def _group_by_cluster(contents: Mapping[str, Content]) -> dict[str, list[str]]:
    clusters: dict[str, list[str]] = {}
    for one in contents.values():
        if one.cluster:
            clusters.setdefault(one.cluster, []).append(one.sha256)
    return clusters


def _read_events(
    connection: sqlite3.Connection,
) -> tuple[dict[str, Event], dict[tuple[str, str], list[Event]]]:
    events: dict[str, Event] = {}
    of_content: dict[tuple[str, str], list[Event]] = {}
    for name, sha256, label, start, end in connection.execute(
        "SELECT event_id, sha256, label, start_seconds, end_seconds FROM events "
        "JOIN temp.classes USING (class_id) ORDER BY start_seconds"
    ):
        events[name] = Event(name, label, start, end)
        of_content.setdefault((sha256, label), []).append(events[name])
    return events, of_content


def _make_detection(
    row: tuple[Any, ...],
    frames: dict[str, ShownFrame],
    event_of: Mapping[tuple[str, str], Sequence[Event]],
    *,
    shown: bool,
) -> Detection:
    name, sha256, index, _, seconds, label, confidence, rival, rival_confidence, ambiguous, both, *rest = row
    left, top, right, bottom, width, height, annotated, crop, picture = rest
    frame = ShownFrame(frame_id(sha256, index), sha256, index, seconds, width, height, annotated)
    frame = frames.setdefault(frame.id, frame)
    event = next(
        (
            one.id
            for one in event_of.get((frame.sha256, label), ())
            if one.start_seconds <= frame.time_seconds <= one.end_seconds
        ),
        "",
    )
    box = (left, top, right, bottom)
    return Detection(
        *(name, frame, label, confidence, rival, rival_confidence, bool(ambiguous), bool(both), shown, box),
        *(crop, picture, event if shown else ""),
    )


def _draw_sample(
    connection: sqlite3.Connection, contents: Mapping[str, Content], with_detection: set[str]
) -> tuple[list[ShownFrame], int]:
    """A frame of each file in which nothing is shown, in random order, and how many such files there are."""
    sizes: dict[str, tuple[int, int]] = {
        sha256: (width, height)
        for sha256, width, height in connection.execute("SELECT sha256, width, height FROM temp.files")
    }
    without = [one for one in contents if one not in with_detection and sizes[one][0] and sizes[one][1]]
    drawn = sorted(without, key=lambda sha256: _turn(sha256, ""))[:SAMPLE_SIZE]
    sample = []
    for sha256 in drawn:
        looked_at = connection.execute(
            "SELECT frame_index, time_seconds FROM frames WHERE sha256 = ?", (sha256,)
        ).fetchall()
        if looked_at:
            index, seconds = min(looked_at, key=lambda one: _turn(sha256, str(one[0])))
            sample.append(ShownFrame(frame_id(sha256, index), sha256, index, seconds, *sizes[sha256], ""))
    return sample, len(without)


def _turn(sha256: str, part: str) -> bytes:
    return hashlib.sha256(f"{SAMPLE_SEED} {sha256[:ID_DIGITS]} {part}".encode()).digest()


def _group(
    detections: Sequence[Detection],
) -> tuple[
    dict[str, list[str]], dict[str, list[str]], dict[tuple[str, str], list[str]], dict[str, list[str]]
]:
    frames_of: dict[str, list[str]] = {}
    in_frame: dict[str, list[str]] = {}
    alike: dict[tuple[str, str], list[str]] = {}
    in_event: dict[str, list[str]] = {}
    for one in detections:
        in_frame.setdefault(one.frame.id, []).append(one.id)
        of_content = frames_of.setdefault(one.frame.sha256, [])
        if not of_content or of_content[-1] != one.frame.id:
            of_content.append(one.frame.id)
        if one.picture:
            alike.setdefault((one.picture, one.label), []).append(one.id)
        if one.event:
            in_event.setdefault(one.event, []).append(one.id)
    return frames_of, in_frame, alike, in_event
