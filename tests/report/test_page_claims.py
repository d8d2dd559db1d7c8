"""What the page claims, against its pictures and its own numbers, with copies a flag was painted into."""

import csv
import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from detector.journal import connect_for_review
from detector.options import ScanOptions
from detector.report import rewrite_report, verify_report
from detector.review.store import Given, VerdictStore
from detector.scanning import scan
from tests.conftest import BLUE, RED, picture
from tests.media_factory import write_video
from tests.report.conftest import OpenPage
from tests.reports import change_journal
from tests.test_evidence import read_table, save, scenery, write_posts

PAINTED = (slice(128, 256), slice(384, 512))  # rows and columns of what the doctored copy has more
PALE_BLUE = (90, 90, 255)  # as bright as its surroundings: copies stay copies
NOUMEA, BAKU, PARIS = "Pacific/Noumea", "Asia/Baku", "Europe/Paris"


def doctored() -> NDArray[np.uint8]:
    """The picture of red.png, darker, with the other flag painted into it."""
    image = (scenery(13, (1, 1, RED)) * 0.9 + 10).astype(np.uint8)
    image[PAINTED] = PALE_BLUE
    return image


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, fake_weights: Path) -> Path:
    folder, out = tmp_path_factory.mktemp("in"), tmp_path_factory.mktemp("out") / "report"
    save(scenery(13, (1, 1, RED)), folder / "red.png")
    save(scenery(13, (1, 1, RED)), folder / "smaller.jpg", quality=50)
    save(doctored(), folder / "doctored.jpg", quality=85)
    save(scenery(2, (2, 1, BLUE)), folder / "blue.png")
    save(scenery(3, (0, 0, RED), (3, 2, BLUE)), folder / "both.png")
    save(scenery(4), folder / "nothing.png")
    images = [picture((1, 1, RED))] * 20 + [picture()] * 20 + [picture((2, 1, BLUE))] * 20
    write_video(folder / "clip.mp4", images)
    (folder / "empty.jpg").write_bytes(b"")
    write_posts(
        folder / "posts.csv",
        ("red.png", "https://x.com/jane/status/2", "2024-05-15", "@jane", "a day only"),
        ("smaller.jpg", "https://vk.com/wall1", "2024-05-15T07:20:00+11:00", "joe", "seven twenty in Noumea"),
        ("doctored.jpg", "https://t.me/c/9", "2024-05-16T09:00:00+04:00", "rumours", "in Baku"),
        ("both.png", "https://t.me/c/10", "2024-05-14T23:30:00+02:00", "joe", "in Paris"),
    )
    scan(
        ScanOptions(paths=(folder,), out=out, weights=fake_weights, workers=1, pictures="all"),
        lambda _: None,
        threading.Event(),
    )
    return out


@pytest.fixture
def page(open_page: OpenPage, report: Path) -> Page:
    return open_page(report / "index.html", 1400)


def card_of(page: Page, file: str) -> Locator:
    return page.locator("#cards article", has_text=file)


def shown_frames(card: Locator) -> list[str]:
    """Names of the frames in the card's large pictures."""
    found = [
        re.search(r"plain/(.+)\.jpg", one.get_attribute("src") or "")
        for one in card.locator(".shots img").all()
    ]
    return [one[1] for one in found if one]


