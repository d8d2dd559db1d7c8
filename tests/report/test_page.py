"""The page of a report, in a real browser."""

import re
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from detector.journal.database import connect_for_review
from detector.journal.journal import Journal
from detector.journal.views import define_views
from detector.options import ScanOptions
from detector.report import gallery, rewrite_report
from detector.report import page as page_module
from detector.report.page import draw_page
from detector.report.summary import summarise
from detector.review.store import Given, VerdictStore
from detector.scanning import scan
from tests.conftest import BLUE, RED, picture, write_picture
from tests.media_factory import write_video
from tests.report.conftest import OpenPage
from tests.test_evidence import read_table, save, scenery, write_posts

HOSTILE_NAME = "<img src=x onerror=hacked()>.png"
HOSTILE_TEXT = "</script><script>hacked()</script><b>bold</b> {{ 7 * 7 }} ${hacked()}"
RUN = {
    "complete": True,
    "tool": "test",
    "started_at": "",
    "ended_at": "",
    "weights_sha256": "",
    "class_names": ["azerbaijan", "kanak"],
    "options": {"show_faces": False, "thresholds": [0.5, 0.5]},
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, fake_weights: Path) -> Path:
    """Photos of each flag, of both, copies, a video, a name and a text that mean harm, a broken file."""
    folder, out = tmp_path_factory.mktemp("in"), tmp_path_factory.mktemp("out") / "report"
    save(scenery(1, (1, 1, RED)), folder / "red.png")
    save(scenery(1, (1, 1, RED)), folder / "copy.jpg", quality=40)
    save(scenery(2, (2, 1, BLUE)), folder / HOSTILE_NAME)
    save(scenery(3, (0, 0, RED), (3, 2, BLUE)), folder / "both.png")
    write_picture(folder / "nothing.png")
    write_video(folder / "clip.mp4", [picture((1, 1, RED))] * 20 + [picture()] * 20)
    whole = (folder / "both.png").read_bytes()
    (folder / "broken.png").write_bytes(whole[:200])
    write_posts(
        folder / "posts.csv",
        ("red.png", "https://x.com/jane/status/2", "2024-05-15T10:00:00Z", "@jane", "in the square"),
        ("copy.jpg", "https://vk.com/wall1", "2024-05-13T10:00:00Z", "joe", "a copy"),
        (HOSTILE_NAME, "javascript:hacked()", "2024-05-14T10:00:00Z", "<b>", HOSTILE_TEXT),
    )
    options = ScanOptions(paths=(folder,), out=out, weights=fake_weights, workers=1)
    scan(options, lambda _: None, threading.Event())
    return out


@pytest.fixture
def page(open_page: OpenPage, report: Path) -> Page:
    return open_page(report / "index.html", 1400)


def headings(page: Page) -> list[str]:
    return page.locator("#cards article h3").all_inner_texts()


def test_both_in_one_picture_come_first_and_copies_are_one_card(page: Page) -> None:
    shown = [re.sub(r" 0\.\d+$", "", text) for text in headings(page)]
    assert shown[0] == "azerbaijan and kanak"
    assert sorted(shown[1:]) == ["azerbaijan", "azerbaijan", "kanak"]
    assert page.get_by_text("2 copies", exact=True).count() == 1
    assert page.locator("#count").inner_text() == "5 files in 4 different pictures and clips"


def test_every_picture_of_the_page_loads(page: Page) -> None:
    for image in page.locator("#cards img").all():
        image.scroll_into_view_if_needed()
        image.evaluate("one => one.decode()")  # fails when there is no picture
        named = image.evaluate("one => one.alt || one.closest('button')?.ariaLabel")
        assert named, image.get_attribute("src")


@pytest.mark.parametrize(
    ("control", "value", "cards"),
    [
        ("#show", "label:kanak", 2),
        ("#show", "label:azerbaijan", 3),
        ("#show", "both_in_frame", 1),
        ("#show", "ambiguous", 0),
        ("#kind", "video", 1),
        ("#status", "failed", 0),
        ("#platform", "vk", 1),
        ("#order", "copies", 4),
    ],
)
def test_filters_leave_what_they_say(page: Page, control: str, value: str, cards: int) -> None:
    page.select_option(control, value)
    assert len(headings(page)) == cards
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(page.locator("#cards article")).to_have_count(4)


def test_dates_text_and_confidence_filter(page: Page) -> None:
    page.fill("#from", "2024-05-15")
    assert len(headings(page)) == 1
    page.fill("#from", "2024-05-13")
    page.fill("#to", "2024-05-14")
    assert len(headings(page)) == 2
    page.fill("#from", "")
    page.fill("#to", "")
    page.fill("#text", "SQUARE")
    assert len(headings(page)) == 1
    page.fill("#text", "")
    page.fill("#confidence", "0.99")
    assert headings(page) == []


def test_every_detection_shown_names_its_row(page: Page, report: Path) -> None:
    rows = {row["id"] for row in read_table(report / "detections.csv")}
    figures = page.locator("#cards figure[id^=row-]").all()
    shown = {(figure.get_attribute("id") or "").removeprefix("row-") for figure in figures}
    assert shown
    assert shown <= rows


