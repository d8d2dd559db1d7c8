"""What a review notes, and what becomes of it."""

import json
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from detector.errors import ReportFolderError
from detector.journal.verdicts import NOTHING_ELSE
from detector.report import rewrite_report
from detector.review import pictures
from detector.review.app import open_desk
from tests.conftest import RED, write_picture
from tests.reports import change_journal, contents
from tests.reviewing import (
    Visitor,
    add_detections,
    copy_reviewable,
    detections_of,
    open_review,
)
from tests.test_evidence import save, scenery
from tests.test_scan import read_table, scan_folder

HOSTILE = "</script><img src=x onerror=hacked()> {{ 7 * 7 }} =cmd|' /C calc'!A0"


@pytest.fixture
def report(reviewable: Path, tmp_path: Path) -> Path:
    return copy_reviewable(reviewable, tmp_path)


@pytest.fixture
def ann(report: Path) -> Visitor:
    return Visitor(open_review(report), "Ann")


def row_of(report: Path, name: str) -> dict[str, str]:
    return next(row for row in read_table(report / "detections.csv") if row["id"] == name)


def nothing_in(visitor: Visitor) -> str:
    """Id of the frame of nothing.png, in which nothing is shown."""
    collection = visitor.desk.collection
    return next(
        name
        for name in collection.sample
        if collection.contents[collection.frames[name].sha256].files[0].name == "nothing.png"
    )


def write_tables(visitor: Visitor) -> None:
    assert visitor.tell("tables").status_code == 200


# Verdicts and tables


def test_a_verdict_stands_in_the_tables_beside_what_the_model_said(ann: Visitor, report: Path) -> None:
    before = read_table(report / "detections.csv")
    (name,) = detections_of(ann.desk, "sub/blue.png")
    (number,) = ann.judge("other_flag", name, note="  seen\nclosely ")
    write_tables(ann)
    row = row_of(report, name)
    assert (row["verdict"], row["verdict_label"], row["reviewer"]) == ("other_flag", "azerbaijan", "Ann")
    assert row["note"] == "seen closely"
    assert row["reviewed_at"].endswith("Z")
    human = ("verdict", "verdict_label", "reviewer", "reviewed_at", "note")
    after = read_table(report / "detections.csv")
    assert [{k: v for k, v in one.items() if k not in human} for one in after] == [
        {k: v for k, v in one.items() if k not in human} for one in before
    ]
    (review,) = read_table(report / "reviews.csv")
    assert (review["number"], review["file"], review["counts"]) == (str(number), "sub/blue.png", "true")


def test_exact_copies_share_a_verdict(ann: Visitor, report: Path) -> None:
    (name,) = detections_of(ann.desk, "red.png")
    assert [file["name"] for file in ann.item(name)["files"]] == ["copy of red.png", "red.png"]
    ann.judge("confirmed", name)
    write_tables(ann)
    rows = [row for row in read_table(report / "detections.csv") if row["id"] == name]
    assert [row["verdict"] for row in rows] == ["confirmed", "confirmed"]


def test_tables_written_again_are_those_of_the_scan_but_for_what_people_said(
    ann: Visitor, report: Path, fake_weights: Path
) -> None:
    before = contents(report)
    write_tables(ann)
    assert contents(report) == before
    ann.judge("confirmed", *detections_of(ann.desk, "red.png"))
    write_tables(ann)
    reviewed = contents(report)
    changed = {name for name in reviewed if reviewed[name] != before.get(name)} - {"scan.db"}
    tables = {"detections.csv", "files.csv", "reviews.csv"}  # in files.csv what people say of the file
    assert changed == tables | {"chain.json", "summary.json", "index.html", "manifest.sha256"}
    assert json.loads(reviewed["summary.json"])["reviewed"] == 2  # of two exact copies
    assert b"1 of " in reviewed["index.html"]  # exact copies are looked at once


