"""What axe-core says of the review, in both colour schemes and on a telephone."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.accessibility import find_violations, needs_axe
from tests.review.conftest import OpenReview, Serve, wait_shown

PAGES = ("/grid?queue=confidence", "/progress", "/name")


@needs_axe
@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (1400, "dark"), (400, "light")])
def test_nobody_is_shut_out_of_the_review(
    serve: Serve, open_review: OpenReview, report: Path, width: int, scheme: str
) -> None:
    address = serve(report)
    page = open_review(address, viewport={"width": width, "height": 900}, color_scheme=scheme)
    home = page.url.split("/?")[0]
    wait_shown(page)
    found = {"/": find_violations(page)}
    page.keyboard.press("?")
    expect(page.locator("dialog[open]")).to_have_count(1)
    found["keys"] = find_violations(page)
    for place in PAGES:
        page.goto(home + place)
        found[place] = find_violations(page)
    assert found == {place: [] for place in found}
