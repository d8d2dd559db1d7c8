"""What tests of the review in a browser need."""

import re
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, expect
from werkzeug.serving import make_server

from detector.review.app import create_app
from tests.conftest import BROWSER_MS
from tests.reviewing import copy_reviewable


@pytest.fixture
def report(reviewable: Path, tmp_path: Path) -> Path:
    return copy_reviewable(reviewable, tmp_path)


Serve = Callable[[Path], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves a report as the command does; gives the address with its token."""
    servers = []

    def start(report: Path) -> str:
        token = secrets.token_urlsafe(8)
        probe = make_server("127.0.0.1", 0, lambda _environ, _start: [])
        port = probe.server_port
        probe.server_close()
        app = create_app(report, token, port)
        server = make_server("127.0.0.1", port, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread, app))
        return f"http://127.0.0.1:{port}/?token={token}"

    yield start
    for server, thread, app in servers:
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions["desk"].store.close()


OpenReview = Callable[..., Page]


@pytest.fixture
def open_review(browser: Browser) -> Iterator[OpenReview]:
    """Opens a review in a browser of its own, which must neither complain nor ask anything of others."""
    complaints: list[str] = []
    contexts = []

    def open_one(address: str, name: str = "Ann", **options: Any) -> Page:
        context = browser.new_context(**({"viewport": {"width": 1400, "height": 900}} | options))
        contexts.append(context)
        context.set_default_timeout(BROWSER_MS)
        page = context.new_page()
        home = address.split("/?")[0]

        def note_request(request: Request) -> None:
            if not request.url.startswith(home):
                complaints.append(request.url)

        def note_complaint(text: str) -> None:
            if not re.search(
                "ERR_INTERNET_DISCONNECTED|410", text
            ):  # a test has cut the connection, the file
                complaints.append(text)

        page.on("request", note_request)
        page.on("console", lambda message: note_complaint(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.add_init_script("window.hacked = () => { window.wasHacked = true; }")
        page.goto(address)
        field = page.get_by_label("Your name or initials")
        expect(field).to_be_focused()
        field.fill(name)
        page.keyboard.press("Enter")
        wait_shown(page)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def wait_shown(page: Page) -> str:
    """Waits until the item's picture is on the screen; gives the item's id."""
    expect(page.locator("body")).to_have_attribute("data-shown", re.compile("."))
    for _ in range(BROWSER_MS // 10):
        wanted, shown = page.evaluate("[document.body.dataset.wanted, document.body.dataset.shown]")
        if wanted == shown:
            return str(shown)
        page.wait_for_timeout(10)
    raise AssertionError(f"{wanted} is not shown, but {shown}")
