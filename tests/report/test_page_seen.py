"""What the page shows of pictures that were seen before, and of copies that differ."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.archive.test_known import matched, scanned
from tests.report.conftest import OpenPage
from tests.test_evidence import save, scan_to
from tests.test_parts import detailed, painted

__all__ = ["matched", "scanned"]


def test_the_page_shows_both_pictures_and_filters_what_was_seen_before(
    matched: Path, open_page: OpenPage
) -> None:
    page = open_page(matched / "index.html", 1400)
    card = page.locator("article").filter(has_text="certain.jpg")
    assert "Seen before: what looks like certain.jpg was posted at least 3 years earlier" in card.inner_text()
    assert card.locator(".badge", has_text="seen before: at least 3 years earlier").count() == 1
    assert card.locator(".pair img").count() == 3
    image = card.locator(".pair img").first
    image.scroll_into_view_if_needed()
    page.wait_for_function("(image) => image.naturalWidth > 100", arg=image.element_handle())
    page.select_option("#known", "certain")
    assert page.locator("article").count() == 2
    page.select_option("#known", "possible")
    assert page.locator("article").count() == 3
    assert "Perhaps seen before" in page.locator("article").filter(has_text="day.jpg").inner_text()


def test_what_was_surely_seen_before_leads_and_can_be_put_in_order(
    matched: Path, open_page: OpenPage
) -> None:
    page = open_page(matched / "index.html", 1400)
    files = page.locator("article .files")
    certain = [re.compile("^frame.png"), re.compile("^certain.jpg")]
    assert files.count() == 8
    expect(page.locator("article:nth-child(-n + 2) .files")).to_have_text(certain)
    page.select_option("#order", "before")
    expect(page.locator("article:nth-child(-n + 3) .files")).to_have_text([*certain, re.compile("^day.jpg")])
    assert "unseen.png" in files.last.inner_text()


def test_copies_of_one_older_picture_share_a_comparison(matched: Path, open_page: OpenPage) -> None:
    page = open_page(matched / "index.html", 1400)
    page.evaluate("""() => {
        const card = cards.find((one) => one.contents[0].files[0].file === "certain.jpg");
        const [first] = card.contents;
        card.contents.push({ ...first, sha256: "again", files: [{ ...first.files[0], file: "again.jpg" }] });
        data.known.again = data.known[first.sha256];
        drawPage();
    }""")
    card = page.locator("article").filter(has_text="again.jpg")
    expect(card.locator(".pair")).to_have_count(1)
    card.get_by_text("1 more copy looks like it").click()
    expect(card.locator(".pair")).to_have_count(2)
    expect(card.locator(".pair").last).to_contain_text("again.jpg")


def test_a_report_that_asked_no_archive_has_neither_badge_nor_filter(
    scanned: Path, open_page: OpenPage
) -> None:
    page = open_page(scanned / "new" / "index.html", 1400)
    assert not page.locator("#known").is_visible()
    assert "Seen before" not in page.locator("#cards").inner_text()


def test_the_page_marks_where_a_copy_differs(tmp_path: Path, fake_weights: Path, open_page: OpenPage) -> None:
    save(detailed(1), tmp_path / "in" / "first.png")
    save(painted(detailed(1)), tmp_path / "in" / "painted.png")
    (tmp_path / "in" / "posts.csv").write_text("file,posted_at\nfirst.png,2024-05-01T00:00:00Z\n")
    scan_to(tmp_path / "in", tmp_path / "report", fake_weights)
    page = open_page(tmp_path / "report" / "index.html", 1400)
    assert (
        "In a part painted.png shows something else than first.png." in page.locator(".differ").inner_text()
    )
    assert page.locator(".badge", has_text="copies differ in part").count() == 1
    assert page.locator(".pair img").count() == 3
    page.fill("#text", "painted.png")
    box = page.locator(".shot .box.part").first
    assert box.evaluate("(box) => parseFloat(box.style.left)") == pytest.approx(62.5, abs=2)
