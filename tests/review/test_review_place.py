"""In the review nobody loses his place, buttons say what they record, and a dispute can be ended."""

import io
import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.review.conftest import OpenReview, Serve, wait_shown
from tests.review.test_review_browser import choose_queue, press, verdict_rows, wait_saved
from tests.test_evidence import read_table


def place(page: Page) -> str:
    return page.locator("#place").inner_text()


def test_the_address_names_queue_and_detection_and_back_and_reload_keep_them(
    report: Path,
    serve: Serve,
    open_review: OpenReview,
) -> None:
    page = open_review(serve(report))
    choose_queue(page, "confidence")
    press(page, "ArrowRight", "ArrowRight")
    expect(page.locator("#place")).to_have_text("3 of 8, 0 done")
    shown = wait_shown(page)
    assert f"at={shown}" in page.url
    choose_queue(page, "date")
    expect(page.locator("#place")).to_contain_text("1 of 8")
    page.go_back()
    expect(page.locator("#place")).to_have_text("3 of 8, 0 done")
    assert page.locator("#queue").input_value() == "confidence"
    page.reload()
    assert wait_shown(page) == shown
    expect(page.locator("#place")).to_have_text("3 of 8, 0 done")


def test_a_half_typed_note_survives_a_reload(report: Path, serve: Serve, open_review: OpenReview) -> None:
    page = open_review(serve(report))
    press(page, "n")
    page.keyboard.type("half of a no")
    page.reload()
    expect(page.locator("#note")).to_have_value("half of a no")


def test_undo_of_a_batch_goes_back_to_where_it_was_given(
    report: Path,
    serve: Serve,
    open_review: OpenReview,
) -> None:
    page = open_review(serve(report))
    choose_queue(page, "date")
    while " at " not in page.locator("#what").inner_text():
        press(page, "ArrowRight")
        page.wait_for_timeout(50)
    where = wait_shown(page)
    press(page, "c")
    wait_saved(page)
    press(page, "s")
    page.get_by_role("dialog", name="Also confirmed?").get_by_role("button", name="Apply").click()
    wait_saved(page)
    press(page, "u")
    expect(page.locator("#saved")).to_contain_text("Taken back: confirmed, 2 times")
    assert wait_shown(page) == where


def test_buttons_say_what_they_record(report: Path, serve: Serve, open_review: OpenReview) -> None:
    page = open_review(serve(report))
    choose_queue(page, "confidence")
    label = page.locator("#what").inner_text().split()[0]
    other = {"azerbaijan": "kanak", "kanak": "azerbaijan"}[label]
    said = [text.split(maxsplit=1)[1] for text in page.locator("#verdicts button").all_inner_texts()]
    assert said == [f"It is {label}", "No flag", f"It is {other}", "It is another flag", "Cannot tell"]


def test_h_shows_faces_while_it_is_held(report: Path, serve: Serve, open_review: OpenReview) -> None:
    page = open_review(serve(report))
    wait_shown(page)
    image = page.locator("#sheet img")
    before = image.get_attribute("src") or ""
    page.keyboard.down("h")
    expect(image).to_have_attribute("src", re.compile("^unblurred/"))
    page.keyboard.up("h")
    expect(image).to_have_attribute("src", before)


def test_an_editor_ends_a_dispute_and_the_queue_moves_on(
    report: Path,
    serve: Serve,
    open_review: OpenReview,
) -> None:
    address = serve(report)
    ann, bo, editor = (open_review(address, name) for name in ("Ann", "Bo", "Editor"))
    for page, key in ((ann, "c"), (bo, "x")):
        choose_queue(page, "confidence")
        press(page, key, key)
        wait_saved(page)
    choose_queue(editor, "disputed")
    expect(editor.locator("#place")).to_have_text("1 of 2, 0 done")
    editor.get_by_label("My next verdict settles the dispute").check()
    press(editor, "x")
    wait_saved(editor)
    expect(editor.locator("#place")).to_have_text("2 of 2, 1 done")
    assert not editor.get_by_label("My next verdict settles the dispute").is_checked()
    editor.reload()
    expect(editor.locator("#place")).to_have_text("1 of 1, 0 done")
    wait_shown(editor)
    press(editor, "x")
    expect(editor.locator("#place")).to_have_text("1 of 1, 1 done: all of this queue")
    press(editor, "u")
    expect(editor.locator("#place")).to_have_text("1 of 1, 0 done")
    expect(editor.locator("#saved")).to_have_text("Taken back: rejected")
    editor.get_by_role("button", name="Write tables").click()
    expect(editor.locator("#saved")).to_have_text("The tables are written")
    verdicts = {row["verdict"] for row in read_table(report / "detections.csv")}
    assert verdicts == {"", "disputed", "rejected"}
    settled = [row for row in read_table(report / "reviews.csv") if row["settles"] == "true"]
    assert [(row["reviewer"], row["verdict"]) for row in settled] == [("Editor", "rejected")]


def test_two_tabs_of_one_person_warn(report: Path, serve: Serve, open_review: OpenReview) -> None:
    page = open_review(serve(report))
    expect(page.locator("#twice")).to_be_hidden()
    other = page.context.new_page()
    other.goto(page.url)
    for one in (page, other):
        expect(one.locator("#twice")).to_be_visible()
    other.close(run_before_unload=True)
    expect(page.locator("#twice")).to_be_hidden()