def test_names_and_texts_of_strangers_are_inert(page: Page) -> None:
    assert page.evaluate("window.wasHacked") is None
    card = page.locator("#cards article", has_text=HOSTILE_NAME)
    assert HOSTILE_TEXT in " ".join(card.inner_text().split())
    assert card.locator("a[href^='javascript']").count() == 0
    assert page.locator("img[src=x]").count() == 0


def test_tabs_are_reached_by_arrow_keys(page: Page) -> None:
    page.locator("#tab-seen").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#tab-almost").get_attribute("aria-selected") == "true"
    assert page.evaluate("document.activeElement.id") == "tab-almost"
    assert page.locator("#almost-note").is_visible()


def test_failed_files_are_listed_with_their_reason(page: Page) -> None:
    page.get_by_text("Files that failed or are not read, by reason").click()
    assert page.get_by_role("cell", name="broken.png").is_visible()


@pytest.mark.parametrize("width", [360, 1920])
def test_nothing_sticks_out_sideways(open_page: OpenPage, report: Path, width: int) -> None:
    page = open_page(report / "index.html", width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page: Page, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: a contrast of at least 4.5."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]

    def luminance(name: str) -> float:
        text = str(page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}')"))
        digits = text.strip().lstrip("#")
        digits = "".join(2 * one for one in digits) if len(digits) == 3 else digits
        parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
        red, green, blue = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        ]
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for text in ("text", "soft", "link", "mark"):
        for ground in ("back", "card"):
            light, dark = sorted((luminance(text), luminance(ground)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, f"{text} on {ground}"


def test_every_control_has_a_name(page: Page) -> None:
    for control in page.locator("input, select, button").all():
        named = control.evaluate(
            "one => Boolean(one.labels?.length || one.textContent.trim() || one.ariaLabel)"
        )
        assert named, control.evaluate("one => one.outerHTML")


def test_ten_thousand_detections_stay_usable(
    browser: Browser, report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "many"
    path.mkdir()
    with sqlite3.connect(report / "scan.db") as source, sqlite3.connect(":memory:") as connection:
        source.backup(connection)
    (run,) = connection.execute("SELECT max(number) FROM run").fetchone()
    for number in range(5000):
        name, sha256 = f"{number:04}.jpg", f"{number:08x}" * 8
        connection.execute(
            "INSERT INTO inputs (path, root, name, kind, run, batch, sha256, bytes) "
            "VALUES (?, ?, ?, 'photo', ?, 1, ?, 1)",
            (name.encode(), b"/", name, run, sha256),
        )
        connection.execute(
            "INSERT INTO results VALUES (?, 1, 'photo', 'ok', '', 9, 9, 1, 0, 0, 0, '')", (sha256,)
        )
        connection.execute("INSERT INTO copies VALUES (?, ?, 0, ?)", (sha256, sha256[-16:], name))
        for rank in range(2):
            connection.execute(
                "INSERT INTO detections VALUES "
                "(?, 0, ?, 0, ?, 0.9, 0, 0, 0, 0, 0, 5, 5, 0, 9, 9, 'a.jpg', 'c.jpg', '', '', '')",
                (sha256, rank, rank),
            )
    info = define_views(connection)
    summary = summarise(Journal(connection, run), info)
    assert summary.detections > 10_000
    monkeypatch.setattr(gallery, "MAX_DETECTIONS", 5000)
    few = draw_page(connection, summary, RUN, path)
    assert f"{summary.to_look_at - 5000:,} of these have no room on this page" in few
    for module in (gallery, page_module):
        monkeypatch.setattr(module, "MAX_CONTENTS", 1000)
    few = draw_page(connection, summary, RUN, path)
    (wanted,) = connection.execute("SELECT count(*) FROM temp.on_page").fetchone()
    assert f"{wanted - 1000:,} different files in which a flag is seen" in few
    assert few.count('"keys": ') == 1000
    assert "numbers and filters count them all the same" not in few
    monkeypatch.undo()
    (path / "index.html").write_text(draw_page(connection, summary, RUN, path), encoding="utf-8")
    connection.close()
    source.close()
    page = browser.new_page()
    page.goto((path / "index.html").as_uri())
    assert page.locator("#count").inner_text() == "5,005 files in 5,004 different pictures and clips"
    assert page.locator("#cards article").count() == 24
    page.fill("#text", "4321.jpg")
    expect(page.locator("#cards article")).to_have_count(1)
    page.fill("#text", "")
    page.get_by_role("button", name="Next").click()
    assert page.locator("#page").inner_text() == "Page 2 of 209"


def test_verdicts_stand_beside_the_detections_they_are_about(
    open_page: OpenPage, report: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "report"
    shutil.copytree(report, copy)
    row = next(row for row in read_table(copy / "detections.csv") if row["file"] == "red.png")
    with closing(VerdictStore(connect_for_review(copy))) as store:
        given = Given(row["id"], row["sha256"], 0, "rejected")
        store.add([given], "Ann <script>hacked()</script>")
    rewrite_report(copy)
    page = open_page(copy / "index.html", 1400)
    assert "red.png shows" not in page.locator("#cards .files").all_inner_texts()
    page.select_option("#verdict", "rejected")
    assert "rejected (Ann <script>hacked()</script>)" in page.locator("#cards").inner_text()
    assert "1 of " in page.locator("header").inner_text()
