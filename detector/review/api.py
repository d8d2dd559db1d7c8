"""What the page's script asks and tells, as JSON."""

from http import HTTPStatus

from flask import Blueprint, Response, abort, jsonify, request

from detector.errors import ReportFolderError
from detector.journal import CONFIRMED, DISPUTED, MISSED, NOTHING_ELSE, ON_DETECTION, OTHER_FLAG
from detector.report import rewrite_report
from detector.review.cards import describe_item, describe_thumbnail
from detector.review.desk import MAX_NOTE, clean_text, current_reviewer, desk
from detector.review.queues import QUEUES
from detector.review.store import Given
from detector.review.told import Told, read_box, read_names, read_number, read_text, read_told, refuse

MAX_ITEMS = 250  # asked for at once, or judged at once
LONGEST = 200  # characters of a verdict, an id or a label
SMALLEST_BOX = 1.0  # pixel on each side

api = Blueprint("api", __name__, url_prefix="/api")


@api.get("/queue")
def read_queue() -> Response:
    """The ids of a queue, which of them the reviewer has done, and where they left it."""
    reviewer, name = _reviewer(), request.args.get("queue", "")
    if name not in QUEUES:
        abort(HTTPStatus.NOT_FOUND, "There is no such queue.")
    collection, standing = desk().collection, desk().store.standing()
    ids = QUEUES[name].order(collection, standing, reviewer)
    text = request.args.get("text", "").strip().lower()
    if text:
        ids = [one for one in ids if collection.mentions(one, text)]
    done = []
    for one in ids:
        if name == DISPUTED:
            continue  # whoever has judged it: it is open as long as it is disputed
        if one in collection.detections:
            if standing.by(reviewer, one):
                done.append(one)
        else:
            frame = collection.frames[one]
            rows = standing.on_frame.get((frame.sha256, frame.frame_index), ())
            if any(row.reviewer == reviewer for row in rows):
                done.append(one)
    return jsonify(ids=ids, done=done, position=desk().store.position(reviewer, name))


@api.get("/items")
def read_items() -> Response:
    """What the page shows of some items."""
    reviewer, standing = _reviewer(), desk().store.standing()
    names = request.args.get("ids", "").split(",")[:MAX_ITEMS]
    known = [
        name for name in names if name in desk().collection.detections or name in desk().collection.frames
    ]
    if "small" in request.args:
        small = [name for name in known if name in desk().collection.detections]
        return jsonify([describe_thumbnail(desk(), name, standing, reviewer) for name in small])
    open_cards = request.args.get("queue") == "disputed"
    return jsonify([describe_item(desk(), name, standing, reviewer, open_cards=open_cards) for name in known])


@api.post("/verdicts")
def add_verdicts() -> Response:
    """One decision: on one or several detections, or on a frame."""
    reviewer, told = _reviewer(), read_told()
    verdict = read_text(told, "verdict", LONGEST)
    note = clean_text(read_text(told, "note", MAX_NOTE))
    if verdict in ON_DETECTION:
        given = [_judge(name, verdict, note) for name in read_names(told, "ids", MAX_ITEMS)]
    elif verdict in (MISSED, NOTHING_ELSE):
        given = [_mark(told, verdict, note)]
    else:
        refuse("There is no such verdict.")
    return jsonify(numbers=desk().store.add(given, reviewer, settles=told.get("settles") is True))


@api.post("/undo")
def undo() -> Response:
    """Takes back the reviewer's last decision, or one row of theirs."""
    reviewer, told = _reviewer(), read_told()
    taken = desk().store.undo(reviewer, read_number(told, "number"))
    frames = [desk().collection.frames.values()] if any(not row.detection_id for row in taken) else []
    places = {(one.sha256, one.frame_index): one.id for some in frames for one in some}
    ids = [row.detection_id or places.get((row.sha256, row.frame_index), "") for row in taken]
    return jsonify(ids=ids, verdicts=[row.verdict for row in taken])


@api.post("/position")
def move() -> Response:
    """Notes where the reviewer is."""
    reviewer, told = _reviewer(), read_told()
    queue, item = read_text(told, "queue", LONGEST), read_text(told, "item", LONGEST)
    known = desk().collection
    if queue not in QUEUES or (item not in known.detections and item not in known.frames):
        refuse("There is no such place.")
    desk().store.move(reviewer, queue, item)
    return jsonify({})


@api.post("/tables")
def write_tables() -> Response:
    """Writes the report's tables with the verdicts so far."""
    _reviewer()
    try:
        rewrite_report(desk().folder)
    except ReportFolderError as error:
        abort(HTTPStatus.CONFLICT, str(error))
    return jsonify({})


def _judge(name: str, verdict: str, note: str) -> Given:
    detection = desk().collection.detections.get(name)
    if not detection:
        abort(HTTPStatus.NOT_FOUND, "There is no such detection.")
    label = ""
    if verdict == CONFIRMED:
        label = detection.label
    elif verdict == OTHER_FLAG:
        label = desk().collection.other_label(detection)
        if not label:
            refuse("These weights know one flag only.")
    frame = detection.frame
    return Given(name, frame.sha256, frame.frame_index, verdict, label, note=note)


def _mark(told: Told, verdict: str, note: str) -> Given:
    frame = desk().collection.frames.get(read_text(told, "frame", LONGEST))
    if not frame:
        abort(HTTPStatus.NOT_FOUND, "There is no such frame.")
    if verdict == NOTHING_ELSE:
        return Given("", frame.sha256, frame.frame_index, verdict, note=note)
    label = read_text(told, "label", LONGEST)
    if label not in desk().collection.class_names:
        refuse("There is no such flag.")
    left, top, width, height = read_box(told, "box")
    right, bottom = min(left + width, 1.0) * frame.width, min(top + height, 1.0) * frame.height
    left, top = max(left, 0.0) * frame.width, max(top, 0.0) * frame.height
    if not (right - left >= SMALLEST_BOX and bottom - top >= SMALLEST_BOX):
        refuse("The box is empty or outside the picture.")
    return Given("", frame.sha256, frame.frame_index, verdict, label, (left, top, right, bottom), note)


def _reviewer() -> str:
    reviewer = current_reviewer()
    if not reviewer:
        abort(HTTPStatus.UNAUTHORIZED, "Who is reviewing? Open the first page again.")
    return reviewer