def labels_by_frame(report: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in read_table(report / "detections.csv"):
        found.setdefault(row["id"].rpartition("-")[0], set()).add(row["label"])
    return found


def number_of_files(page: Page) -> int:
    return int(page.locator("#count").inner_text().split()[0].replace(",", ""))


def assert_numbers_are_links_to_as_many(page: Page) -> int:
    """Follows every number of the first table and of what was looked at; says how many there were."""
    links = page.locator("#claims td > a[data-view], .numbers a[data-view]")
    for number in range(links.count()):
        told = int(links.nth(number).inner_text())
        links.nth(number).click()
        assert number_of_files(page) == told, page.url
        expect(page.locator("#pictures")).to_be_in_viewport()
        assert page.locator("#cards article").count() <= told
    return links.count()


@contextmanager
def reviewed(report: Path, tmp_path: Path) -> Iterator[tuple[Path, VerdictStore]]:
    """A copy of the report in which somebody says something; its tables are written anew at the end."""
    copy = tmp_path / "report"
    shutil.copytree(report, copy)
    with closing(VerdictStore(connect_for_review(copy))) as store:
        yield copy, store
    rewrite_report(copy)


def row_of(report: Path, file: str, label: str = "") -> dict[str, str]:
    rows = read_table(report / "detections.csv")
    return next(row for row in rows if row["file"] == file and label in ("", row["label"]))


# Pictures and badges


@pytest.mark.parametrize("show", ["label:azerbaijan", "label:kanak", "both_in_frame", "both", ""])
def test_every_card_shows_a_picture_that_meets_its_filter_badge_and_heading(
    page: Page, report: Path, show: str
) -> None:
    labels = labels_by_frame(report)
    page.select_option("#show", show)
    cards = page.locator("#cards article").all()
    assert cards
    for card in cards:
        seen = [labels[frame] for frame in shown_frames(card)]
        heading, badges = card.locator("h3").inner_text(), card.locator(".badges").inner_text()
        assert set.union(*seen) == {name for name in ("azerbaijan", "kanak") if name in heading}
        if show.startswith("label:"):
            assert show.removeprefix("label:") in set.union(*seen)
        if show == "both_in_frame" or "both in one picture" in badges:
            assert {"azerbaijan", "kanak"} in seen
        if "both in one file" in badges:
            assert seen == [{"azerbaijan"}, {"kanak"}]


def test_a_flag_that_only_a_doctored_copy_shows_is_claimed_of_that_copy_alone(page: Page) -> None:
    page.select_option("#show", "label:kanak")
    card = card_of(page, "doctored.jpg")
    assert number_of_files(page) == 4
    main = card.locator(".files").first
    expect(main.locator("li")).to_have_count(1)
    expect(main).to_contain_text("doctored.jpg shows azerbaijan and kanak")
    card.get_by_text("2 copies that do not meet the filter").click()
    expect(card.get_by_text("smaller.jpg shows azerbaijan —")).to_be_visible()


def test_copies_that_differ_are_said_with_the_pair_side_by_side(page: Page) -> None:
    differ = card_of(page, "red.png").locator(".differ")
    expect(differ).to_contain_text("Copies differ: 2 show azerbaijan, 1 shows azerbaijan and kanak.")
    captions = differ.locator("figcaption").all_inner_texts()
    assert captions[0].startswith("smaller.jpg: azerbaijan, 2024-05-14T20:20:00Z")
    assert captions[1].startswith("doctored.jpg: azerbaijan and kanak, 2024-05-16T05:00:00Z")
    assert captions[2].startswith("Difference:")
    first = differ.locator("img").first
    before = first.get_attribute("src")
    differ.get_by_role("button", name="Blink").click()
    expect(first).not_to_have_attribute("src", before or "")
    expect(first).to_have_attribute("src", before or "")
    differ.get_by_role("button", name="Blink").click()
    assert page.locator(".differ").count() == 1


def test_the_difference_picture_marks_what_was_painted_and_nothing_else(report: Path) -> None:
    (path,) = report.glob("differences/*-difference.jpg")
    with Image.open(path) as image:
        pixels = np.asarray(image).astype(int)
    marked = (pixels[..., 0] - pixels[..., 1]) > 60
    inside = marked[PAINTED].mean()
    marked[116:268, 372:512] = False
    assert inside > 0.9
    assert marked.mean() < 0.002


# Numbers


def test_every_number_of_the_headline_is_a_link_to_as_many_files(page: Page) -> None:
    assert assert_numbers_are_links_to_as_many(page) == 16


def test_what_people_said_moves_files_between_the_numbers(
    open_page: OpenPage, report: Path, tmp_path: Path
) -> None:
    with reviewed(report, tmp_path) as (copy, store):
        painted, blue = row_of(copy, "doctored.jpg", "kanak"), row_of(copy, "blue.png")
        red = row_of(copy, "red.png")
        nothing = next(row for row in read_table(copy / "files.csv") if row["file"] == "nothing.png")
        store.add([Given(painted["id"], painted["sha256"], 0, "rejected")], "Ann")
        store.add([Given(blue["id"], blue["sha256"], 0, "confirmed", "kanak")], "Ann")
        store.add([Given(red["id"], red["sha256"], 0, "other_flag", "kanak")], "Ann")
        store.add([Given("", nothing["sha256"], 0, "missed", "kanak", (10, 10, 90, 90))], "Ann")
    page = open_page(copy / "index.html", 1400)
    cells = page.locator("#claims tbody tr").nth(1).locator("td").all_inner_texts()
    assert cells == ["5", "5", "4", "3", "2", "1", "2"]
    assert assert_numbers_are_links_to_as_many(page) > 16
    files = {row["file"]: row for row in read_table(copy / "files.csv")}
    assert files["doctored.jpg"]["claims"] == "azerbaijan"
    assert files["doctored.jpg"]["kanak"]  # what the model said stays
    assert files["red.png"]["claims"] == files["nothing.png"]["claims"] == "kanak"
    columns = ("confirmed", "rejected", "undecided", "drawn")
    assert [files["doctored.jpg"][name] for name in columns] == ["0", "1", "1", "0"]
    assert [files["red.png"][name] for name in columns] == ["1", "0", "0", "0"]
    assert [files["nothing.png"][name] for name in columns] == ["0", "0", "0", "1"]
    page.goto((copy / "index.html").as_uri() + "#show=label:kanak&verdict=rejected")
    expect(page.locator("#cards article h3")).to_have_text([re.compile("rejected: kanak")])


# Times


def test_a_bare_day_never_beats_a_time_of_that_day_and_is_named_as_possibly_earlier(page: Page) -> None:
    row = page.locator("#firsts tbody tr").first
    told = row.locator("td").all_inner_texts()
    assert "2024-05-14T20:20:00Z" in told[0]
    assert "smaller.jpg" in told[0]
    assert "2024-05-15 (day only, its zone unknown)" in told[1]
    assert "red.png" in told[1]
    row.get_by_role("link", name="smaller.jpg").click()
    expect(page.locator("#cards article")).to_have_count(1)
    expect(card_of(page, "smaller.jpg").get_by_role("link", name="smaller.jpg")).to_have_attribute(
        "href", "https://vk.com/wall1"
    )


@pytest.mark.parametrize(
    ("zone", "file", "day", "clock"),
    [
        ("UTC", "smaller.jpg", "2024-05-14", "2024-05-14T20:20:00Z"),
        (NOUMEA, "smaller.jpg", "2024-05-15", "2024-05-14T20:20:00Z (2024-05-15 07:20 Pacific/Noumea)"),
        (BAKU, "both.png", "2024-05-15", "2024-05-14T21:30:00Z (2024-05-15 01:30 Asia/Baku)"),
        (PARIS, "both.png", "2024-05-14", "2024-05-14T21:30:00Z (2024-05-14 23:30 Europe/Paris)"),
    ],
)
def test_a_post_counts_for_its_day_in_the_chosen_zone(
    page: Page, zone: str, file: str, day: str, clock: str
) -> None:
    page.fill("#zone", zone)
    page.fill("#from", day)
    page.fill("#to", day)
    expect(card_of(page, file)).to_have_count(1)
    expect(card_of(page, file)).to_contain_text(clock)
    assert page.locator("#charts figcaption").first.inner_text().endswith(f"by day posted ({zone})")
    other = {"2024-05-14": "2024-05-13", "2024-05-15": "2024-05-14"}[day]
    page.fill("#from", other)
    page.fill("#to", other)
    expect(page.get_by_role("listitem").filter(has_text=f"{file} shows")).to_have_count(0)


# Place


def test_back_reload_and_a_shared_link_give_the_same_view(open_page: OpenPage, page: Page) -> None:
    page.select_option("#show", "label:kanak")
    headings = page.locator("#cards article h3")
    kanak = headings.all_inner_texts()
    page.select_option("#show", "both_in_frame")
    assert headings.all_inner_texts() != kanak
    page.go_back()
    expect(headings).to_have_text(kanak)
    assert page.locator("#show").input_value() == "label:kanak"
    page.reload()
    expect(headings).to_have_text(kanak)
    assert page.locator("#show").input_value() == "label:kanak"
    page.get_by_role("link", name="To the pictures").focus()
    page.keyboard.press("Enter")
    expect(headings).to_have_text(kanak)
    assert page.evaluate("document.activeElement.id") == "gallery"


def test_files_without_a_flag_are_listed_searched_and_explained(page: Page) -> None:
    page.locator("#tab-other").click()
    expect(page.locator("#cards tbody tr")).to_have_count(3)
    page.fill("#text", "EMPTY")
    row = page.locator("#cards tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("the file has no content: the download may have failed — the file is empty")


def test_who_showed_which_flag_first_or_after_whom(page: Page) -> None:
    page.get_by_text("By author: who showed which flag").click()
    row = page.locator(".publishers").last.locator("tbody tr", has_text="rumours")
    assert [cell.strip() for cell in row.locator("td").all_inner_texts()] == [
        *("1", "1", "1", "1", "1", "2024-05-16T05:00:00Z", "0 pictures", "joe"),
    ]
    row.get_by_role("link", name="rumours").click()
    assert number_of_files(page) == 1


def test_the_lightbox_is_steered_by_keys_and_shows_boxes_as_a_layer(page: Page) -> None:
    card_of(page, "both.png").locator("button.frame").first.click()
    light = page.locator("#lightbox")
    expect(light.locator(".box")).to_have_count(2)
    width = light.locator("img").evaluate("one => one.getBoundingClientRect().width")
    page.keyboard.press("b")
    expect(light.locator(".box")).to_have_count(0)
    page.keyboard.press("+")
    assert light.locator("img").evaluate("one => one.getBoundingClientRect().width") > 1.4 * width
    name = light.locator("#caption").inner_text()
    page.keyboard.press("ArrowRight")
    assert light.locator("#caption").inner_text() != name
    page.keyboard.press("ArrowLeft")
    expect(light.locator("#caption")).to_have_text(name)
    page.keyboard.press("Escape")
    expect(light).to_be_hidden()


def test_ids_and_citations_are_copied(open_page: OpenPage, report: Path) -> None:
    page = open_page(report / "index.html", timezone_id=NOUMEA)
    page.evaluate(
        "() => { window.copied = []; navigator.clipboard.writeText = async (text) => copied.push(text); }"
    )
    card = card_of(page, "both.png")
    card.locator("button.id").first.click()
    card.get_by_role("button", name="Copy a citation of both.png").last.click()
    expect(page.locator("#told")).to_have_text("Copied")
    ids, citation = page.evaluate("window.copied")
    assert ids in {row["id"] for row in read_table(report / "detections.csv")}
    row = row_of(report, "both.png")
    for told in (
        row["sha256"],
        "https://t.me/c/10",
        "2024-05-14T21:30:00Z (2024-05-15 08:30 Pacific/Noumea)",
        "flag-detector ",
        "nobody has looked at it",
    ):
        assert told in citation


def test_a_video_has_its_frames_and_both_flags_on_its_time_line(page: Page) -> None:
    video = card_of(page, "clip.mp4").locator(".video")
    for frame in video.locator(".contacts img").all():
        frame.scroll_into_view_if_needed()
        frame.evaluate("one => one.decode()")
    expect(video.locator(".contacts figcaption")).to_have_text(["0:00:00", "0:00:01", "0:00:04", "0:00:05"])
    bars = video.locator("svg rect[fill^='#']")
    assert [bar.get_attribute("fill") for bar in bars.all()] == ["#E69F00", "#CC79A7"]
    left = [float(bar.get_attribute("x") or 0) for bar in bars.all()]
    assert left[0] < 50
    assert 600 < left[1] < 750


def test_paper_shows_all_cards_of_the_filter(page: Page) -> None:
    page.evaluate(
        "() => { window.sizes = []; addEventListener('afterprint', () => sizes.push(found.length)); }"
    )
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator("#cards article").count() == page.evaluate("found.length")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() > 0


def test_the_threshold_slider_tells_what_would_be_gained(page: Page) -> None:
    page.get_by_text("What another threshold would change").click()
    slider = page.get_by_role("slider", name="kanak")
    slider.fill("0.7")
    expect(page.locator("#sliders output").last).to_have_text("from 0.70: 3 files, 1 file fewer")
    expect(page.locator("#command")).to_contain_text("--threshold azerbaijan=0.50 --threshold kanak=0.70")


def test_the_summary_adds_up(report: Path) -> None:
    summary = json.loads((report / "summary.json").read_text())
    for reach in summary["shows"].values():
        assert reach["files"] == reach["confirmed"] + reach["undecided"]
        assert reach["files"] == reach["said_by_model"] - reach["rejected"] + reach["entered"]
    with (report / "detections.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert summary["detections"] == len(rows)
    looked_at = {row["id"] for row in rows if row["crop"]}
    assert summary["detections"] - summary["repeated"] - summary["without_picture"] == len(looked_at)


@pytest.mark.parametrize("part", ["-second.jpg", "-difference.jpg"])
def test_a_compared_picture_that_was_changed_is_not_blessed_by_writing_the_page_again(
    report: Path, tmp_path: Path, part: str
) -> None:
    copy = shutil.copytree(report, tmp_path / "report")
    rewrite_report(copy)
    assert verify_report(copy, lambda *_: None).outputs.changed == ()
    (picture,) = copy.glob(f"differences/*{part}")
    picture.write_bytes(picture.read_bytes() + b"\0")
    rewrite_report(copy)
    assert verify_report(copy, lambda *_: None).outputs.changed == (f"differences/{picture.name}",)


@pytest.fixture(scope="module")
def long_video(tmp_path_factory: pytest.TempPathFactory, fake_weights: Path) -> Path:
    """Twenty seconds of a flag, of which a few have pictures, and ten of the other."""
    folder, report = tmp_path_factory.mktemp("long"), tmp_path_factory.mktemp("of long") / "report"
    times = [1000 * second for second in range(30)]
    images = [picture((1, 1, RED) if second < 20 else (2, 1, BLUE)) for second in range(30)]
    write_video(folder / "a.mp4", images, milliseconds=times, codec="libx264")
    scan(
        ScanOptions(paths=(folder,), out=report, weights=fake_weights, workers=1),
        lambda _: None,
        threading.Event(),
    )
    return report


def test_of_a_video_what_people_say_of_its_pictures_counts_for_the_frames_between(
    long_video: Path, tmp_path: Path, open_page: OpenPage
) -> None:
    rows = read_table(long_video / "detections.csv")
    pictured = [row for row in rows if row["crop"] and row["label"] == "azerbaijan"]
    assert len(pictured) < sum(row["label"] == "azerbaijan" for row in rows)
    (before,) = read_table(long_video / "files.csv")
    assert (before["claims"], before["undecided"]) == (
        "azerbaijan; kanak",
        str(sum(row["crop"] != "" for row in rows)),
    )
    with reviewed(long_video, tmp_path) as (copy, store):
        for row in pictured:
            store.add([Given(row["id"], row["sha256"], int(row["frame_index"]), "rejected")], "Ann")
    (after,) = read_table(copy / "files.csv")
    assert after["claims"] == "kanak"
    assert after["rejected"] == str(len(pictured))
    page = open_page(copy / "index.html", 1400)
    line = page.locator(".video")
    assert "azerbaijan" not in line.inner_text() + (line.locator("svg").get_attribute("aria-label") or "")
    assert line.locator("svg rect[fill^='#']").count() == 1
    for frame in line.locator(".contacts img").all():
        assert "kanak" in (frame.get_attribute("alt") or "")
    page.select_option("#verdict", "rejected")
    expect(line).to_contain_text("azerbaijan, rejected, 0:00:20–0:00:29 kanak")


def test_a_doubt_that_no_picture_shows_is_no_claim_where_a_surer_picture_is(
    long_video: Path, tmp_path: Path, open_page: OpenPage
) -> None:
    """A video whose flag is once less sure is not said to show one flag or the other."""
    copy = shutil.copytree(long_video, tmp_path / "report")
    change_journal(copy, "UPDATE detections SET ambiguous = 1 WHERE class_id = 0 AND crop = ''")
    rewrite_report(copy)
    shows = json.loads((copy / "summary.json").read_text())["shows"]
    assert (shows["ambiguous"]["files"], shows["azerbaijan"]["files"]) == (0, 1)
    change_journal(copy, "UPDATE detections SET ambiguous = 1, rival_class_id = 1 WHERE class_id = 0")
    rewrite_report(copy)
    page = open_page(copy / "index.html", 1400)
    page.select_option("#show", "ambiguous")
    expect(page.locator("#cards h3")).to_have_text([re.compile(r"azerbaijan or kanak\?")])
    assert page.locator(".shots img").count() == 1
    expect(page.locator(".video p")).to_contain_text("azerbaijan or kanak?, 0:00:20–0:00:29 kanak")
