"""What tests of the page need."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request

from tests.conftest import BROWSER_MS

OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens a page, which must neither complain, nor ask anything, nor reach out of this disk."""
    complaints: list[str] = []
    opened: list[Page] = []

    def note_request(request: Request) -> None:
        if not request.url.startswith("file:"):
            complaints.append(request.url)

    def open_one(path: Path, width: int = 1400, **options: Any) -> Page:
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        opened.append(page)
        page.set_default_timeout(BROWSER_MS)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", note_request)
        page.add_init_script("window.hacked = () => { window.wasHacked = true; }")
        page.goto(path.as_uri())
        return page

    yield open_one
    for page in opened:
        page.close()
    assert complaints == []