def test_a_resumed_scan_keeps_verdicts(ann: Visitor, report: Path, fake_weights: Path) -> None:
    (name,) = detections_of(ann.desk, "red.png")
    ann.judge("rejected", name)
    write_picture(report.parent / "downloads" / "new.png", (0, 0, RED))
    scan_folder(report.parent / "downloads", report, fake_weights, densify=False, pictures="all")
    assert row_of(report, name)["verdict"] == "rejected"
    assert len(read_table(report / "reviews.csv")) == 1


def test_undo_is_a_row_and_brings_back_what_was(ann: Visitor, report: Path) -> None:
    (name,) = detections_of(ann.desk, "red.png")
    ann.judge("confirmed", name)
    ann.judge("rejected", name)
    assert ann.tell("undo").get_json() == {"ids": [name], "verdicts": ["rejected"]}
    assert ann.item(name)["mine"]["verdict"] == "confirmed"
    write_tables(ann)
    rows = [(row["verdict"], row["counts"], row["undoes"]) for row in read_table(report / "reviews.csv")]
    assert rows == [("confirmed", "true", "0"), ("rejected", "false", "0"), ("undo", "false", "2")]
    assert ann.tell("undo").get_json()["verdicts"] == ["confirmed"]
    assert ann.tell("undo").get_json()["ids"] == []
    write_tables(ann)
    assert row_of(report, name)["verdict"] == ""


def test_a_decision_on_several_is_undone_as_one(ann: Visitor) -> None:
    names = detections_of(ann.desk, "clip.mp4")
    assert len(names) > 2
    ann.judge("confirmed", names[0])
    ann.judge("rejected", *names)
    assert sorted(ann.tell("undo").get_json()["ids"]) == sorted(names)
    assert ann.item(names[0])["mine"]["verdict"] == "confirmed"
    assert ann.item(names[1])["mine"] is None


def test_one_undoes_only_ones_own(report: Path) -> None:
    app = open_review(report)
    ann, bo = Visitor(app, "Ann"), Visitor(app, "Bo")
    (number,) = ann.judge("confirmed", *detections_of(ann.desk, "red.png"))
    assert bo.tell("undo").get_json()["ids"] == []
    assert bo.tell("undo", number=number).get_json()["ids"] == []
    assert len(ann.desk.store.rows()) == 1


def test_hostile_texts_stay_texts(ann: Visitor, report: Path) -> None:
    (name,) = detections_of(ann.desk, "red.png")
    ann.send("/name", data={"reviewer": "=" + HOSTILE[:40]})
    ann.judge("confirmed", name, note="=" + HOSTILE)
    for path in ("/", "/progress", "/grid"):
        assert "<img src=x" not in ann.get(path).text
    assert ann.item(name)["mine"]["note"] == "=" + HOSTILE
    write_tables(ann)
    row = row_of(report, name)
    assert row["note"] == "'=" + HOSTILE
    assert row["reviewer"].startswith("'=")
    assert "49" not in row["note"]


def test_a_note_is_one_line_that_steers_nothing(ann: Visitor) -> None:
    (name,) = detections_of(ann.desk, "red.png")
    note = r"a\nb\u0000\u001b[2J\u202e \ud800 c:\\new"
    body = f'{{"verdict": "confirmed", "ids": ["{name}"], "note": "{note}"}}'
    answer = ann.send("/api/verdicts", data=body, content_type="application/json")
    assert answer.status_code == 200
    assert ann.item(name)["mine"]["note"] == "a b[2J ? c:\\new"


# Drawn boxes and checked frames


def test_a_drawn_box_is_kept_in_pixels_of_the_frame(ann: Visitor, report: Path) -> None:
    (name,) = detections_of(ann.desk, "red.png")
    frame = ann.item(name)["frame"]
    answer = ann.tell("verdicts", verdict="missed", frame=frame, label="kanak", box=[0.5, 0.25, 0.75, 0.25])
    assert answer.status_code == 200
    (drawn,) = ann.item(name)["drawn"]
    assert drawn["box"] == [0.5, 0.25, 0.5, 0.25]  # cut at the edge
    write_tables(ann)
    (row,) = read_table(report / "reviews.csv")
    assert [row[side] for side in ("left", "top", "right", "bottom")] == ["64.0", "24.0", "128.0", "48.0"]
    assert (row["verdict"], row["label"], row["detection_id"]) == ("missed", "kanak", "")
    assert ann.tell("undo", number=drawn["number"]).get_json()["ids"] == [frame]
    assert ann.item(name)["drawn"] == []


