import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import supervision as sv
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper

from detector.errors import WeightsError
from detector.model.classifier import (
    EITHER,
    OTHER,
    Classifier,
    ClassifierInfo,
    cut_square,
    fold_kinds,
    weigh,
)
from detector.model.flags import NetworkModel, load_model
from detector.model.letterbox import PADDING_GREY
from detector.model.weights import read_weights_info
from detector.options import ScanOptions
from detector.scanning import scan_identity, worker_settings
from tests.conftest import REPOSITORY
from tests.fake_weights import TOML, write_fake_weights

EVEN = (0.0, 0.5, 0.5)  # both looks count the same
KINDS = ("azerbaijan", "kanak", EITHER, OTHER)
WEIGHTS = REPOSITORY / "weights" / "flags.onnx"


# Crops


def test_a_crop_shows_the_box_in_its_middle() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    image[80:120, 100:180] = 255
    crop = cut_square(image, np.array([100, 80, 180, 120]), size=100, context=1.25)
    ys, xs = np.nonzero(crop[..., 0] > 127)
    assert (xs.min(), xs.max() + 1) == (pytest.approx(10, abs=1), pytest.approx(90, abs=1))
    assert (ys.min(), ys.max() + 1) == (pytest.approx(30, abs=1), pytest.approx(70, abs=1))


def test_beyond_the_image_a_crop_is_grey() -> None:
    crop = cut_square(np.full((50, 50, 3), 255, np.uint8), np.array([0, 0, 50, 50]), size=64, context=2)
    assert (crop[:15] == PADDING_GREY).all()
    assert (crop[:, -15:] == PADDING_GREY).all()
    assert (crop[17:47, 17:47] == 255).all()


@given(
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    box=st.tuples(*[st.floats(-50, 450) for _ in range(4)]),
    size=st.integers(8, 160),
)
@settings(max_examples=150, deadline=None)
def test_any_box_gives_a_crop(
    width: int, height: int, box: tuple[float, float, float, float], size: int
) -> None:
    left, right = sorted(box[::2])
    top, bottom = sorted(box[1::2])
    image = np.full((height, width, 3), 7, np.uint8)
    crop = cut_square(image, np.array([left, top, right, bottom]), size=size, context=1.25)
    assert crop.shape == (size, size, 3)
    assert set(np.unique(crop)) <= {7, PADDING_GREY}


# Confidence after both looks


def test_what_both_looks_are_sure_of_is_sure() -> None:
    first, second = weigh(np.array([1.0]), np.array([[1.0, 0, 0, 0]]), EVEN)[0]
    assert first > 0.999
    assert second == 0


def test_what_the_second_look_denies_is_hardly_there() -> None:
    assert weigh(np.array([0.9]), np.array([[0, 0, 0, 1.0]]), (0, 0.5, 1)).max() < 0.001


def test_bands_without_an_emblem_count_for_both() -> None:
    first, second = weigh(np.array([0.9]), np.array([[0, 0, 1.0, 0]]), EVEN)[0]
    assert first == second == pytest.approx(0.5, abs=0.01)


def test_both_looks_say_whether_and_the_second_which() -> None:
    (found,) = weigh(np.array([0.8]), np.array([[0.5, 0.1, 0.1, 0.3]]), (-1.0, 0.6, 0.9))
    odds = -1 + 0.6 * np.log(0.8 / 0.2) + 0.9 * np.log(0.7 / 0.3)
    assert found.sum() == pytest.approx(1 / (1 + np.exp(-odds)))
    assert found[0] / found[1] == pytest.approx(0.55 / 0.15)


def test_a_crop_and_its_mirror_image_have_one_say() -> None:
    """The network sees the left half's brightness; the flag's bright side is on the left."""
    info = ClassifierInfo(Path(), "", KINDS, 32, 1.0, 0.02, EVEN)

    def network(crops: NDArray[np.float32]) -> NDArray[np.float32]:
        left = crops[..., :16].mean(axis=(1, 2, 3))
        return np.stack([left, 1 - left, 0 * left, 0 * left], axis=1)

    image = np.zeros((64, 64, 3), np.uint8)
    image[:, :32] = 255
    for shown in (image, np.ascontiguousarray(image[:, ::-1])):
        (kinds,) = Classifier(info, network).classify(shown, np.array([[0, 0, 64, 64]]))
        assert kinds.tolist() == pytest.approx([0.5, 0.5, 0, 0])


