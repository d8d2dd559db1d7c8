from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from PIL import Image

from detector.model.classifier import Classifier, ClassifierInfo, weigh
from detector.model.flags import NetworkModel
from detector.model.weights import WeightsInfo
from detector.training.measuring.calibrate import (
    PREVALENCE,
    choose_margin,
    choose_thresholds,
    fit_joining,
    judge_anew,
)
from detector.training.measuring.evaluate import Seen, find_average_precision, find_errors, measure
from detector.training.measuring.figures import format_figures
from detector.training.measuring.gallery import SHEET_SIDE, write_gallery, write_sheet
from detector.training.photos import Photo, read_photos

NAMES = ("azerbaijan", "kanak")
Box = tuple[float, float, float, float]


def make_seen(
    kind: str, truth: list[tuple[str, Box]], seen: list[tuple[int, float, Box]], name: str = "a__1.jpg"
) -> Seen:
    photo = Photo(
        Path(kind) / name,
        kind,
        tuple(label for label, _ in truth),
        np.array([box for _, box in truth], np.float32).reshape(-1, 4),
    )
    detections = sv.Detections(
        xyxy=np.array([box for *_, box in seen], np.float32).reshape(-1, 4),
        confidence=np.array([confidence for _, confidence, _ in seen], np.float32),
        class_id=np.array([number for number, *_ in seen], np.int64),
    )
    return Seen(photo, detections)


ONE: Box = (10, 10, 110, 60)
TWO: Box = (200, 200, 230, 220)


@pytest.fixture
def looked() -> list[Seen]:
    return [
        make_seen(
            "azerbaijan",
            [("azerbaijan", ONE), ("azerbaijan", TWO)],
            [(0, 0.9, ONE), (1, 0.45, TWO)],
            "x__1.jpg",
        ),
        make_seen("kanak", [("kanak", ONE)], [(1, 0.8, (12, 10, 112, 60)), (1, 0.2, TWO)], "y__1.jpg"),
        make_seen("other_flags", [], [(0, 0.5, ONE)], "z__1.jpg"),
        make_seen("no_flags", [], [], "z__2.jpg"),
    ]


def test_every_figure_is_counted(looked: list[Seen]) -> None:
    figures = measure(looked, NAMES, [0.4, 0.4], np.random.default_rng(0))
    azerbaijan, kanak = figures.classes
    assert (azerbaijan.boxes, azerbaijan.box_recall) == (2, 0.5)
    assert azerbaijan.ap50 == pytest.approx(0.5, abs=0.01)
    assert kanak.ap50 == pytest.approx(1, abs=0.01)
    assert azerbaijan.recall_by_size == {"<24": (0, 1), "24–48": (0, 0), "48–96": (1, 1), "≥96": (0, 0)}
    assert azerbaijan.by_source == {"x": (1, 1)}
    assert azerbaijan.photo_recall[0] == 1
    assert azerbaijan.photo_precision[0] == 0.5
    assert (figures.negatives, figures.negatives_hit) == (2, 1)
    assert figures.hits_by_kind == {"no_flags": (0, 1), "other_flags": (1, 1)}
    assert figures.confusion == {
        ("azerbaijan", "azerbaijan"): 1,
        ("azerbaijan", "kanak"): 1,
        ("kanak", "kanak"): 1,
        ("other", "azerbaijan"): 1,
    }
    assert "500 per 1,000" in format_figures(figures)


def test_a_class_that_no_photo_shows_has_no_accuracy(looked: list[Seen]) -> None:
    text = format_figures(measure(looked[2:], NAMES, [0.4, 0.4], np.random.default_rng(0)))
    assert "| azerbaijan | 0 |" not in text
    assert "1 of 2 (500 per 1,000)" in text


def test_a_missing_emblem_reported_as_ambiguous_is_counted_so() -> None:
    seen = make_seen("generated", [], [(0, 0.7, (0, 0, 10, 10)), (1, 0.9, (50, 50, 60, 60))])
    seen.detections.data["ambiguous"] = np.array([True, False])
    photo = replace(
        seen.photo,
        other_labels=("plain", "other"),
        other_xyxy=np.array([[0, 0, 10, 10], [80, 80, 90, 90]], np.float32),
    )
    figures = measure([replace(seen, photo=photo)], NAMES, [0.4, 0.4], np.random.default_rng(0))
    assert figures.confusion == {("plain", "ambiguous"): 1, ("other", "none"): 1, ("none", "kanak"): 1}


