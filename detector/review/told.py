"""The JSON of a request in, fields of the types asked for out; whatever else it holds is a bad request."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import NoReturn

from flask import abort, request

Told = Mapping[str, object]


def read_told() -> Told:
    """The JSON object of this request."""
    try:
        told = request.get_json(silent=True)
    except RecursionError:
        told = None
    if not isinstance(told, dict):
        refuse("This is no JSON object.")
    return told


def read_text(told: Told, name: str, longest: int) -> str:
    """A text, "" when it is left out."""
    text = told.get(name, "")
    if not isinstance(text, str) or len(text) > longest:
        refuse(f"A {name} is a text of no more than {longest} characters.")
    return text


def read_number(told: Told, name: str) -> int:
    """A row's number, 0 when it is left out."""
    number = told.get(name, 0)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 1 << 63:
        refuse("A row has a number.")
    return number


def read_names(told: Told, name: str, most: int) -> list[str]:
    """Different texts, at least one."""
    names = told.get(name)
    if not isinstance(names, list) or not 0 < len(names) <= most:
        refuse(f"A decision is about 1 to {most} detections.")
    if not all(isinstance(one, str) for one in names):
        refuse("A detection's id is a text.")
    return list(dict.fromkeys(names))


def read_box(told: Told, name: str) -> tuple[float, float, float, float]:
    """Left, top, width and height as shares of the picture."""
    box = told.get(name)
    if not isinstance(box, list) or len(box) != 4 or not all(_is_share(one) for one in box):
        refuse("A box has four numbers, shares of the picture's width and height.")
    left, top, width, height = (float(one) for one in box)
    return left, top, width, height


def refuse(sentence: str) -> NoReturn:
    """Ends this request as a bad one."""
    abort(HTTPStatus.BAD_REQUEST, sentence)


def _is_share(value: object) -> bool:
    """Boxes may be drawn a little over the edge; not a number is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -2 <= value <= 2
