"""An item in, what the page shows of it out, as plain data."""

from typing import Any
from urllib.parse import quote

from detector.journal import DISPUTED, MISSED, NOTHING_ELSE, Verdict, settle_one
from detector.review.collection import Content, Detection, ShownFrame
from detector.review.desk import Desk
from detector.review.store import Standing

FILES_SHOWN = 5
TEXT_LENGTH = 1500  # characters of a post
ALIKE_OFFERED = 200


def describe_item(
    desk: Desk, name: str, standing: Standing, reviewer: str, *, open_cards: bool
) -> dict[str, Any]:
    """A detection or a frame with all that belongs to it.

    What others said is told only with `open_cards`, or once the reviewer has judged too: a second opinion
    is one's own. Raises KeyError for an unknown name.
    """
    detection = desk.collection.detections.get(name)
    frame = detection.frame if detection else desk.collection.frames[name]
    item = {"id": name, "kind": "detection" if detection else "frame"} | _describe_frame(
        desk, frame, standing, reviewer
    )
    if detection:
        item |= _describe_detection(desk, detection, standing, reviewer)
        mine = standing.by(reviewer, name)
        rows = standing.on_detection.get(name, ())
        item["disputed"] = bool(rows) and settle_one(rows).verdict == DISPUTED
        item["mine"] = _describe_verdict(mine) if mine else None
        item["others"] = [
            _describe_verdict(row) for row in rows if row.reviewer != reviewer and (mine or open_cards)
        ]
    return item


def describe_thumbnail(desk: Desk, name: str, standing: Standing, reviewer: str) -> dict[str, Any]:
    """A detection as small as it gets."""
    one = desk.collection.detections[name]
    mine = standing.by(reviewer, name)
    return {
        "id": name,
        "crop": _address(one.crop),
        "label": one.label,
        "confidence": round(one.confidence, 3),
        "ambiguous": one.ambiguous,
        "file": desk.collection.contents[one.frame.sha256].files[0].name,
        "time_seconds": round(one.frame.time_seconds, 2),
        "kind": desk.collection.contents[one.frame.sha256].kind,
        "verdict": mine.verdict if mine else "",
    }


def _describe_detection(desk: Desk, one: Detection, standing: Standing, reviewer: str) -> dict[str, Any]:
    collection = desk.collection
    alike = [name for name in collection.alike.get((one.picture, one.label), ()) if name != one.id]
    event = collection.events.get(one.event)
    return {
        "label": one.label,
        "confidence": round(one.confidence, 3),
        "threshold": round(collection.thresholds[one.label], 3),
        "rival_label": one.rival_label,
        "other_label": collection.other_label(one),
        "rival_confidence": round(one.rival_confidence, 3),
        "ambiguous": one.ambiguous,
        "both_in_frame": one.both_in_frame,
        "shown": one.shown,
        "box": _shares(one.box, one.frame),
        "crop": _address(one.crop),
        "alike": _without_mine(alike, standing, reviewer),
        "event": {
            "label": event.label,
            "start_seconds": event.start_seconds,
            "end_seconds": event.end_seconds,
            "others": _without_mine(
                [name for name in collection.in_event[one.event] if name != one.id], standing, reviewer
            ),
        }
        if event
        else None,
    }


def _describe_frame(desk: Desk, frame: ShownFrame, standing: Standing, reviewer: str) -> dict[str, Any]:
    collection = desk.collection
    content = collection.contents[frame.sha256]
    of_video = list(collection.frames_of.get(frame.sha256, ()))
    place = of_video.index(frame.id) if frame.id in of_video else -1
    in_frame = collection.in_frame
    rows = standing.on_frame.get((frame.sha256, frame.frame_index), ())
    return {
        "frame": frame.id,
        "picture": _address(frame.annotated) if frame.annotated else f"original/{frame.id}",
        "original": f"original/{frame.id}",
        "unblurred": f"unblurred/{frame.id}",
        "width": frame.width,
        "height": frame.height,
        "media": content.kind,
        "time_seconds": round(frame.time_seconds, 3),
        "in_frame": list(in_frame.get(frame.id, ())),
        "before": in_frame[of_video[place - 1]][0] if place > 0 else "",
        "after": in_frame[of_video[place + 1]][0] if -1 < place < len(of_video) - 1 else "",
        "drawn": [
            {"number": row.number, "label": row.label, "mine": row.reviewer == reviewer, "note": row.note}
            | {"box": _shares((row.left, row.top, row.right, row.bottom), frame)}
            for row in rows
            if row.verdict == MISSED
        ],
        "checked": standing.is_done(reviewer, frame.sha256, frame.frame_index),
        "checked_by": [row.reviewer for row in rows if row.verdict == NOTHING_ELSE],
        "cluster_size": content.cluster_size,
        "copies": _describe_copies(desk, content),
        "file_count": len(content.files),
        "files": [
            {
                "name": file.name,
                "source_url": file.source_url,
                "platform": file.platform,
                "author": file.author,
                "posted_at": file.posted_at,
                "captured_at": file.captured_at,
                "text": file.post_text[:TEXT_LENGTH],
                "warning": file.post_warning or file.reason,
            }
            for file in content.files[:FILES_SHOWN]
        ],
    }


def _describe_copies(desk: Desk, content: Content) -> list[dict[str, str]]:
    """Others of its cluster, each with its first post and an item to open, "" for none."""
    collection = desk.collection
    copies: list[dict[str, str]] = []
    for sha256 in collection.in_cluster.get(content.cluster, ()):
        if sha256 != content.sha256 and len(copies) < FILES_SHOWN:
            other = collection.contents[sha256]
            frames = collection.frames_of.get(sha256, ())
            item = collection.in_frame[frames[0]][0] if frames else ""
            copies.append({"name": other.files[0].name, "dated": other.dated, "item": item})
    return copies


def _without_mine(names: list[str], standing: Standing, reviewer: str) -> list[str]:
    return [name for name in names if not standing.by(reviewer, name)][:ALIKE_OFFERED]


def _describe_verdict(row: Verdict) -> dict[str, Any]:
    return {
        "number": row.number,
        "verdict": row.verdict,
        "label": row.label,
        "reviewer": row.reviewer,
        "note": row.note,
        "at": row.at,
    }


def _shares(box: tuple[float, float, float, float], frame: ShownFrame) -> list[float]:
    """Left, top, width and height as shares of the frame's."""
    left, top, right, bottom = box
    return [
        round(value, 5)
        for value in (
            *(left / frame.width, top / frame.height),
            *((right - left) / frame.width, (bottom - top) / frame.height),
        )
    ]


def _address(picture: str) -> str:
    return f"picture/{quote(picture)}"