def test_confidence_is_compared_with_what_was_right(looked: list[Seen]) -> None:
    figures = measure(looked, NAMES, [0.4, 0.4], np.random.default_rng(0))
    assert figures.reliability == {
        "0.05–0.2": (0, 0),
        "0.2–0.4": (0, 1),
        "0.4–0.6": (0, 2),
        "0.6–0.8": (0, 0),
        "0.8–1.0": (2, 2),
    }
    assert "| 0.8–1.0 | 2 | 100% |" in format_figures(figures)


def test_intervals_are_over_sources_not_photos() -> None:
    """Two sources of forty photos each, one of which is found whole and the other not at all."""
    seen = [
        make_seen(
            "azerbaijan", [("azerbaijan", ONE)], [(0, 0.9, ONE)][: number % 2], f"s{number % 2}__{number}"
        )
        for number in range(80)
    ]
    azerbaijan = measure(seen, NAMES, [0.4, 0.4], np.random.default_rng(0)).classes[0]
    assert azerbaijan.photo_recall == pytest.approx((0.5, 0, 1))
    assert azerbaijan.ap50_interval == pytest.approx((0, 1))


def test_average_precision_of_a_few_boxes() -> None:
    found, wrong = np.array([0.9, 0.5, 0]), np.array([0.7])
    expected = (34 * 1 + 33 * 2 / 3) / 101  # to a third precisely, to two thirds with one in three wrong
    assert find_average_precision(found, wrong) == pytest.approx(expected)
    assert find_average_precision(np.zeros(0), wrong) == 0


def test_real_photos_count_as_much_as_generated_ones(tmp_path: Path) -> None:
    """The detector is right in every real photo and wrong in every generated one, of which there are more."""

    def classifier(crops: np.ndarray) -> np.ndarray:
        return np.array([[0.5, 0, 0, 0.5]] * len(crops))

    box = np.array([[8, 8, 56, 40]], np.float32)
    info = ClassifierInfo(Path(), "", (*NAMES, "plain", "other"), 32, 1.0, 0.02, (0, 0.5, 0.5))
    weights = WeightsInfo(Path(), "", NAMES, (64,), 0.05, 0.2, (0.5, 0.5), info)
    model = NetworkModel(
        weights,
        lambda images: np.array([[[32], [24], [48], [32], [0.5], [0]]] * len(images), np.float32),
        Classifier(info, classifier),
    )
    photos = []
    for number in range(12):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (64, 64)).save(path)
        real = number < 3
        truth = box if real else box + np.array([200, 200, 200, 200])
        photos.append(Photo(path, "real" if real else "generated", ("azerbaijan",), truth.astype(np.float32)))
    confidence = weigh(np.array([0.5]), np.array([[0.5, 0, 0, 0.5]]), fit_joining([(model, photos)]))
    assert confidence[0, 0] == pytest.approx(0.5, abs=0.01)


def test_errors_are_named(looked: list[Seen]) -> None:
    words = [(word, one.photo.kind) for word, one in find_errors(looked, NAMES, [0.4, 0.4])]
    assert words == [
        ("miss-azerbaijan", "azerbaijan"),
        ("false-kanak", "azerbaijan"),
        ("false-azerbaijan", "other_flags"),
    ]


def test_a_threshold_is_above_the_false_hits_on_negatives(looked: list[Seen]) -> None:
    azerbaijan, kanak = choose_thresholds(looked, NAMES)
    assert 0.5 < azerbaijan <= 0.9
    assert 0.45 <= kanak <= 0.8


