"""The pages of a review, and the pictures on them."""

from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from detector.errors import MediaError
from detector.review.cards import describe_thumbnail
from detector.review.desk import clean_name, current_reviewer, desk
from detector.review.progress import measure_progress
from detector.review.queues import QUEUES

PER_PAGE = 60
FLAGS = Path(__file__).parent / "static" / "flags"

pages = Blueprint("pages", __name__)


@pages.get("/")
def show_review() -> AnyResponse | str:
    """One detection at a time."""
    if not current_reviewer():
        return redirect(url_for(".show_name"), HTTPStatus.SEE_OTHER)
    return _render("review.html", class_names=desk().collection.class_names, flags=_reference_flags())


@pages.get("/name")
def show_name() -> str:
    """Asks who is reviewing."""
    return _render("name.html")


@pages.post("/name")
def choose_name() -> AnyResponse:
    """Remembers who is reviewing in this browser."""
    name = clean_name(request.form.get("reviewer", ""))
    if not name:
        abort(HTTPStatus.BAD_REQUEST, "A reviewer has a name, or at least initials.")
    answer = redirect(url_for(".show_review"), HTTPStatus.SEE_OTHER)
    path = f"{request.script_root}/"  # other servers at 127.0.0.1 do not get it
    answer.set_cookie(desk().cookie, quote(name), path=path, httponly=True, samesite="Strict")
    return answer


@pages.get("/grid")
def show_grid() -> AnyResponse | str:
    """Many detections of a queue at once."""
    reviewer = current_reviewer()
    if not reviewer:
        return redirect(url_for(".show_name"), HTTPStatus.SEE_OTHER)
    queue = QUEUES.get(request.args.get("queue", ""), QUEUES["confidence"])
    standing = desk().store.standing()
    names = queue.order(desk().collection, standing, reviewer)
    names = [name for name in names if name in desk().collection.detections]
    if request.args.get("open"):
        names = [name for name in names if not standing.by(reviewer, name)]
    total = len(names)
    behind = _gather_events(names)
    names = list(behind)
    count = max(1, -(-len(names) // PER_PAGE))
    page = min(max(1, request.args.get("page", 1, type=int)), count)
    shown = names[(page - 1) * PER_PAGE : page * PER_PAGE]
    cards = [
        describe_thumbnail(desk(), name, standing, reviewer)
        | {"others": [describe_thumbnail(desk(), one, standing, reviewer) for one in behind[name]]}
        for name in shown
    ]
    return _render("grid.html", queue=queue, cards=cards, page=page, page_count=count, total=total)


@pages.get("/progress")
def show_progress() -> str:
    """How far the review has come and what it tells."""
    progress = measure_progress(desk().collection, desk().store.standing())
    return _render("progress.html", progress=progress)


@pages.get("/picture/<path:name>")
def send_picture(name: str) -> Response:
    """A picture of the report."""
    try:
        return Response(desk().pictures.of_report(name), mimetype="image/jpeg")
    except (KeyError, OSError):
        abort(HTTPStatus.NOT_FOUND, "The report has no such picture.")


@pages.get("/original/<name>")
def send_original(name: str) -> Response:
    """A frame as it was scanned, without marks."""
    return _send_original(name, unblurred=False)


@pages.get("/unblurred/<name>")
def send_unblurred(name: str) -> Response:
    """The same with its faces, for a reviewer's look."""
    return _send_original(name, unblurred=True)


def _send_original(name: str, *, unblurred: bool) -> Response:
    try:
        return Response(desk().pictures.of_original(name, unblurred=unblurred), mimetype="image/jpeg")
    except KeyError:
        abort(HTTPStatus.NOT_FOUND, "The report has no such frame.")
    except MediaError as error:
        abort(HTTPStatus.GONE, str(error))


def _gather_events(names: list[str]) -> dict[str, list[str]]:
    """Each detection, of those of one event the first of the queue alone, with the others behind it."""
    first_of: dict[str, str] = {}
    behind: dict[str, list[str]] = {}
    for name in names:
        event = desk().collection.detections[name].event
        first = first_of.setdefault(event, name) if event else name
        if first == name:
            behind[name] = []
        else:
            behind[first].append(name)
    return behind


def _reference_flags() -> dict[str, list[str]]:
    """Names of the drawings of our flags and of what is taken for them."""
    return {
        folder: sorted(path.stem for path in (FLAGS / folder).glob("*.svg")) for folder in ("ours", "others")
    }


def _render(template: str, **values: object) -> str:
    return render_template(template, reviewer=current_reviewer(), queues=QUEUES.values(), **values)