def test_the_queue_is_searched_by_file_author_and_text(
    report: Path,
    serve: Serve,
    open_review: OpenReview,
) -> None:
    page = open_review(serve(report))
    choose_queue(page, "confidence")
    for text, found in (("CLIP.mp4", 3), ("@jane", 1), ("square", 1), ("", 8)):
        page.locator("#search").fill(text)
        page.locator("#search").press("Enter")
        expect(page.locator("#place")).to_contain_text(f" of {found},")
    page.locator("#search").fill("clip.mp4")
    page.locator("#search").press("Enter")
    expect(page.locator("#place")).to_contain_text(" of 3,")
    wait_shown(page)
    press(page, "c")  # the field is left with Enter: keys decide again
    expect(page.locator("#place")).to_contain_text("1 done")
    page.reload()
    expect(page.locator("#place")).to_contain_text(" of 3,")


def test_single_keys_can_be_switched_off(report: Path, serve: Serve, open_review: OpenReview) -> None:
    page = open_review(serve(report))
    press(page, "?")
    page.get_by_label("Single keys do what stands here").uncheck()
    page.keyboard.press("Escape")
    press(page, "c", "x")
    page.reload()
    press(page, "c")
    page.wait_for_timeout(200)
    assert verdict_rows(report) == []
    press(page, "ArrowRight")
    expect(page.locator("#place")).to_contain_text("2 of")


def test_what_changed_is_announced(report: Path, serve: Serve, open_review: OpenReview) -> None:
    page = open_review(serve(report))
    choose_queue(page, "confidence")
    press(page, "ArrowRight")
    expect(page.locator("#aloud")).to_contain_text("2 of 8, 0 done:")
    assert page.locator("#aloud").get_attribute("aria-live") == "polite"


def test_a_server_that_hangs_is_said_and_waited_for(
    report: Path,
    serve: Serve,
    open_review: OpenReview,
) -> None:
    page = open_review(serve(report))
    wait_shown(page)
    held: list[Route] = []
    page.route("**/api/verdicts", lambda route: held.append(route))  # noqa: PLW0108 (Playwright marks the function)
    press(page, "c")
    expect(page.locator("#saved")).to_contain_text("has not answered for 5 seconds", timeout=15_000)
    held[0].continue_()
    expect(page.locator("#saved")).to_have_text("saved")
    assert len(verdict_rows(report)) == 1


def test_the_grid_shows_an_event_once_with_its_frames_behind_it(
    report: Path,
    serve: Serve,
    open_review: OpenReview,
) -> None:
    page = open_review(serve(report))
    page.evaluate("localStorage.setItem('single keys', 'off')")
    page.goto(page.url.split("?")[0] + "grid?queue=confidence")
    assert page.locator("#cards > .card").count() == 6
    page.get_by_text("2 more frames of this appearance").click()
    expect(page.locator("details .card")).to_have_count(2)
    page.locator("details .card input").first.check()
    page.keyboard.press("x")
    page.wait_for_timeout(200)
    assert verdict_rows(report) == []
    page.evaluate("localStorage.clear()")
    page.keyboard.press("x")
    expect(page.locator("details .card[data-verdict=rejected]")).to_have_count(1)
    assert len(verdict_rows(report)) == 1


def test_on_a_narrow_screen_the_picture_comes_first_and_drawing_does_not_scroll(
    report: Path,
    serve: Serve,
    open_review: OpenReview,
) -> None:
    page = open_review(serve(report), viewport={"width": 820, "height": 1000})
    wait_shown(page)
    tops = [
        page.locator(one).evaluate("one => one.getBoundingClientRect().top")
        for one in ("#frame", "#said", ".steps", ".noting")
    ]
    assert tops == sorted(tops)
    before = page.evaluate("scrollY")
    press(page, "b")
    assert page.evaluate("scrollY") == before


def test_the_crop_pane_is_as_wide_as_the_crop_fills_and_buttons_stay(
    report: Path, serve: Serve, open_review: OpenReview
) -> None:
    """A wide crop gets up to 42 % of the window; one that is tall or has few pixels gets the least."""
    page = open_review(serve(report))
    found = {}
    crop = io.BytesIO()
    page.route("**/picture/crops/**", lambda route: route.fulfill(body=crop.getvalue()))
    for size in ((640, 200), (200, 640), (60, 20)):
        crop.seek(0)
        crop.truncate()
        Image.new("RGB", size).save(crop, "JPEG")
        page.reload()
        wait_shown(page)
        expect(page.locator("#crop img")).to_have_js_property("naturalWidth", size[0])
        page.evaluate("document.querySelector('#crop img').decode()")
        buttons = page.locator("#verdicts").bounding_box()
        found[size] = page.locator("#crop").bounding_box(), buttons
    panes = {size: round(pane["width"]) for size, (pane, _) in found.items() if pane}
    assert panes == {(640, 200): 588, (200, 640): 352, (60, 20): 352}
    assert len({str(buttons) for _, buttons in found.values()}) == 1
