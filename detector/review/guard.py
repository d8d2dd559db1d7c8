"""Requests in, only those of the person who started the review out."""

import hmac
import secrets
from http import HTTPStatus

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
ENTER = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/">
<title>Review</title><link rel="icon" href="/static/icon.svg"><a href="/">To the review</a></html>"""
READING = frozenset(("GET", "HEAD"))


def guard(app: Flask, token: str, port: int) -> None:
    """Lets nobody in without the token, nothing change but by POST from these pages themselves.

    The token of the opened address is exchanged for a cookie that scripts and other sites do not get, and
    an address without it is opened. Only requests for 127.0.0.1 or localhost are answered, so that no name
    of a stranger's can be made to point here (DNS rebinding).
    """
    hosts = frozenset((f"127.0.0.1:{port}", f"localhost:{port}"))
    cookie = f"review_{port}"  # cookies know no ports
    session = secrets.token_urlsafe(32)

    @app.before_request
    def refuse_strangers() -> AnyResponse | None:
        if request.host not in hosts:
            abort(HTTPStatus.MISDIRECTED_REQUEST, "This page answers at 127.0.0.1 only.")
        if request.method not in READING:
            if request.headers.get("Origin") != f"http://{request.host}":
                abort(HTTPStatus.FORBIDDEN, "Changes are taken from this page's own address only.")
        elif _same(request.args.get("token", ""), token):
            answer = Response(ENTER, mimetype="text/html")
            answer.set_cookie(cookie, session, httponly=True, samesite="Strict")
            return answer
        if not _same(request.cookies.get(cookie, ""), session):
            abort(HTTPStatus.FORBIDDEN, "Open the address that the command detector review has printed.")
        return None

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())