def test_a_margin_leaves_few_bands_without_emblem_named(looked: list[Seen]) -> None:
    """Ten flags lead their rivals by half and more, ten bands without emblem by a fifth and less."""
    seen: list[Seen] = []
    box: Box = (0, 0, 40, 40)
    for number in range(20):
        bands = number % 2
        one = make_seen("generated", [("kanak", box)][bands:], [(1, 0.9, box)])
        rival = 0.6 + number / 100 if bands else 0.3 - number / 100
        one.detections.data["rival_confidence"] = np.array([rival])
        if bands:
            boxes = np.array([box], np.float32)
            one = replace(one, photo=replace(one.photo, other_labels=("plain",), other_xyxy=boxes))
        seen.append(one)
    margin = choose_margin(seen, NAMES)
    assert 0.19 <= margin <= 0.5
    reported = measure(judge_anew(seen, margin), NAMES, [0.5, 0.5], np.random.default_rng(0)).confusion
    assert reported == {("kanak", "kanak"): 10, ("plain", "ambiguous"): 10}
    assert choose_margin(seen[::2], NAMES) == 0.1  # no bands: nothing has to be doubted
    assert choose_margin(looked, NAMES) == 0.1


def test_a_flag_named_beside_a_band_without_emblem_is_not_the_band() -> None:
    """One detection lies on the flag and, less, on the band behind it, in every picture."""
    flag, band = (0, 0, 60, 40), np.array([[30, 0, 60, 40]], np.float32)
    one = make_seen("generated", [("kanak", flag)], [(1, 0.9, (0, 0, 62, 40))])
    one = replace(one, photo=replace(one.photo, other_labels=("plain",), other_xyxy=band))
    assert choose_margin([one] * 10, NAMES) == 0.1
    figures = measure([one], NAMES, [0.4, 0.4], np.random.default_rng(0))
    assert figures.confusion == {("kanak", "kanak"): 1, ("plain", "none"): 1}


def test_real_bands_count_as_much_as_the_more_numerous_generated_ones() -> None:
    """The model names one of thirty generated bands: too many, unless it doubts the real ones."""
    box: Box = (0, 0, 40, 40)
    bands = [make_seen(kind, [], [(1, 0.9, box)]) for kind in ["generated"] * 30 + ["plain"] * 2]
    for number, one in enumerate(bands):
        one.detections.data["rival_confidence"] = np.array([0.29 if number == 0 else 0.89])
        photo = replace(one.photo, other_labels=("plain",), other_xyxy=np.array([box], np.float32))
        bands[number] = replace(one, photo=photo)
    assert choose_margin(bands[:30], NAMES) == 0.52
    assert choose_margin(bands, NAMES) == 0.1


def test_a_real_band_without_emblem_is_no_negative_photo(looked: list[Seen]) -> None:
    """It is reported, as ambiguous, however sure the model is of one flag or the other."""
    bands = make_seen("plain", [], [(1, 0.95, ONE)], "w__1.jpg")
    bands.detections.data["ambiguous"] = np.array([True])
    photo = replace(bands.photo, other_labels=("plain",), other_xyxy=np.array([ONE], np.float32))
    assert choose_thresholds([*looked, replace(bands, photo=photo)], NAMES)[1] <= 0.8


def test_photos_are_read_with_their_boxes(tmp_path: Path) -> None:
    (tmp_path / "kanak").mkdir()
    (tmp_path / "kanak" / "repaint__here__1.jpg").touch()
    (tmp_path / "labels.csv").write_text("file,class,x1,y1,x2,y2\nkanak/repaint__here__1.jpg,kanak,1,2,3,4\n")
    (photo,) = read_photos(tmp_path)
    assert (photo.kind, photo.source, photo.labels) == (
        "kanak",
        "repaint",
        ("kanak",),
    ) or photo.source == "here"
    assert photo.xyxy.tolist() == [[1, 2, 3, 4]]