def test_only_of_what_may_be_a_flag_the_mirror_image_is_asked() -> None:
    info = ClassifierInfo(Path(), "", KINDS, 32, 1.0, 0.02, EVEN)
    asked: list[int] = []

    def network(crops: NDArray[np.float32]) -> NDArray[np.float32]:
        asked.append(len(crops))
        bright = crops.mean(axis=(1, 2, 3)) * (0.5 if len(asked) == 1 else 1)
        return np.stack([bright, 0 * bright, 0 * bright, 1 - bright], axis=1)

    image = np.zeros((64, 128, 3), np.uint8)
    image[:, 64:] = 255
    found = Classifier(info, network).classify(image, np.array([[0, 0, 64, 64], [64, 0, 128, 64]]))
    assert asked == [2, 1]
    assert found.tolist() == [[0, 0, 0, 1], [0.75, 0, 0, 0.25]]


# In the model


def look_twice(
    kinds: Callable[[int], Sequence[float]],
    rows: Sequence[tuple[float, float, float, float, float, float]],
    *,
    floor: float = 0.3,
) -> sv.Detections:
    """A detector that sees these boxes (x, y, width, height, both confidences), and what the classifier says
    of crop number n."""
    classifier = ClassifierInfo(Path(), "", KINDS, 32, 1.25, 0.02, EVEN)
    info = replace(
        read_weights_info(WEIGHTS), input_sizes=(256,), ambiguity_margin=0.2, class_names=KINDS[:2]
    )

    def detector(images: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.array(rows, np.float32).T[None]

    def network(crops: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.array([kinds(number) for number in range(len(crops))], np.float32)

    model = NetworkModel(info, detector, Classifier(classifier, network))
    (found,) = model.detect([np.zeros((256, 256, 3), np.uint8)], floor)
    return found


def test_the_second_look_corrects_the_class() -> None:
    found = look_twice(lambda _: (0, 0.9, 0, 0.1), [(100, 100, 40, 40, 0.8, 0.1)])
    assert np.asarray(found.class_id).tolist() == [1]
    assert np.asarray(found.confidence)[0] == pytest.approx(6 / 7, abs=1e-3)  # odds of 4 and 9


def test_a_faint_proposal_becomes_a_detection_only_by_the_second_look() -> None:
    rows = [(60, 60, 40, 40, 0.1, 0), (180, 60, 40, 40, 0.1, 0)]
    found = look_twice(lambda number: (1, 0, 0, 0) if number == 0 else (0.2, 0, 0, 0.8), rows)
    assert len(found) == 1
    assert np.asarray(found.confidence)[0] == pytest.approx(0.97, abs=1e-2)


def test_a_missing_emblem_is_ambiguous() -> None:
    found = look_twice(lambda _: (0.1, 0, 0.9, 0), [(100, 100, 40, 40, 0.9, 0.5)])
    assert len(found) == 1
    assert list(found.data["ambiguous"]) == [True]
    assert list(found.data["rival_class_id"]) == [1]


def test_of_boxes_on_one_flag_the_second_looks_best_is_kept() -> None:
    rows = [(100, 100, 60, 40, 0.5, 0), (100, 100, 60, 56, 0.4, 0)]
    found = look_twice(lambda number: (0.2, 0, 0, 0.8) if number == 0 else (0.9, 0, 0, 0.1), rows)
    assert (found.xyxy[:, 3] - found.xyxy[:, 1]).tolist() == [56]


def test_below_the_candidate_floor_nothing_is_looked_at_again() -> None:
    assert len(look_twice(lambda _: (1, 0, 0, 0), [(100, 100, 40, 40, 0.019, 0)], floor=0.01)) == 0


def test_a_picture_without_proposals_is_empty() -> None:
    assert len(look_twice(lambda _: (1, 0, 0, 0), [(100, 100, 40, 40, 0, 0)])) == 0


# Weights


def write_classified_weights(folder: Path, *, kinds: Sequence[str] = KINDS, **changes: str) -> Path:
    """Fake weights whose classifier says of every crop that it shows the kind of number 1."""
    weights = write_fake_weights(folder)
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["means"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["means", "zero"], ["zeros"]),
        helper.make_node("Unsqueeze", ["zeros", "axis"], ["columns"]),
        helper.make_node("Add", ["columns", "answer"], ["kinds"]),
    ]
    graph = helper.make_graph(
        nodes,
        "fake",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("kinds", TensorProto.FLOAT, ["n", len(KINDS)])],
        [
            helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
            helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
            helper.make_tensor("answer", TensorProto.FLOAT, [1, 4], [0.0, 1.0, 0.0, 0.0]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {"names": repr(dict(enumerate(kinds)))})
    path = folder / "fake-classifier.onnx"
    onnx.save(model, path)
    section = {
        "file": '"fake-classifier.onnx"',
        "sha256": f'"{hashlib.sha256(path.read_bytes()).hexdigest()}"',
        "input_size": "32",
        "context": "1.25",
        "candidate_floor": "0.05",
        "joining": "[0, 0.5, 0.5]",
    } | changes
    lines = "\n".join(f"{key} = {value}" for key, value in section.items() if value)
    weights.with_suffix(".toml").write_text(f"{TOML}\n[classifier]\n{lines}\n", encoding="utf-8")
    return weights


def red_square() -> NDArray[np.uint8]:
    image = np.zeros((128, 128, 3), np.uint8)
    image[32:64, 32:64, 0] = 255
    return image


def test_the_classifier_beside_the_weights_is_asked(tmp_path: Path) -> None:
    weights = write_classified_weights(tmp_path)
    (found,) = load_model(weights).detect([red_square()], 0.3)
    assert np.asarray(found.class_id).tolist() == [1]
    (found,) = load_model(weights, classified=False).detect([red_square()], 0.3)
    assert np.asarray(found.class_id).tolist() == [0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"file": '"gone.onnx"'}, "no classifier at"),
        ({"sha256": '"00"'}, "another classifier"),
        ({"context": ""}, "is not understood"),
        ({"joining": "[1, 2]"}, "is not understood"),
        ({"input_size": '"wide"'}, "is not understood"),
    ],
)
def test_a_section_that_does_not_fit_is_refused(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        read_weights_info(write_classified_weights(tmp_path, **changes))


def rename_detector(weights: Path, names: Sequence[str]) -> None:
    model = onnx.load(weights)
    helper.set_model_props(model, {"names": repr(dict(enumerate(names)))})
    onnx.save(model, weights)


def test_with_a_classifier_the_detector_need_only_find_flags(tmp_path: Path) -> None:
    weights = write_classified_weights(tmp_path)
    rename_detector(weights, ("flag", "pennant"))
    (found,) = load_model(weights).detect([red_square()], 0.3)
    assert np.asarray(found.class_id).tolist() == [1]
    alone = load_model(weights, classified=False)
    assert alone.info.class_names == ("flag", "pennant")


def test_what_the_detector_takes_for_another_class_is_not_proposed(tmp_path: Path) -> None:
    """The first output sees red squares, the second blue ones."""
    weights = write_classified_weights(tmp_path)
    rename_detector(weights, ("other", "kanak"))
    weights.with_suffix(".toml").write_text(
        weights.with_suffix(".toml").read_text().replace('["azerbaijan", "kanak"]', '["kanak"]')
    )
    blue = np.ascontiguousarray(red_square()[..., ::-1])
    assert [len(found) for found in load_model(weights).detect([red_square(), blue], 0.01)] == [0, 1]


def test_kinds_that_are_not_reported_count_as_other() -> None:
    known = np.array([[0.5, 0.2, 0.2, 0.1]])
    folded = fold_kinds(known, KINDS, ("azerbaijan", "plain", "other"))
    assert folded.tolist() == [pytest.approx([0.5, 0.2, 0.3])]
    assert fold_kinds(known, KINDS, KINDS).tolist() == [pytest.approx([0.5, 0.2, 0.2, 0.1])]


def test_a_classifier_of_other_kinds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="knows"):
        load_model(write_classified_weights(tmp_path, kinds=("a", "b", "c", "d")))


def test_the_settings_name_a_file_beside_the_weights_only(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    weights = write_classified_weights(tmp_path / "weights", file='"../../etc/fake-classifier.onnx"')
    classifier = read_weights_info(weights).classifier
    assert classifier
    assert classifier.path == tmp_path / "weights" / "fake-classifier.onnx"


def test_a_report_belongs_to_one_way_of_joining_the_looks(tmp_path: Path) -> None:
    identities = []
    for values in ("[0, 0.5, 0.5]", "[-1, 0.5, 0.5]"):
        folder = tmp_path / values
        folder.mkdir()
        info = read_weights_info(write_classified_weights(folder, joining=values))
        settings = worker_settings(ScanOptions(paths=(tmp_path,), out=tmp_path / "report"), info)
        identities.append(scan_identity(settings, info))
    assert [key for key in identities[0] if identities[0][key] != identities[1][key]] == ["classifier"]
