"""What other tools get: read back with their own readers where the test extra has one."""

import contextlib
import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import supervision as sv
from PIL import Image
from pycocotools.coco import COCO

from detector.errors import ReportFolderError
from detector.export.exporting import export_report
from detector.options import ExportFormat
from tests.cli.test_cli import run_detector
from tests.conftest import RED, write_picture
from tests.reports import bytes_name, change_journal, contents, copy_samples, sha256_of
from tests.test_scan import scan_folder

NEITHER = 0.3  # below the fake weights' threshold, above their floor


@pytest.fixture
def report(samples: Path, tmp_path: Path) -> Path:
    return copy_samples(samples, tmp_path)


def make_ambiguous(report: Path, file: str) -> None:
    change_journal(
        report,
        "UPDATE detections SET ambiguous = 1, rival_class_id = 1, rival_confidence = 0.75 WHERE sha256 = ?",
        sha256_of(report, file),
    )


def megadetector(report: Path) -> dict[str, dict[str, Any]]:
    content = json.loads(export_report(report, ExportFormat.MEGADETECTOR).out.read_text())
    return {image["file"]: image for image in content["images"]}


def test_megadetector_says_version_categories_and_thresholds(report: Path) -> None:
    done = export_report(report, ExportFormat.MEGADETECTOR)
    content = json.loads(done.out.read_text())
    assert done.out == report.parent / "report-megadetector.json"
    assert content["info"]["format_version"] == "1.6"
    assert content["info"]["detector"] == "fake.onnx"
    assert len(content["info"]["detection_completion_time"]) == len("2026-05-26 19:11:27")
    assert content["info"]["detector_metadata"]["typical_detection_threshold"] == 0.5
    assert content["info"]["detector_metadata"]["conservative_detection_threshold"] == 0.25
    assert content["detection_categories"] == {"1": "azerbaijan", "2": "kanak"}


def test_megadetector_has_every_file_that_is_a_photo_or_video(report: Path) -> None:
    images = megadetector(report)
    assert sorted(images) == [
        *("clip.mp4", "copy of red.png", "empty.jpg", "nothing.png", "red.png"),
        *("sub/blue.png", "sub/both.png"),
    ]
    assert images["nothing.png"] == {"file": "nothing.png", "detections": []}
    (found,) = images["sub/blue.png"]["detections"]
    assert (found["category"], found["bbox"]) == ("2", [0.75, 0.666667, 0.25, 0.333333])
    assert found["conf"] == pytest.approx(0.8235, abs=1e-4)


def test_megadetector_failures_have_a_reason_and_no_detections(report: Path) -> None:
    image = megadetector(report)["empty.jpg"]
    assert image == {"file": "empty.jpg", "failure": "the file is empty", "detections": None}


def test_megadetector_keeps_what_was_seen_in_a_file_that_broke_later(report: Path) -> None:
    change_journal(report, "UPDATE results SET status = 'failed', reason = 'cut short' WHERE kind = 'video'")
    image = megadetector(report)["clip.mp4"]
    assert "failure" not in image
    assert image["warning"] == "cut short"
    assert image["detections"]


def test_megadetector_videos_have_rate_frames_and_frame_numbers(report: Path) -> None:
    image = megadetector(report)["clip.mp4"]
    assert image["frame_rate"] == 10.0
    frames = image["frames_processed"]
    assert isinstance(frames, list)
    assert len(frames) == 3
    (found,) = image["detections"]
    assert found["frame_number"] in frames
    assert found["time_seconds"] == found["frame_number"] / 10


def test_megadetector_has_detections_below_the_threshold_and_coco_annotations_have_not(report: Path) -> None:
    change_journal(
        report, "UPDATE detections SET confidence = ? WHERE sha256 = ?", NEITHER, sha256_of(report, "red.png")
    )
    (found,) = megadetector(report)["red.png"]["detections"]
    assert found["conf"] == NEITHER
    coco = export_report(report, ExportFormat.COCO).out
    assert len(json.loads((coco / "results.json").read_text())) == 6
    assert len(json.loads((coco / "dataset.json").read_text())["annotations"]) == 4