def test_a_frame_with_nothing_else_is_checked(ann: Visitor) -> None:
    (name,) = detections_of(ann.desk, "red.png")
    frame = ann.item(name)["frame"]
    ann.tell("verdicts", verdict=NOTHING_ELSE, frame=frame)
    assert ann.item(name)["checked"] is True
    assert ann.item(name)["checked_by"] == ["Ann"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ({}, 400),
        ({"verdict": "undo", "ids": ["x"]}, 400),
        ({"verdict": "confirmed"}, 400),
        ({"verdict": "confirmed", "ids": []}, 400),
        ({"verdict": "confirmed", "ids": "x"}, 400),
        ({"verdict": "confirmed", "ids": ["no-0-0"]}, 404),
        ({"verdict": "confirmed", "ids": ["FIRST", "no-0-0"]}, 404),
        ({"verdict": "confirmed", "ids": ["FIRST"], "note": "x" * 2001}, 400),
        ({"verdict": "confirmed", "ids": ["FIRST"], "note": 7}, 400),
        ({"verdict": "nothing_else", "frame": "no-0"}, 404),
        ({"verdict": "missed", "frame": "FRAME", "label": "azerbaijan"}, 400),
        ({"verdict": "missed", "frame": "FRAME", "label": "none", "box": [0, 0, 1, 1]}, 400),
        ({"verdict": "missed", "frame": "FRAME", "label": "azerbaijan", "box": [0, 0, 0, 1]}, 400),
        ({"verdict": "missed", "frame": "FRAME", "label": "azerbaijan", "box": [2, 2, 1, 1]}, 400),
        ({"verdict": "missed", "frame": "FRAME", "label": "azerbaijan", "box": [0, 0, "1", 1]}, 400),
        ({"verdict": "missed", "frame": "FRAME", "label": "azerbaijan", "box": [0, 0, float("nan"), 1]}, 400),
    ],
)
def test_what_makes_no_sense_is_refused_and_not_noted(
    ann: Visitor, content: dict[str, object], status: int
) -> None:
    (name,) = detections_of(ann.desk, "red.png")
    frame = ann.item(name)["frame"]
    given = json.loads(json.dumps(content).replace("FIRST", name).replace("FRAME", frame))
    answer = ann.tell("verdicts", **given)
    assert answer.status_code == status
    assert answer.get_json()["error"]
    assert not ann.desk.store.rows()


