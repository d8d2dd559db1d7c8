"""What axe-core says of the page, in both colour schemes and on a telephone; and the page on paper."""

from pathlib import Path

import pytest

from tests.accessibility import find_violations, needs_axe
from tests.report.conftest import OpenPage
from tests.report.test_page import report

__all__ = ["report"]


@needs_axe
@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (1400, "dark"), (400, "light")])
def test_nobody_is_shut_out_of_the_page(open_page: OpenPage, report: Path, width: int, scheme: str) -> None:
    page = open_page(report / "index.html", width)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for details in page.locator("details").all():
        details.evaluate("(one) => { one.open = true; }")
    assert find_violations(page) == []
    picture = page.locator("#cards article img").first
    picture.scroll_into_view_if_needed()  # it is loaded when it is come to
    picture.click()
    assert page.locator("dialog[open]").count() == 1
    assert find_violations(page) == []


def test_nothing_is_cut_off_on_paper(open_page: OpenPage, report: Path) -> None:
    page = open_page(report / "index.html", 718)  # A4 without its margins
    page.emulate_media(media="print")
    for details in page.locator("details").all():
        details.evaluate("(one) => { one.open = true; }")
    cut = page.evaluate(
        "[...document.querySelectorAll('.wide')].filter((one) => one.scrollWidth > one.clientWidth"
        " || getComputedStyle(one).overflowX !== 'visible').length"
    )
    assert cut == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 718
    assert page.locator(".key").first.evaluate("(one) => getComputedStyle(one).printColorAdjust") == "exact"