def test_a_photo_named_as_a_video_has_what_readers_want_of_videos(tmp_path: Path, fake_weights: Path) -> None:
    path = write_picture(tmp_path / "in" / "red.png", (1, 1, RED))
    path.rename(path.with_suffix(".mp4"))
    scan_folder(tmp_path / "in", tmp_path / "report", fake_weights)
    image = megadetector(tmp_path / "report")["red.mp4"]
    assert (image["frame_rate"], image["frames_processed"]) == (1.0, [0])
    assert image["detections"][0]["frame_number"] == 0


def test_pycocotools_loads_data_set_and_results(report: Path) -> None:
    out = export_report(report, ExportFormat.COCO).out
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(out / "dataset.json"))
        found = truth.loadRes(str(out / "results.json"))
    images = {image["file_name"]: image for image in truth.imgs.values()}
    assert {"nothing.png", "red.png", "sub/both.png"} <= set(images)
    assert not {"empty.jpg", "notes.txt", "clip.mp4"} & set(images)
    both = [found.anns[key] for key in found.getAnnIds(imgIds=[images["sub/both.png"]["id"]])]
    assert [(one["category_id"], one["bbox"]) for one in both] == [(1, [0, 0, 32, 32]), (2, [64, 32, 32, 32])]
    assert [category["name"] for category in truth.cats.values()] == ["azerbaijan", "kanak"]
    (annotation,) = truth.imgToAnns[images["sub/blue.png"]["id"]]
    assert (annotation["area"], annotation["iscrowd"], annotation["category_id"]) == (1024, 0, 2)


def test_coco_frames_of_a_video_are_images_with_index_and_time(report: Path) -> None:
    dataset = json.loads((export_report(report, ExportFormat.COCO).out / "dataset.json").read_text())
    frames = [image for image in dataset["images"] if image["file"] == "clip.mp4"]
    assert len(frames) == 3
    for frame in frames:
        assert frame["file_name"] == f"clip.mp4/frame_{frame['frame_index']:06d}.jpg"
        assert frame["time_seconds"] == frame["frame_index"] / 10


