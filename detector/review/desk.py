"""What all requests of a review share."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import unquote

from flask import current_app, request

from detector.review.collection import Collection
from detector.review.pictures import Pictures
from detector.review.store import VerdictStore
from detector.sources import STEERING

MAX_NAME = 60  # characters
MAX_NOTE = 2000


@dataclass(frozen=True, slots=True)
class Desk:
    """A report under review."""

    folder: Path
    collection: Collection
    store: VerdictStore
    pictures: Pictures
    reviewer: str
    """Name to begin with, "" for none."""
    cookie: str
    """That holds the reviewer's name: another for each review, lest an old one overrules `reviewer`."""


def desk() -> Desk:
    """The desk of the application that answers this request."""
    return cast("Desk", current_app.extensions["desk"])


def current_reviewer() -> str:
    """The name of who is asking, "" while it is not known."""
    return clean_name(unquote(request.cookies.get(desk().cookie, ""))) or desk().reviewer


def clean_name(text: str) -> str:
    """A reviewer's name as it may be stored: of no more than `MAX_NAME` characters."""
    return clean_text(text)[:MAX_NAME].strip()


def clean_text(text: str) -> str:
    """One line of a person's text, without what steers a terminal or the direction of writing."""
    whole = text.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be stored
    return STEERING.sub("", " ".join(whole.split()))
