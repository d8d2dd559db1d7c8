"""A training set of what people said."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.errors import ReportFolderError, UsageError
from detector.export import reviewed as reviewed_module
from detector.export.exporting import Export, export_report
from detector.export.reviewed import split_groups
from detector.options import ExportFormat
from tests.cli.test_cli import run_detector
from tests.conftest import BLUE, RED, write_picture
from tests.reports import contents
from tests.reviewing import HOSTILE_NAME, Visitor, copy_reviewable, detections_of, open_review
from tests.test_evidence import save, scenery
from tests.test_scan import scan_folder


@pytest.fixture
def report(reviewable: Path, tmp_path: Path) -> Path:
    return copy_reviewable(reviewable, tmp_path)


@pytest.fixture
def ann(report: Path) -> Visitor:
    return Visitor(open_review(report), "Ann")


def export(report: Path) -> Export:
    return export_report(report, ExportFormat.YOLO, reviewed=True)


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "pictures.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def labels_of(folder: Path, file: str) -> list[list[float]]:
    (row,) = [row for row in rows_of(folder) if row["file"] == file]
    text = (folder / "labels" / row["split"] / f"{row['name']}.txt").read_text()
    return [[float(value) for value in line.split()] for line in text.splitlines()]


def test_confirmed_corrected_and_drawn_boxes_and_checked_negatives_are_written(
    ann: Visitor, report: Path
) -> None:
    (red,), (blue,) = detections_of(ann.desk, "red.png"), detections_of(ann.desk, "sub/blue.png")
    both = detections_of(ann.desk, "sub/both.png")
    ann.judge("confirmed", red)
    ann.judge("other_flag", blue)
    ann.judge("confirmed", both[0])
    ann.judge("another_flag", both[1])
    ann.tell("verdicts", verdict="missed", frame=ann.item(red)["frame"], label="kanak", box=[0, 0, 0.5, 0.5])
    frames = {
        ann.desk.collection.contents[ann.desk.collection.frames[one].sha256].files[0].name: one
        for one in ann.desk.collection.sample
    }
    ann.tell("verdicts", verdict="nothing_else", frame=frames["nothing.png"])
    done = export(report)
    assert done.out == report.parent / "report-yolo-reviewed"
    assert labels_of(done.out, "copy of red.png") == [
        [0, *(48 / 128, 48 / 96, 32 / 128, pytest.approx(32 / 96, abs=1e-6))],
        [1, 0.25, 0.25, 0.5, 0.5],
    ]
    assert [box[0] for box in labels_of(done.out, "sub/blue.png")] == [0]  # the machine said 1
    assert [box[0] for box in labels_of(done.out, "sub/both.png")] == [
        ann.desk.collection.class_names.index(ann.desk.collection.detections[both[0]].label)
    ]
    assert labels_of(done.out, "nothing.png") == []
    rows = {row["file"]: row for row in rows_of(done.out)}
    assert set(rows) == {"copy of red.png", "sub/blue.png", "sub/both.png", "nothing.png"}
    assert rows["nothing.png"]["checked"] == "true"
    assert rows["sub/blue.png"]["checked"] == "false"
    assert (done.written.files, done.written.detections) == (5, 4)
    assert any("3 pictures were not marked" in note for note in done.written.notes)


def test_pictures_are_the_originals_without_marks(ann: Visitor, report: Path) -> None:
    ann.judge("confirmed", *detections_of(ann.desk, "red.png"))
    folder = export(report).out
    (row,) = rows_of(folder)
    with Image.open(folder / "images" / row["split"] / f"{row['name']}.jpg") as written:
        with Image.open(report.parent / "downloads" / "red.png") as original:
            apart = np.asarray(written).astype(int) - np.asarray(original.convert("RGB"))
        assert np.abs(apart).mean() < 2
        assert not written.getexif()


def test_faces_in_them_are_hidden_as_in_the_report(
    ann: Visitor, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def note(image: np.ndarray, *, show_faces: bool) -> np.ndarray:
        asked.append(show_faces)
        return image

    monkeypatch.setattr(reviewed_module, "protect", note)
    ann.judge("confirmed", *detections_of(ann.desk, "red.png"))
    export(report)
    assert asked == [False]


def test_a_frame_with_something_undecided_is_left_out(report: Path) -> None:
    app = open_review(report)
    ann, bo = Visitor(app, "Ann"), Visitor(app, "Bo")
    both = detections_of(ann.desk, "sub/both.png")
    ann.judge("confirmed", both[0])
    (red,), (blue,) = detections_of(ann.desk, "red.png"), detections_of(ann.desk, "sub/blue.png")
    ann.judge("cannot_tell", red)
    ann.judge("confirmed", blue)
    bo.judge("rejected", blue)
    with pytest.raises(ReportFolderError, match="nobody has reviewed a picture"):
        export(report)
    assert not (report.parent / "report-yolo-reviewed").exists()
    ann.judge("rejected", both[1])
    done = export(report)
    assert [row["file"] for row in rows_of(done.out)] == ["sub/both.png"]
    with (done.out / "left_out.csv").open(newline="") as file:
        left = {row["file"]: row["why"] for row in csv.DictReader(file) if row["file"] != "clip.mp4"}
    assert left == {
        "copy of red.png": "nobody can tell",
        "sub/blue.png": "reviewers disagree",
        HOSTILE_NAME: "1 of 1 detections are undecided",
    }
    assert done.written.notes[0].startswith("1 of ")
    assert "sub/blue.png: reviewers disagree" in done.written.notes


def test_a_flag_that_two_people_drew_is_one_box(report: Path) -> None:
    app = open_review(report)
    ann, bo = Visitor(app, "Ann"), Visitor(app, "Bo")
    (red,) = detections_of(ann.desk, "red.png")
    ann.judge("rejected", red)
    frame = ann.item(red)["frame"]
    for visitor, left in ((ann, 0.1), (bo, 0.12)):
        visitor.tell("verdicts", verdict="missed", frame=frame, label="kanak", box=[left, 0.1, 0.5, 0.5])
    ann.tell("verdicts", verdict="missed", frame=frame, label="azerbaijan", box=[0.1, 0.1, 0.5, 0.5])
    assert [box[0] for box in labels_of(export(report).out, "copy of red.png")] == [1, 0]


def test_pictures_that_look_the_same_and_frames_of_a_video_are_in_one_split(
    tmp_path: Path, fake_weights: Path
) -> None:
    folder = tmp_path / "in"
    for number in range(12):
        save(scenery(number, (1, 1, RED)), folder / f"{number:02}.png")
        save(scenery(number, (1, 1, RED)), folder / f"{number:02} copy.jpg", quality=60)
    scan_folder(folder, tmp_path / "report", fake_weights)
    ann = Visitor(open_review(tmp_path / "report"), "Ann")
    ann.judge("confirmed", *ann.desk.collection.detections)
    rows = rows_of(export(tmp_path / "report").out)
    assert len(rows) == 24
    assert {row["split"] for row in rows} == {"train", "val"}
    for number in range(12):
        assert len({row["split"] for row in rows if row["file"].startswith(f"{number:02}")}) == 1
        assert len({row["group"] for row in rows if row["file"].startswith(f"{number:02}")}) == 1


def test_the_split_of_a_group_does_not_depend_on_the_others() -> None:
    groups = [f"{number:x}" for number in range(400)]
    splits = split_groups(groups)
    assert split_groups(groups[:200]) == {group: splits[group] for group in groups[:200]}
    found = [split_groups(list("abcdefgh"))[one] for one in "abcdefgh"]
    assert found == ["train", "train", "val", "val", "train", "val", "train", "train"]  # for ever
    assert 50 < sum(split == "val" for split in splits.values()) < 110
    for pair in (groups[:2], groups[5:7], groups[20:22]):
        assert sorted(split_groups(pair).values()) == ["train", "val"]
    assert list(split_groups(["a"]).values()) in (["train"], ["val"])


def test_files_that_are_gone_are_counted(ann: Visitor, report: Path) -> None:
    ann.judge("confirmed", *detections_of(ann.desk, "red.png"), *detections_of(ann.desk, "sub/blue.png"))
    write_picture(report.parent / "downloads" / "sub" / "blue.png", (0, 0, BLUE))
    done = export(report)
    assert [row["file"] for row in rows_of(done.out)] == ["copy of red.png"]
    assert "blue.png: gone, or changed since the scan" in " ".join(done.written.notes)


def test_the_report_is_left_as_it_was(ann: Visitor, report: Path) -> None:
    ann.judge("confirmed", *detections_of(ann.desk, "red.png"))
    before = contents(report)
    export(report)
    assert contents(report) == before


def test_only_yolo_has_reviewed_sets(ann: Visitor, report: Path) -> None:
    with pytest.raises(UsageError, match="--reviewed is for --to yolo"):
        export_report(report, ExportFormat.COCO, reviewed=True)


def test_the_command_says_that_people_have_looked(ann: Visitor, report: Path) -> None:
    ann.judge("confirmed", *detections_of(ann.desk, "red.png"))
    done = run_detector("export", report, "--to", "yolo", "--reviewed")
    assert done.returncode == 0, done.stderr
    assert "nobody has confirmed" not in done.stdout
    assert "train: " in done.stdout


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")  # ultralytics and torch warn about each other
def test_ultralytics_reads_the_set(ann: Visitor, report: Path) -> None:
    utils = pytest.importorskip("ultralytics.data.utils")
    for file in ("red.png", "sub/blue.png", "clip.mp4"):
        ann.judge("confirmed", *detections_of(ann.desk, file))
    folder = export(report).out
    data = utils.check_det_dataset(str(folder / "data.yaml"), autodownload=False)
    assert data["names"] == {0: "azerbaijan", 1: "kanak"}
    assert Path(data["train"]) == folder / "images" / "train"
    assert Path(data["val"]) == folder / "images" / "val"
