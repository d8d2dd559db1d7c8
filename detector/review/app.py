"""A report folder in, the review's web application out."""

import mimetypes
import secrets
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

from flask import Flask, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from detector.journal import connect_for_review, define_views, read_database
from detector.report import read_description
from detector.review.api import api
from detector.review.desk import Desk
from detector.review.guard import guard
from detector.review.pages import pages
from detector.review.pictures import Pictures
from detector.review.reading import read_collection
from detector.review.store import VerdictStore

MAX_REQUEST_BYTES = 1 << 20
STATIC = Path(__file__).parent / "static"


def create_app(folder: Path, token: str, port: int, reviewer: str = "") -> Flask:
    """The application for a report, to be served at 127.0.0.1 and `port` to who has the token.

    `reviewer` is the name to begin with, "" asks for it. Raises ReportFolderError when the folder is no
    report, a scan is writing to it, or the last one did not come to its end.
    """
    app = Flask("detector.review", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES
    app.jinja_env.autoescape = True
    app.extensions["tickets"] = guard(app, token, port)
    app.extensions["desk"] = open_desk(folder, reviewer)
    _add_static_files(app)
    app.register_blueprint(pages)
    app.register_blueprint(api)
    app.register_error_handler(HTTPException, _explain)
    return app


def open_desk(folder: Path, reviewer: str) -> Desk:
    """Reads the report and connects to its journal. Raises ReportFolderError."""
    connection = connect_for_review(folder)
    with ExitStack() as on_failure:
        on_failure.callback(connection.close)
        with read_database(folder) as reading:
            read_description(folder, reading)
            collection = read_collection(reading, folder, define_views(reading))
        on_failure.pop_all()
    cookie = f"reviewer_{secrets.token_hex(4)}"
    return Desk(folder, collection, VerdictStore(connection), Pictures(collection), reviewer, cookie)


def _add_static_files(app: Flask) -> None:
    """From memory: Flask's own route leaves a file open when the browser hangs up before it is read."""
    files = {path.relative_to(STATIC).as_posix(): path.read_bytes() for path in STATIC.rglob("*.*")}

    @app.get("/static/<path:filename>", endpoint="static")
    def send_file(filename: str) -> Response:
        if filename not in files:
            abort(HTTPStatus.NOT_FOUND, "The review has no such file.")
        return Response(files[filename], mimetype=mimetypes.guess_type(filename)[0])


def _explain(error: HTTPException) -> Response:
    """One sentence, as text or, to a script that asked for JSON, as that."""
    text = error.description or "Something is wrong."
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if request.path.startswith("/api/"):
        answer = jsonify(error=text)
    else:
        answer = Response(text + "\n", mimetype="text/plain")
    answer.status_code = status
    return answer
