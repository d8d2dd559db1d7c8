"""Exports are taken by the libraries that their users read them with; each is skipped where it is missing."""

import contextlib
import io
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import supervision as sv
from PIL import Image
from pycocotools.coco import COCO

from detector.export import export_report
from detector.options import ExportFormat
from tests.conftest import BLUE, RED, write_picture
from tests.media_factory import write_video
from tests.test_evidence import clip
from tests.test_scan import scan_folder

NAMES = (
    *("IMG_1.png", "IMG_1.webp", "IMG_1.png.bmp", "Bakı 🇦🇿.png", "Nouméa, gare.png", "back\\nslash.png"),
    *("left\u202ajpg.png", "no suffix", "sub/IMG_1.png"),
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, fake_weights: Path) -> Path:
    """Photos with names that trip readers, two videos, and one file that fails."""
    base = tmp_path_factory.mktemp("readers")
    for name in NAMES:
        path = base / "in" / name
        written = write_picture(path.with_suffix(path.suffix or ".png"), (1, 1, RED), (3, 2, BLUE))
        written.rename(path)
    for name, seeds in (("march.mp4", [1, 2, 3]), ("IMG_1.mp4", [4, 5, 6])):
        write_video(base / "in" / name, clip(seeds, (1, 1, RED)))
    (base / "in" / "empty.jpg").write_bytes(b"")
    scan_folder(base / "in", base / "report", fake_weights, densify=False)
    return base / "report"


@pytest.fixture(scope="module")
def coco(report: Path) -> Path:
    return export_report(report, ExportFormat.COCO).out


def images_of(coco: Path) -> list[dict[str, Any]]:
    return list(json.loads((coco / "dataset.json").read_text(encoding="utf-8"))["images"])


def test_no_two_coco_names_differ_in_suffix_alone(coco: Path) -> None:
    names = [image["file_name"] for image in images_of(coco)]
    assert len(names) == len(NAMES) + 6
    assert len({str(Path(name).with_suffix("")) for name in names}) == len(names)
    assert {"IMG_1.png.png", "IMG_1.webp.webp", "IMG_1.png.bmp.bmp", "sub/IMG_1.png"} <= set(names)


def test_names_in_json_are_those_on_disk_in_real_characters(report: Path, coco: Path) -> None:
    originals = report.parent / "in"
    files = {image["file_name"] for image in images_of(coco)}
    assert {"Bakı 🇦🇿.png", "back\\nslash.png", "left\u202ajpg.png", "no suffix"} <= files
    results = report.parent / "report-megadetector.json"
    if not results.exists():
        export_report(report, ExportFormat.MEGADETECTOR)
    content = results.read_text(encoding="utf-8")
    assert all((originals / image["file"]).is_file() for image in json.loads(content)["images"])
    for text in (content, (coco / "dataset.json").read_text(encoding="utf-8")):
        assert "Bakı 🇦🇿.png" in text
        assert "Nouméa, gare.png" in text


def test_the_command_is_told_how_many_coco_names_were_changed(report: Path, tmp_path: Path) -> None:
    notes = export_report(report, ExportFormat.COCO, tmp_path / "coco").written.notes
    assert notes == ("3 photos differ in suffix alone from others: file_name has their suffix twice",)


def test_pycocotools_and_supervision_read_every_picture(report: Path, coco: Path, tmp_path: Path) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(coco / "dataset.json"))
        assert len(truth.loadRes(str(coco / "results.json")).anns) == len(truth.anns)
    for image in truth.imgs.values():
        path = tmp_path / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (image["width"], image["height"])).save(path, "PNG")
    read = sv.DetectionDataset.from_coco(str(tmp_path), str(coco / "dataset.json"))
    assert read.classes == ["azerbaijan", "kanak"]
    assert sum(len(found) for found in read.annotations.values()) == len(truth.anns)
    assert len(read) == len(truth.imgs)


def test_datumaro_takes_each_picture_for_one_of_its_own(coco: Path, tmp_path: Path) -> None:
    """Datumaro is the library that CVAT imports and exports with."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        datumaro = pytest.importorskip("datumaro")
        (tmp_path / "images").mkdir()
        (tmp_path / "annotations").mkdir()
        (tmp_path / "annotations" / "instances_all.json").write_bytes((coco / "dataset.json").read_bytes())
        items = list(datumaro.Dataset.import_from(str(tmp_path), "coco_instances"))
    images = images_of(coco)
    assert len(items) == len(images)
    assert len({item.id for item in items}) == len(items)
    boxes = sorted(len(item.annotations) for item in items)
    assert boxes == [1] * 6 + [2] * len(NAMES)


def test_the_validator_of_megadetector_finds_nothing_wrong(report: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("megadetector.postprocessing.validate_batch_results")
    results = export_report(report, ExportFormat.MEGADETECTOR, tmp_path / "results.json").out
    options = module.ValidateBatchResultsOptions()
    options.check_image_existence, options.relative_path_base = True, str(report.parent / "in")
    found = module.validate_batch_results(str(results), options)["validation_results"]
    assert (found["errors"], found["warnings"]) == ([], [])
    assert found["detection_category_id_to_count"] == {"1": len(NAMES) + 6, "2": len(NAMES)}


def test_label_studios_own_checks_accept_tasks_and_interface(report: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("label_studio_sdk.label_interface")
        out = export_report(report, ExportFormat.LABELSTUDIO, tmp_path / "tasks").out
        interface = module.LabelInterface((out / "config.xml").read_text(encoding="utf-8"))
        tasks = json.loads((out / "tasks.json").read_text(encoding="utf-8"))
        assert len(tasks) > 2
        for task in tasks:
            assert interface.validate_task({"data": task["data"]})
            for prediction in task["predictions"]:
                assert interface.validate_prediction(prediction, return_errors=True) == []