def test_what_is_not_json_is_refused(ann: Visitor) -> None:
    for path in ("verdicts", "undo", "position"):
        assert ann.send(f"/api/{path}", data="x=1").status_code == 400
        assert ann.send(f"/api/{path}", json=[1]).status_code == 400
    assert ann.tell("undo", number="1; DROP TABLE verdicts").status_code == 400


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("verdicts", DEEP),
        ("verdicts", '{"verdict": ' + DEEP + "}"),
        ("verdicts", '{"verdict": ' + '{"a":' * 50_000 + "1" + "}" * 50_000 + "}"),
        ("verdicts", '{"verdict": ["confirmed"], "ids": ["FIRST"]}'),
        ("verdicts", '{"verdict": {}, "ids": ["FIRST"]}'),
        ("verdicts", '{"verdict": "confirmed", "ids": [["FIRST"]]}'),
        ("verdicts", '{"verdict": "confirmed", "ids": [null]}'),
        ("verdicts", '{"verdict": "confirmed", "ids": {"FIRST": 1}}'),
        ("verdicts", '{"verdict": "nothing_else", "frame": ["FRAME"]}'),
        ("verdicts", '{"verdict": "missed", "frame": "FRAME", "label": [], "box": [0, 0, 1, 1]}'),
        ("verdicts", '{"verdict": "missed", "frame": "FRAME", "label": "kanak", "box": [0, 0, 1e999, 1]}'),
        ("verdicts", '{"verdict": "missed", "frame": "FRAME", "label": "kanak", "box": [0, 0, 1, 1BIG]}'),
        ("verdicts", '{"verdict": "missed", "frame": "FRAME", "label": "kanak", "box": [0, 0, true, 1]}'),
        ("undo", '{"number": 1BIG}'),
        ("undo", '{"number": 1BIGBIGBIG}'),
        ("undo", '{"number": -1}'),
        ("undo", '{"number": true}'),
        ("undo", '{"number": 1.5}'),
        ("undo", '{"number": null}'),
        ("position", '{"queue": [], "item": "FIRST"}'),
        ("position", '{"queue": {}, "item": "FIRST"}'),
        ("position", '{"queue": "both", "item": {}}'),
        ("position", '{"queue": "both", "item": ["FIRST"]}'),
        ("position", "\ud800"),
    ],
)
def test_deep_json_huge_numbers_and_wrong_types_are_refused_and_not_noted(
    ann: Visitor, path: str, body: str
) -> None:
    (name,) = detections_of(ann.desk, "red.png")
    frame = ann.item(name)["frame"]
    given = body.replace("FIRST", name).replace("FRAME", frame).replace("BIG", "0" * 2000)
    answer = ann.send(
        f"/api/{path}", data=given.encode("utf-8", "surrogatepass"), content_type="application/json"
    )
    assert answer.status_code == 400
    assert answer.get_json()["error"]
    assert not ann.desk.store.rows()


# Queues


def test_each_queue_has_its_order(ann: Visitor) -> None:
    collection = ann.desk.collection
    confidence = {name: one.confidence for name, one in collection.detections.items()}
    by_confidence = ann.read("queue?queue=confidence")["ids"]
    shown = [name for name, one in collection.detections.items() if one.shown]
    assert sorted(by_confidence) == sorted(shown)
    assert [confidence[name] for name in by_confidence] == sorted(
        (confidence[name] for name in shown), reverse=True
    )
    margins = [confidence[name] - 0.5 for name in ann.read("queue?queue=uncertain")["ids"]]
    assert margins == sorted(margins)
    assert sorted(ann.read("queue?queue=both")["ids"]) == sorted(detections_of(ann.desk, "sub/both.png"))
    assert ann.get("/api/queue?queue=nowhere").status_code == 404


def test_the_sample_is_of_files_without_detection_and_always_the_same(ann: Visitor, report: Path) -> None:
    ids = ann.read("queue?queue=sample")["ids"]
    names = {
        ann.desk.collection.contents[ann.desk.collection.frames[one].sha256].files[0].name for one in ids
    }
    assert names == {"nothing.png", "nothing else.png"}
    assert Visitor(open_review(report), "Bo").read("queue?queue=sample")["ids"] == ids


def test_the_position_in_each_queue_is_kept(ann: Visitor, report: Path) -> None:
    ids = ann.read("queue?queue=date")["ids"]
    assert ann.tell("position", queue="date", item=ids[2]).status_code == 200
    assert ann.tell("position", queue="date", item="nowhere").status_code == 400
    assert ann.tell("position", queue="nowhere", item=ids[2]).status_code == 400
    app = open_review(report)
    assert Visitor(app, "Ann").read("queue?queue=date")["position"] == ids[2]
    assert Visitor(app, "Ann").read("queue?queue=both")["position"] == ""
    assert Visitor(app, "Bo").read("queue?queue=date")["position"] == ""