def test_average_precision_agrees_with_pycocotools(looked: list[Seen], tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    truth = coco.COCO()
    annotations: list[dict[str, object]] = []
    results: list[dict[str, object]] = []
    for image, one in enumerate(looked):
        for label, (left, top, right, bottom) in zip(one.photo.labels, one.photo.xyxy.tolist(), strict=True):
            box = [left, top, right - left, bottom - top]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": NAMES.index(label),
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                }
            )
        detections = one.detections
        assert detections.confidence is not None
        assert detections.class_id is not None
        for box, confidence, number in zip(
            detections.xyxy.tolist(), detections.confidence, detections.class_id, strict=True
        ):
            left, top, right, bottom = box
            results.append(
                {
                    "image_id": image,
                    "category_id": int(number),
                    "bbox": [left, top, right - left, bottom - top],
                    "score": float(confidence),
                }
            )
    truth.dataset = {
        "images": [{"id": image, "width": 640, "height": 640} for image in range(len(looked))],
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for number, name in enumerate(NAMES)],
    }
    truth.createIndex()
    figures = measure(looked, NAMES, [0.4, 0.4], np.random.default_rng(0))
    for number, one_class in enumerate(figures.classes):
        evaluation = cocoeval.COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.params.catIds = [number]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        assert one_class.ap50 == pytest.approx(float(evaluation.stats[1]), abs=0.02)
        precision = evaluation.eval["precision"][0, :, 0, 1:, -1]  # at IoU 0.5, of small, medium and large
        assert one_class.ap50_by_area == pytest.approx(precision.mean(axis=0).tolist(), abs=0.02)


def test_confidences_become_shares_of_right_detections(tmp_path: Path) -> None:
    """Of the flags that the classifier is surer of 15 in 20 are there, of the others 2 in 20."""
    box = np.array([[8, 8, 56, 40]], np.float32)

    def detector(images: np.ndarray) -> np.ndarray:
        return np.array([[[32], [24], [48], [32], [0.5], [0]]] * len(images), np.float32)

    def classifier(crops: np.ndarray) -> np.ndarray:
        sure = np.where(crops.mean(axis=(1, 2, 3)) > 0.5, 0.9, 0.3)
        return np.stack([sure, 0 * sure, 0 * sure, 1 - sure], axis=1)

    classifier_info = ClassifierInfo(Path(), "", (*NAMES, "plain", "other"), 32, 1.0, 0.02, (0, 0.5, 0.5))
    info = WeightsInfo(Path(), "", NAMES, (64,), 0.05, 0.2, (0.5, 0.5), classifier_info)
    model = NetworkModel(info, detector, Classifier(classifier_info, classifier))
    photos = []
    for number in range(40):
        bright, order = divmod(number, 20)
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (64, 64), (bright * 255,) * 3).save(path)
        there = order < (15 if bright else 2)
        photos.append(Photo(path, "made", ("azerbaijan",) * there, box[:there]))
    joining = fit_joining([(model, photos)])
    kinds = np.array([[0.9, 0, 0, 0.1], [0.3, 0, 0, 0.7]])
    without = 17 * (1 - PREVALENCE) / PREVALENCE / 23  # how much each of the 23 photos without a flag counts
    shares = [15 / (15 + 5 * without), 2 / (2 + 18 * without)]
    assert weigh(np.array([0.5, 0.5]), kinds, joining)[:, 0].tolist() == pytest.approx(shares, abs=0.01)
    with pytest.raises(ValueError, match="with flags and without"):
        fit_joining([(model, [photo for photo in photos if not photo.labels])])


def test_every_error_is_drawn_and_some_come_on_a_sheet(tmp_path: Path) -> None:
    seen = []
    for number in range(20):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (64, 48), (90, 90, 90)).save(path)
        one = make_seen("generated", [("kanak", (8, 8, 40, 40))], [(0, 0.9, (0, 0, 20, 20))])
        seen.append(replace(one, photo=replace(one.photo, path=path)))
    assert write_gallery(seen, NAMES, [0.5, 0.5], tmp_path / "gallery") == 40
    names = {path.name for path in (tmp_path / "gallery").iterdir()}
    assert {"miss-kanak__generated__3.jpg", "false-azerbaijan__generated__3.jpg"} <= names
    assert write_sheet(seen, NAMES, [0.5, 0.5], tmp_path / "sheet.jpg") == 40
    sheet = np.asarray(Image.open(tmp_path / "sheet.jpg"))
    rows, columns = (sheet.shape[axis] // SHEET_SIDE for axis in (0, 1))
    for row in range(rows):
        for column in range(columns):
            left, top = column * SHEET_SIDE, row * SHEET_SIDE
            assert 70 < sheet[top + 150, left + 200].mean() < 110  # the photo's grey
