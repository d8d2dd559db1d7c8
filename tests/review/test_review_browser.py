"""The review's page, in a real browser."""

import sqlite3
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.review.conftest import OpenReview, Serve, wait_shown
from tests.reviewing import HOSTILE_NAME, HOSTILE_TEXT, add_detections
from tests.test_scan import read_table

PAGES = ("/", "/grid?queue=confidence", "/progress", "/name")
CONTRAST = """
() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return parts(getComputedStyle(document.body).backgroundColor);
  };
  const weak = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const apart = element.matches(":disabled, :disabled *, option, .unseen, .skip");
    if (!own || apart || !element.getClientRects().length) continue;
    const [a, b] = [light(parts(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) weak.push(`${element.tagName} ${element.textContent.trim()} ${ratio.toFixed(2)}`);
  }
  return weak;
}
"""
NAME = """
(one) => one.innerText?.trim() || one.getAttribute("aria-label")
  || [...(one.labels || [])].map((label) => label.innerText).join()
"""
# Notes for each key pressed how long it took until the next picture was on the screen.
STOPWATCH = """
() => {
  window.waits = [];
  let pressed = 0;
  addEventListener("keydown", (event) => { pressed = event.timeStamp; }, true);
  new MutationObserver(() => window.waits.push(performance.now() - pressed))
    .observe(document.body, { attributes: true, attributeFilter: ["data-shown"] });
}
"""


def press(page: Page, *keys: str) -> None:
    for key in keys:
        wait_shown(page)
        page.keyboard.press(key)


def wait_saved(page: Page) -> None:
    expect(page.locator("#saved")).to_have_text("saved")


def choose_queue(page: Page, name: str) -> None:
    page.locator("#queue").select_option(name)
    page.wait_for_url(f"**/?queue={name}*")
    page.wait_for_timeout(200)


def verdict_rows(report: Path) -> list[tuple[str, str, str, str]]:
    with sqlite3.connect(report / "scan.db") as journal:
        rows = journal.execute(
            "SELECT verdict, label, reviewer, note FROM verdicts ORDER BY number"
        ).fetchall()
    journal.close()
    return rows


def test_a_whole_review_by_keyboard_is_kept(report: Path, serve: Serve, open_review: OpenReview) -> None:
    page = open_review(serve(report))
    choose_queue(page, "confidence")
    total = int(page.locator("#place").inner_text().split()[2].rstrip(","))
    assert total == 8
    expect(page.locator("#place")).to_have_text("1 of 8, 0 done")
    press(page, "n")
    page.keyboard.type("seen on the square")
    press(page, "Enter")
    page.reload()
    expect(page.locator("#note")).to_have_value("seen on the square")
    wait_shown(page)
    press(page, "c")
    expect(page.locator("#place")).to_have_text("2 of 8, 1 done")
    for done, key in enumerate("xoat", 2):
        press(page, key)
        expect(page.locator("#place")).to_have_text(f"{done + 1} of 8, {done} done")
    press(page, "u")
    expect(page.locator("#place")).to_have_text("5 of 8, 4 done")
    press(page, "ArrowRight")
    expect(page.locator("#place")).to_have_text("6 of 8, 4 done")
    press(page, "c", "ArrowLeft", "ArrowLeft")
    expect(page.locator("#place")).to_have_text("5 of 8, 5 done")
    wait_saved(page)
    page.reload()
    expect(page.locator("#place")).to_have_text("5 of 8, 5 done")
    press(page, "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft")
    expect(page.locator("#said")).to_contain_text("You: confirmed")
    expect(page.locator("#note")).to_have_value("seen on the square")
    expect(page.locator("#verdicts [data-verdict=confirmed]")).to_have_attribute("aria-pressed", "true")
    verdicts = [row[0] for row in verdict_rows(report)]
    assert verdicts == [
        *("confirmed", "rejected", "other_flag", "another_flag", "cannot_tell", "undo", "confirmed"),
    ]
    assert verdict_rows(report)[0][2:] == ("Ann", "seen on the square")