def test_a_video_gives_neighbours_and_its_event(ann: Visitor) -> None:
    names = ann.read("queue?queue=date")["ids"]
    of_clip = detections_of(ann.desk, "clip.mp4")
    first, second = ann.item(of_clip[0]), ann.item(of_clip[1])
    assert (first["before"], first["after"]) == ("", of_clip[1])
    assert second["before"] == of_clip[0]
    assert set(first["event"]["others"]) == set(of_clip[1:])
    assert set(of_clip) <= set(names)
    ann.judge("confirmed", of_clip[1])
    assert of_clip[1] not in ann.item(of_clip[0])["event"]["others"]


def test_copies_are_told_and_can_be_judged_with_the_first(tmp_path: Path, fake_weights: Path) -> None:
    save(scenery(1, (1, 1, RED)), tmp_path / "in" / "first.png")
    save(scenery(1, (1, 1, RED)), tmp_path / "in" / "second.jpg", quality=50)
    save(scenery(2, (1, 1, RED)), tmp_path / "in" / "apart.png")
    scan_folder(tmp_path / "in", tmp_path / "report", fake_weights)
    ann = Visitor(open_review(tmp_path / "report"), "Ann")
    (first,), (second,) = detections_of(ann.desk, "first.png"), detections_of(ann.desk, "second.jpg")
    item = ann.item(first)
    assert item["copies"] == [{"name": "second.jpg", "dated": "", "item": second}]
    assert item["alike"] == [second]
    assert ann.item(*detections_of(ann.desk, "apart.png"))["alike"] == []


def test_small_cards_are_for_a_look_before_a_decision_on_many(ann: Visitor) -> None:
    names = detections_of(ann.desk, "clip.mp4")
    cards = ann.read(f"items?small=1&ids={','.join(names)},nowhere")
    assert [card["id"] for card in cards] == names
    assert set(cards[0]) >= {"crop", "label", "confidence", "verdict"}


# Several reviewers


def test_a_second_opinion_does_not_see_the_first(report: Path) -> None:
    app = open_review(report)
    ann, bo = Visitor(app, "Ann"), Visitor(app, "Bo")
    (name,) = detections_of(ann.desk, "red.png")
    assert bo.read("queue?queue=second")["ids"] == []
    ann.judge("confirmed", name)
    assert bo.read("queue?queue=second") == {"ids": [name], "done": [], "position": ""}
    assert ann.read("queue?queue=second")["ids"] == []
    assert bo.item(name, "second")["others"] == []
    bo.judge("rejected", name)
    assert [one["reviewer"] for one in bo.item(name, "second")["others"]] == ["Ann"]


def test_a_disagreement_is_listed_and_told_until_it_is_settled(report: Path) -> None:
    app = open_review(report)
    ann, bo, eve = Visitor(app, "Ann"), Visitor(app, "Bo"), Visitor(app, "Eve")
    (name,) = detections_of(ann.desk, "sub/blue.png")
    ann.judge("confirmed", name)
    bo.judge("rejected", name)
    assert eve.read("queue?queue=disputed")["ids"] == [name]
    assert {one["reviewer"] for one in eve.item(name, "disputed")["others"]} == {"Ann", "Bo"}
    write_tables(ann)
    row = row_of(report, name)
    assert (row["verdict"], row["verdict_label"], row["reviewer"]) == ("disputed", "", "Ann; Bo")
    assert len(read_table(report / "reviews.csv")) == 2
    bo.judge("confirmed", name)
    assert eve.read("queue?queue=disputed")["ids"] == []