def test_yolo_has_a_label_file_for_each_different_picture_with_a_flag(report: Path) -> None:
    out = export_report(report, ExportFormat.YOLO).out
    with (out / "pictures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    of_file = {row["file"]: row["name"] for row in rows}
    assert of_file["red.png"] == of_file["copy of red.png"]
    assert sorted(set(of_file)) == [
        *("clip.mp4", "copy of red.png", "red.png", "sub/blue.png", "sub/both.png")
    ]
    labels = {path.stem for path in (out / "labels").iterdir()}
    assert labels == set(of_file.values()) == {path.stem for path in (out / "predictions").iterdir()}
    assert (out / "labels" / f"{of_file['sub/both.png']}.txt").read_text() == (
        "0 0.125000 0.166667 0.250000 0.333333\n1 0.625000 0.500000 0.250000 0.333333\n"
    )
    (line,) = (out / "predictions" / f"{of_file['sub/blue.png']}.txt").read_text().splitlines()
    assert line.startswith("1 0.875000 0.833333 0.250000 0.333333 0.82")
    assert (out / "classes.txt").read_text() == "azerbaijan\nkanak\n"


@pytest.mark.parametrize("labels", ["labels", "predictions"])
def test_supervision_reads_yolo_labels_with_and_without_confidence(report: Path, labels: str) -> None:
    out = export_report(report, ExportFormat.YOLO).out
    put_pictures(out)
    read = sv.DetectionDataset.from_yolo(str(out / "images"), str(out / labels), str(out / "data.yaml"))
    assert read.classes == ["azerbaijan", "kanak"]
    class_ids = np.concatenate([np.asarray(found.class_id) for found in read.annotations.values()])
    assert sorted(class_ids.tolist()) == [0, 0, 0, 1, 1]


def put_pictures(out: Path) -> None:
    (out / "images").mkdir()
    with (out / "pictures.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            size = int(row["width"]), int(row["height"])
            Image.new("RGB", size).save(out / "images" / f"{row['name']}.png")


@pytest.mark.train
def test_ultralytics_reads_the_labels_as_a_data_set(report: Path) -> None:
    utils = pytest.importorskip("ultralytics.data.utils")
    out = export_report(report, ExportFormat.YOLO).out
    put_pictures(out)
    data = utils.check_det_dataset(str(out / "data.yaml"), autodownload=False)
    assert data["names"] == {0: "azerbaijan", 1: "kanak"}
    (blue,) = (path for path in (out / "labels").iterdir() if path.read_text().startswith("1 "))
    image = out / "images" / f"{blue.stem}.png"
    boxes = utils.verify_image_label((str(image), str(blue), "", False, 2, 0, 0, False))[1]
    assert boxes[0] == pytest.approx([1, 0.875, 0.833333, 0.25, 0.333333])


def test_labelstudio_tasks_hold_all_boxes_in_one_prediction(report: Path) -> None:
    done = export_report(report, ExportFormat.LABELSTUDIO)
    tasks = {task["data"]["file"]: task for task in json.loads((done.out / "tasks.json").read_text())}
    task = tasks["sub/both.png"]
    (prediction,) = task["predictions"]
    assert "annotations" not in task
    assert prediction["model_version"].startswith("fake.onnx ")
    assert prediction["score"] == pytest.approx(0.8235, abs=1e-4)
    first, second = prediction["result"]
    assert (first["type"], first["from_name"], first["to_name"]) == ("rectanglelabels", "label", "image")
    assert (first["original_width"], first["original_height"]) == (128, 96)
    assert second["value"] == {
        "x": 50.0,
        "y": 33.3333,
        "width": 25.0,
        "height": 33.3333,
        "rotation": 0,
        "rectanglelabels": ["kanak"],
    }
    assert tasks["copy of red.png"]["data"]["copies"] == ["red.png"]
    assert "red.png" not in tasks


def test_labelstudio_finds_pictures_under_the_document_root_it_is_told(report: Path) -> None:
    done = export_report(report, ExportFormat.LABELSTUDIO)
    assert f"DOCUMENT_ROOT={report.parent}" in done.written.notes[0]
    images = {
        task["data"]["file"]: task["data"]["image"]
        for task in json.loads((done.out / "tasks.json").read_text())
    }
    assert images["copy of red.png"] == "/data/local-files/?d=downloads/copy%20of%20red.png"
    frame = images["clip.mp4"].removeprefix("/data/local-files/?d=")
    assert frame.startswith("report/frames/")
    assert (report.parent / frame).is_file()


def test_labelstudio_interface_has_the_names_that_tasks_use(report: Path) -> None:
    root = ET.fromstring((export_report(report, ExportFormat.LABELSTUDIO).out / "config.xml").read_text())  # noqa: S314 (ours)
    labels = root.find("RectangleLabels")
    assert labels is not None
    assert labels.attrib == {"name": "label", "toName": "image"}
    assert [label.get("value") for label in labels] == ["azerbaijan", "kanak"]
    image = root.find("Image")
    assert image is not None
    assert (image.get("name"), image.get("value")) == ("image", "$image")


def test_ambiguous_detections_are_marked_with_their_rival(report: Path) -> None:
    make_ambiguous(report, "red.png")
    (found,) = megadetector(report)["red.png"]["detections"]
    assert (found["ambiguous"], found["rival_category"], found["rival_conf"]) == (True, "2", 0.75)
    assert "ambiguous" not in megadetector_blue(report)
    dataset = json.loads((export_report(report, ExportFormat.COCO).out / "dataset.json").read_text())
    marked = [one for one in dataset["annotations"] if one.get("ambiguous")]
    assert [one["rival_category_id"] for one in marked] == [2, 2]  # the file and its exact copy
    with (export_report(report, ExportFormat.YOLO).out / "pictures.csv").open(newline="") as file:
        counts = {row["file"]: row["ambiguous"] for row in csv.DictReader(file)}
    assert (counts["red.png"], counts["sub/blue.png"]) == ("1", "0")
    tasks = json.loads((export_report(report, ExportFormat.LABELSTUDIO).out / "tasks.json").read_text())
    (task,) = [task for task in tasks if task["data"]["ambiguous"]]
    (region,) = task["predictions"][0]["result"]
    assert region["meta"] == {"text": ["ambiguous: azerbaijan or kanak (0.75)"]}


def megadetector_blue(report: Path) -> dict[str, object]:
    content = json.loads((report.parent / "report-megadetector.json").read_text())
    (image,) = [image for image in content["images"] if image["file"] == "sub/blue.png"]
    return dict(image["detections"][0])


@pytest.mark.parametrize("to", list(ExportFormat))
def test_an_export_is_never_written_over_anything(report: Path, to: ExportFormat) -> None:
    done = export_report(report, to)
    before = contents(done.out)
    with pytest.raises(ReportFolderError, match=f"{done.out.name} exists"):
        export_report(report, to)
    assert contents(done.out) == before


@pytest.mark.parametrize("to", list(ExportFormat))
def test_an_export_is_the_same_each_time_and_leaves_the_report_alone(report: Path, to: ExportFormat) -> None:
    before = contents(report)
    first, second = (export_report(report, to, report.parent / name) for name in ("first", "second"))
    assert contents(first.out) == contents(second.out)
    assert contents(report) == before
    assert sorted(path.name for path in report.parent.iterdir()) == ["downloads", "first", "report", "second"]


def test_an_export_inside_the_report_is_refused(report: Path) -> None:
    with pytest.raises(ReportFolderError, match="inside the report"):
        export_report(report, ExportFormat.COCO, report / "coco")


def test_a_folder_that_is_no_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportFolderError, match="is no report"):
        export_report(tmp_path, ExportFormat.COCO)


def test_a_report_without_its_run_is_refused_and_leaves_nothing(report: Path) -> None:
    (report / "run.json").unlink()
    with pytest.raises(ReportFolderError, match="run the scan again"):
        export_report(report, ExportFormat.YOLO)
    assert not (report.parent / "report-yolo").exists()


def test_an_export_that_breaks_leaves_nothing(report: Path) -> None:
    change_journal(report, "UPDATE detections SET frame_width = 'none'")
    with pytest.raises(TypeError):
        export_report(report, ExportFormat.MEGADETECTOR)
    assert sorted(path.name for path in report.parent.iterdir()) == ["downloads", "report"]


def test_an_export_of_a_stopped_scan_says_so(report: Path) -> None:
    run = json.loads((report / "run.json").read_text())
    (report / "run.json").write_text(json.dumps(run | {"complete": False}))
    done = export_report(report, ExportFormat.COCO)
    assert "stopped" in done.written.notes[0]


def test_a_name_that_is_not_utf8_is_exported(tmp_path: Path, fake_weights: Path) -> None:
    path = write_picture(tmp_path / "in" / "red.png", (0, 0, RED))
    path.rename(bytes_name(tmp_path / "in", b"caf\xe9.png"))
    scan_folder(tmp_path / "in", tmp_path / "report", fake_weights)
    assert list(megadetector(tmp_path / "report")) == ["caf\\xe9.png"]
    done = export_report(tmp_path / "report", ExportFormat.LABELSTUDIO)
    (task,) = json.loads((done.out / "tasks.json").read_text())
    assert task["data"]["image"] == "/data/local-files/?d=in/caf%E9.png"


def test_the_command_says_what_it_wrote_and_refuses_to_write_over_it(report: Path) -> None:
    done = run_detector("export", report, "--to", "labelstudio")
    assert done.returncode == 0
    assert f"{report.parent / 'report-labelstudio'}: 5 detections, 5 files" in done.stdout
    assert f"DOCUMENT_ROOT={report.parent}" in done.stdout
    again = run_detector("export", report, "--to", "labelstudio")
    assert again.returncode == 4
    assert "report-labelstudio exists" in again.stderr