def test_a_box_is_drawn_with_the_mouse_and_with_keys(
    report: Path, serve: Serve, open_review: OpenReview
) -> None:
    page = open_review(serve(report))
    choose_queue(page, "sample")
    expect(page.locator("#what")).to_contain_text("Nothing is shown")
    sheet = page.locator("#sheet").bounding_box()
    assert sheet
    page.get_by_role("button", name="Box a missed flag").click()
    page.mouse.move(sheet["x"] + 0.25 * sheet["width"], sheet["y"] + 0.5 * sheet["height"])
    page.mouse.down()
    page.mouse.move(sheet["x"] + 0.5 * sheet["width"], sheet["y"] + 0.75 * sheet["height"], steps=3)
    page.mouse.up()
    press(page, "2")
    expect(page.locator("#drawn li")).to_have_count(1)
    expect(page.locator("#drawn")).to_contain_text("kanak drawn")
    press(page, "b", "ArrowLeft", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowDown", "1")
    expect(page.locator("#drawn li")).to_have_count(2)
    press(page, "b", "Escape")
    page.reload()
    expect(page.locator("#drawn li")).to_have_count(2)
    page.get_by_role("button", name="Write tables").click()
    expect(page.locator("#saved")).to_have_text("The tables are written")
    first, second = read_table(report / "reviews.csv")
    width, height = 128, {"nothing.png": 96, "nothing else.png": 64}[first["file"]]
    places = [float(first[side]) for side in ("left", "top", "right", "bottom")]
    assert places == pytest.approx([0.25 * width, 0.5 * height, 0.5 * width, 0.75 * height], abs=1)
    places = [float(second[side]) for side in ("left", "top", "right", "bottom")]
    assert places == pytest.approx([0.39 * width, 0.39 * height, 0.6 * width, 0.6 * height], abs=0.1)
    assert (first["label"], second["label"]) == ("kanak", "azerbaijan")
    page.get_by_role("button", name="Take back").first.click()
    expect(page.locator("#drawn li")).to_have_count(1)
    press(page, "e")
    expect(page.locator("#place")).to_contain_text("2 of 2")
    press(page, "e")
    wait_saved(page)
    assert [row[0] for row in verdict_rows(report)][-2:] == ["nothing_else", "nothing_else"]


def test_a_decision_is_applied_to_an_event_only_after_a_look(
    report: Path, serve: Serve, open_review: OpenReview
) -> None:
    page = open_review(serve(report))
    choose_queue(page, "date")
    while page.locator("#what").inner_text().find(" at ") < 0:
        press(page, "ArrowRight")
        page.wait_for_timeout(50)
    press(page, "c")
    expect(page.locator("#offer")).to_contain_text("2 more")
    wait_saved(page)
    assert len(verdict_rows(report)) == 1
    press(page, "s")
    dialog = page.get_by_role("dialog", name="Also confirmed?")
    expect(dialog.get_by_role("checkbox")).to_have_count(2)
    press(page, "Escape")
    wait_saved(page)
    assert len(verdict_rows(report)) == 1
    press(page, "s")
    expect(dialog.get_by_role("checkbox")).to_have_count(2)
    dialog.get_by_role("checkbox").first.uncheck()
    dialog.get_by_role("button", name="Apply").click()
    expect(page.locator("#offer")).to_be_hidden()
    wait_saved(page)
    assert len(verdict_rows(report)) == 2


def test_frames_of_a_video_are_reached_from_each_other(
    report: Path, serve: Serve, open_review: OpenReview
) -> None:
    page = open_review(serve(report))
    choose_queue(page, "date")
    while page.locator("#what").inner_text().find(" at ") < 0:
        press(page, "ArrowRight")
        page.wait_for_timeout(50)
    first = page.locator("#what").inner_text()
    press(page, "]")
    expect(page.locator("#what")).not_to_have_text(first)
    press(page, "[")
    expect(page.locator("#what")).to_have_text(first)


def test_two_people_review_at_once(report: Path, serve: Serve, open_review: OpenReview) -> None:
    address = serve(report)
    ann, bo = open_review(address, "Ann"), open_review(address, "Bo")
    for page, key in ((ann, "c"), (bo, "x")):
        choose_queue(page, "confidence")
        press(page, key)
    for page in (ann, bo):
        expect(page.locator("#place")).to_contain_text("1 done")
        wait_saved(page)
    assert {row[::2] for row in verdict_rows(report)} == {("confirmed", "Ann"), ("rejected", "Bo")}
    choose_queue(ann, "disputed")
    expect(ann.locator("#said")).to_contain_text("Bo: rejected")
    ann.goto(ann.url.split("?")[0] + "progress")
    expect(ann.get_by_text("1 are disputed")).to_be_visible()


def test_hostile_names_and_texts_are_shown_as_they_are(
    report: Path, serve: Serve, open_review: OpenReview
) -> None:
    page = open_review(serve(report), HOSTILE_NAME[:50])
    choose_queue(page, "date")
    expect(page.locator("#facts li").first).to_contain_text(HOSTILE_NAME)
    expect(page.locator("#facts blockquote")).to_have_text(HOSTILE_TEXT)
    assert page.locator("#facts a").count() == 0
    press(page, "n")
    page.keyboard.type(HOSTILE_TEXT)
    press(page, "Enter", "c", "ArrowLeft")
    expect(page.locator("#note")).to_have_value(HOSTILE_TEXT)
    for path in ("grid", "progress"):
        page.goto(page.url.split("?")[0].split("/grid")[0].rstrip("/") + f"/{path}")
        assert page.locator("main b, main script, main img[src=x]").count() == 0
    assert page.evaluate("window.wasHacked") is None


def test_a_link_to_a_post_is_one_only_for_web_addresses(
    report: Path, serve: Serve, open_review: OpenReview
) -> None:
    page = open_review(serve(report))
    choose_queue(page, "date")
    press(page, "ArrowRight")
    link = page.locator("#facts a").first
    expect(link).to_have_attribute("href", "https://x.com/jane/status/2")
    expect(link).to_have_attribute("rel", "noreferrer noopener")
    expect(page.locator("#facts blockquote").first).to_have_text("in the square")


def test_many_are_decided_at_once_in_the_grid(report: Path, serve: Serve, open_review: OpenReview) -> None:
    page = open_review(serve(report))
    page.goto(page.url.split("?")[0] + "grid?queue=confidence")
    page.get_by_role("checkbox", name="azerbaijan").nth(0).check()
    page.get_by_role("checkbox", name="azerbaijan").nth(1).check()
    expect(page.locator("#saved")).to_have_text("2 ticked")
    page.keyboard.press("x")
    expect(page.locator(".card[data-verdict=rejected]")).to_have_count(2)
    page.keyboard.press("u")
    expect(page.locator(".card[data-verdict=rejected]")).to_have_count(0)
    assert [row[0] for row in verdict_rows(report)] == ["rejected", "rejected", "undo", "undo"]


def test_a_verdict_waits_for_a_server_that_is_away(
    report: Path, serve: Serve, open_review: OpenReview
) -> None:
    page = open_review(serve(report))
    page.context.set_offline(True)
    press(page, "c")
    expect(page.locator("#saved")).to_contain_text("does not answer")
    assert verdict_rows(report) == []
    page.context.set_offline(False)
    expect(page.locator("#saved")).to_have_text("saved", timeout=10_000)
    assert [row[0] for row in verdict_rows(report)] == ["confirmed"]


def test_nothing_is_decided_on_a_picture_that_is_not_there_yet(
    report: Path, serve: Serve, open_review: OpenReview
) -> None:
    page = open_review(serve(report))
    page.evaluate(
        "for (const key of 'ccc') document.body.dispatchEvent("
        "new KeyboardEvent('keydown', { key, bubbles: true }))"
    )
    wait_saved(page)
    assert len(verdict_rows(report)) == 1


def test_a_picture_that_is_gone_is_not_checked(report: Path, serve: Serve, open_review: OpenReview) -> None:
    for name in ("nothing.png", "nothing else.png"):
        (report.parent / "downloads" / name).unlink()
    page = open_review(serve(report))
    choose_queue(page, "sample")
    expect(page.locator("#trouble")).to_contain_text("gone, or changed since the scan")
    press(page, "e", "b")
    expect(page.locator("#saved")).to_have_text("The picture is not there yet")
    expect(page.locator("#drawing")).to_be_hidden()
    assert verdict_rows(report) == []


def test_the_next_picture_is_there_before_100_ms(report: Path, serve: Serve, open_review: OpenReview) -> None:
    add_detections(report, 10_000)
    page = open_review(serve(report))
    choose_queue(page, "confidence")
    expect(page.locator("#place")).to_contain_text("of 10008")
    page.wait_for_timeout(1500)
    page.evaluate(f"({STOPWATCH})()")
    for number in range(40):
        page.keyboard.press("c" if number % 2 else "x")
        page.wait_for_timeout(200)  # a very quick reviewer
        assert page.evaluate("window.waits.length") == number + 1
    waits = sorted(page.evaluate("window.waits"))
    assert len(waits) == 40
    assert waits[20] < 100, waits
    wait_saved(page)
    assert len(verdict_rows(report)) == 40


# For everyone


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(
    report: Path, serve: Serve, open_review: OpenReview, scheme: str
) -> None:
    page = open_review(serve(report), color_scheme=scheme)
    home = page.url.split("?")[0].rstrip("/")
    for path in PAGES:
        page.goto(home + path)
        page.wait_for_timeout(300)
        assert page.evaluate(CONTRAST) == []


def test_everything_that_can_be_used_has_a_name_and_a_visible_focus(
    report: Path, serve: Serve, open_review: OpenReview
) -> None:
    page = open_review(serve(report))
    home = page.url.split("?")[0].rstrip("/")
    for path in PAGES:
        page.goto(home + path)
        page.wait_for_timeout(300)
        assert page.locator("h1").count() == 1
        assert page.locator("main").count() == 1
        assert page.locator("html").get_attribute("lang") == "en"
        for image in page.locator("img").all():
            assert image.get_attribute("alt")
        for control in page.locator("button, select, input, textarea, a[href], summary").all():
            named = control.evaluate(NAME)
            assert named, control.evaluate("one => one.outerHTML")
    page.goto(home + "/")
    wait_shown(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(12):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", page.evaluate("document.activeElement.outerHTML")


@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_is_wider_than_the_screen(
    report: Path, serve: Serve, open_review: OpenReview, width: int
) -> None:
    page = open_review(serve(report), viewport={"width": width, "height": 760})
    home = page.url.split("?")[0].rstrip("/")
    for path in PAGES:
        page.goto(home + path)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_finger_decides_too(report: Path, serve: Serve, open_review: OpenReview) -> None:
    page = open_review(serve(report), viewport={"width": 360, "height": 760}, has_touch=True)
    page.get_by_role("button", name="No flag").tap()
    expect(page.locator("#place")).to_contain_text("1 done")
    page.get_by_role("button", name="Undo").tap()
    expect(page.locator("#place")).to_contain_text("0 done")


def test_the_frame_is_zoomed_and_shown_without_marks(
    report: Path, serve: Serve, open_review: OpenReview
) -> None:
    page = open_review(serve(report))
    before = page.locator("#sheet").bounding_box()
    press(page, "+", "+")
    after = page.locator("#sheet").bounding_box()
    assert before
    assert after
    assert after["width"] > 2 * before["width"]
    press(page, "0", "m")
    expect(page.locator("#sheet img")).to_have_attribute("src", "original/" + wait_shown(page)[:-2])
    press(page, "r")
    expect(page.locator("#reference figure")).to_have_count(10)
    press(page, "?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_another_server_of_this_machine_gets_no_cookie_of_the_review(
    report: Path, serve: Serve, browser: Browser
) -> None:
    told: list[tuple[str, str]] = []

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.append((self.path, self.headers.get("Cookie", "")))
            self.send_response(HTTPStatus.OK)
            self.send_header("Set-Cookie", "other=1; Path=/")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        context = browser.new_context()
        page = context.new_page()
        page.goto(serve(report))
        page.get_by_label("Your name or initials").fill("Ann")
        page.keyboard.press("Enter")
        wait_shown(page)
        assert len(context.cookies(page.url)) == 2  # the session, and who reviews
        for path in ("/", "/grid", "/api/queue", "/"):
            page.goto(f"http://127.0.0.1:{other.server_port}{path}")
        context.close()
        other.shutdown()
    assert [cookie for path, cookie in told if path != "/favicon.ico"] == ["", *["other=1"] * 3]


def test_the_address_can_be_clicked_on_another_site_and_leaves_the_address_bar(
    report: Path, serve: Serve, browser: Browser
) -> None:
    address = serve(report)
    page = browser.new_page()
    page.goto("about:blank")
    page.set_content(f'<a href="{address}">the review</a>')
    page.get_by_role("link").click()
    expect(page.get_by_label("Your name or initials")).to_be_visible()
    assert "token" not in page.url
    page.close()