def test_two_reviewers_at_once_lose_nothing_in_one_server_nor_in_two(report: Path) -> None:
    visitors = [Visitor(open_review(report), "Ann"), Visitor(open_review(report), "Bo")]
    visitors += [Visitor(visitors[0].client.application, "Cy")]
    names = list(visitors[0].desk.collection.detections)
    failures: list[BaseException] = []

    def judge_all(visitor: Visitor) -> None:
        try:
            for _ in range(5):
                for name in names:
                    visitor.judge("confirmed", name)
        except BaseException as error:  # noqa: BLE001 (told below)
            failures.append(error)

    threads = [threading.Thread(target=judge_all, args=(visitor,)) for visitor in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for visitor in visitors:
        rows = visitor.desk.store.rows()
        assert len(rows) == 3 * 5 * len(names)
        assert [row.number for row in rows] == list(range(1, len(rows) + 1))


def test_progress_tells_what_was_judged(report: Path) -> None:
    app = open_review(report)
    ann, bo = Visitor(app, "Ann"), Visitor(app, "Bo")
    shown = [one for one in ann.desk.collection.detections.values() if one.shown]
    names = [one.id for one in shown if one.label == "azerbaijan"]
    ann.judge("confirmed", *names)
    ann.judge("rejected", names[0])
    bo.judge("confirmed", names[1])
    bo.judge("rejected", names[2])
    frame = nothing_in(ann)
    ann.tell("verdicts", verdict="missed", frame=frame, label="kanak", box=[0, 0, 1, 1])
    text = " ".join(ann.get("/progress").text.split())
    assert f"<strong>{len(names)} of {len(shown)}</strong> detections to be looked at have a verdict" in text
    assert "1 are disputed" in text
    assert f"<td>{len(names) - 1}</td><td>{len(names) - 2}</td>" in text  # judged, right
    assert "Of 1 checked files of the sample, 1 show a flag that was missed: 100 %" in text
    assert '<th scope="row">Ann and Bo</th><td>2</td><td>1</td>' in text
    rewrite_report(report)
    page = (report / "index.html").read_text(encoding="utf-8")
    assert f"{len(names)} of {len(shown)} detections to be looked at have a person's verdict" in page


def test_progress_of_a_fresh_report_claims_nothing(ann: Visitor) -> None:
    text = ann.get("/progress").text
    assert "how much is missed is unknown" in text
    assert "too few verdicts" in text
    assert "Nobody has decided anything yet" in text


def test_the_grid_shows_a_queue_and_what_is_still_open(ann: Visitor) -> None:
    names = ann.read("queue?queue=confidence")["ids"]
    ann.judge("confirmed", names[0])
    everything = ann.get("/grid?queue=confidence").text
    assert all(f'value="{name}"' in everything for name in names)
    still_open = ann.get("/grid?queue=confidence&open=1").text
    assert f'value="{names[0]}"' not in still_open
    assert f'value="{names[1]}"' in still_open
    assert ann.get("/grid?queue=nowhere&page=99").status_code == 200
    assert ann.get("/grid?page=x").status_code == 200


# Originals


def test_a_frame_without_picture_is_read_from_the_original_with_faces_hidden(
    ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def note(image: np.ndarray, *, show_faces: bool) -> np.ndarray:
        asked.append(show_faces)
        return image

    monkeypatch.setattr(pictures, "protect", note)
    frame = nothing_in(ann)
    item = ann.item(frame)
    assert (item["kind"], item["picture"]) == ("frame", f"original/{frame}")
    answer = ann.get("/" + item["picture"])
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert asked == [False]


def test_a_video_frame_is_read_again_at_its_time(ann: Visitor, tmp_path: Path) -> None:
    for name in detections_of(ann.desk, "clip.mp4"):
        answer = ann.get("/" + ann.item(name)["original"])
        (tmp_path / "frame.jpg").write_bytes(answer.data)
        with Image.open(tmp_path / "frame.jpg") as image:
            red, green, blue = image.getpixel((48, 48))  # type: ignore[misc]
        assert red > 180
        assert max(green, blue) < 80


def test_an_original_that_is_gone_or_changed_is_said_to_be(ann: Visitor, report: Path) -> None:
    frame = nothing_in(ann)
    original = report.parent / "downloads" / "nothing.png"
    write_picture(original, (0, 0, RED))
    answer = ann.get(f"/original/{frame}")
    assert (answer.status_code, answer.text) == (
        410,
        "nothing.png: gone, or changed since the scan\n",
    )
    original.unlink()
    assert ann.get(f"/original/{frame}").status_code == 410
    assert ann.get("/original/nowhere-0").status_code == 404


# Reports that cannot be reviewed


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportFolderError, match="is no report"):
        open_desk(tmp_path, "")
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_a_scan_writes_to_is_refused(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.journal.database.LOCK_SECONDS", 0.1)
    with FileLock(report / "scan.lock"), pytest.raises(ReportFolderError, match="a scan is writing"):
        open_desk(report, "")


def test_a_report_whose_scan_was_killed_is_refused(report: Path) -> None:
    change_journal(report, "INSERT INTO run (started_at, batch) VALUES ('2099-01-01T00:00:00Z', 1)")
    with pytest.raises(ReportFolderError, match="did not come to its end"):
        open_desk(report, "")


def test_tables_are_not_written_under_a_scan(
    ann: Visitor, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.report.outputs.LOCK_SECONDS", 0.1)
    ann.judge("confirmed", *detections_of(ann.desk, "red.png"))
    with FileLock(report / "scan.lock"):
        answer = ann.tell("tables")
    assert answer.status_code == 409
    assert "scan is writing" in answer.get_json()["error"]


def test_a_review_goes_on_while_a_scan_adds_files(ann: Visitor, report: Path, fake_weights: Path) -> None:
    write_picture(report.parent / "downloads" / "new.png", (0, 0, RED))
    (report.parent / "downloads" / "sub" / "blue.png").unlink()
    names = ann.read("queue?queue=confidence")["ids"]
    scan_folder(report.parent / "downloads", report, fake_weights, densify=False, pictures="all")
    assert ann.read("queue?queue=confidence")["ids"] == names
    ann.judge("confirmed", *names)
    write_tables(ann)
    verdicts = {row["file"]: row["verdict"] for row in read_table(report / "detections.csv")}
    assert verdicts["red.png"] == "confirmed"
    assert verdicts["new.png"] == ""
    assert "sub/blue.png" not in verdicts


def test_a_report_of_an_earlier_version_without_verdicts_can_be_reviewed(report: Path) -> None:
    with sqlite3.connect(report / "scan.db") as journal:
        journal.execute("DROP TABLE IF EXISTS verdicts")
    journal.close()
    visitor = Visitor(open_review(report), "Ann")
    visitor.judge("confirmed", *detections_of(visitor.desk, "red.png"))
    assert len(visitor.desk.store.rows()) == 1


def test_ten_thousand_detections_are_reviewed_without_waiting(reviewable: Path, tmp_path: Path) -> None:
    import time

    report = copy_reviewable(reviewable, tmp_path)
    add_detections(report, 10_000)
    started = time.monotonic()
    visitor = Visitor(open_review(report), "Ann")
    opening = time.monotonic() - started
    started = time.monotonic()
    ids = visitor.read("queue?queue=uncertain")["ids"]
    assert len(ids) >= 10_000
    visitor.read(f"items?ids={','.join(ids[:24])}")
    visitor.judge("confirmed", *ids[:200])
    visitor.get("/grid?queue=uncertain&open=1")
    answering = time.monotonic() - started
    assert opening < 20
    assert answering < 10


def test_no_file_stays_open_for_a_browser_that_hangs_up(ann: Visitor) -> None:
    for name, kind in (
        ("review.js", "javascript"),
        ("review.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
    ):
        answer = ann.get(f"/static/{name}")
        assert kind in answer.headers["Content-Type"]
        assert answer.data
        assert not answer.is_streamed
    for name in ("../app.py", "..%2fapp.py", "flags"):
        assert ann.get(f"/static/{name}").status_code == 404


def test_the_drawings_of_flags_are_those_of_the_project() -> None:
    from tests.conftest import REPOSITORY

    for name in ("azerbaijan.svg", "kanak.svg"):
        served = REPOSITORY / "detector" / "review" / "static" / "flags" / "ours" / name
        assert served.read_bytes() == (REPOSITORY / "datasets" / "artwork" / name).read_bytes()
