"""Requests in, only those of the person who started the review out."""

import hmac
import secrets
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, abort, request
from werkzeug.wrappers import Response as AnyResponse

# No page of another site can frame, script or post to this one, and this one reaches nothing but itself.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # no-referrer would take the Origin from this page's own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# A page, not a redirect: after a click elsewhere a redirect would come without the cookie, as that is strict.
ENTER = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Review</title>
<meta http-equiv="refresh" content="0;url={home}"><link rel="icon" href="{home}static/icon.svg">
<a href="{home}">To the review</a></html>"""
READING = frozenset(("GET", "HEAD"))
HTTP_PORT = 80  # browsers leave it out of addresses


class Tickets:
    """Tokens that open the review once each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Callable[[], None]] = {}

    def make(self, used: Callable[[], None]) -> str:
        """A new one; `used` is called when it has opened the review."""
        ticket = secrets.token_urlsafe(32)
        with self._lock:
            self._open[ticket] = used
        return ticket

    def take(self, given: str) -> bool:
        """Whether the review is opened by this; it is not by the same a second time."""
        with self._lock:
            ticket = next((one for one in self._open if _same(given, one)), "")
            used = self._open.pop(ticket, None)
        if used:
            used()
        return used is not None


def guard(app: Flask, token: str, port: int) -> Tickets:
    """Lets nobody in without the token or a ticket, nothing change but by POST from these pages themselves.

    The token of the opened address is exchanged for two secrets. A key begins the path of every page and
    request. A cookie, which scripts do not get, is sent below that path only: other servers at 127.0.0.1
    have another path, so browsers do not send it to them, though cookies know no ports. One is nothing
    without the other. Only requests for 127.0.0.1 or localhost are answered, so that no name of a
    stranger's can be made to point here (DNS rebinding).
    """
    hosts = frozenset(name if port == HTTP_PORT else f"{name}:{port}" for name in ("127.0.0.1", "localhost"))
    cookie = f"review_{port}"
    session, home = secrets.token_urlsafe(32), f"/{secrets.token_urlsafe(16)}"
    tickets = Tickets()
    app.wsgi_app = _below(home, app.wsgi_app)  # type: ignore[method-assign]

    @app.before_request
    def refuse_strangers() -> AnyResponse | None:
        if request.host not in hosts:
            abort(HTTPStatus.MISDIRECTED_REQUEST, "This page answers at 127.0.0.1 only.")
        if request.method not in READING:
            if request.headers.get("Origin") != f"http://{request.host}":
                abort(HTTPStatus.FORBIDDEN, "Changes are taken from this page's own address only.")
        elif _opens(request.args.get("token", "")):
            answer = Response(ENTER.format(home=f"{home}/"), mimetype="text/html")
            answer.set_cookie(cookie, session, path=f"{home}/", httponly=True, samesite="Strict")
            return answer
        if request.script_root != home or not _same(request.cookies.get(cookie, ""), session):
            abort(HTTPStatus.FORBIDDEN, "Open the address that the command detector review has printed.")
        return None

    def _opens(given: str) -> bool:
        return _same(given, token) or tickets.take(given)

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    return tickets


def _below(home: str, app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """The application below a path; it finds in `script_root` whether a request came that way."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if _same(path[: len(home) + 1], f"{home}/"):
            environ["SCRIPT_NAME"], environ["PATH_INFO"] = home, path[len(home) :]
        return app(environ, start_response)

    return answer


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())
