import hashlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import supervision as sv
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper

from detector.errors import UsageError, WeightsError
from detector.frames import read_image
from detector.model import networks
from detector.model.flags import Model, NetworkModel, find_largest_side, load_model
from detector.model.joining import MAX_DETECTIONS, NMS_IOU, join_rivals
from detector.model.letterbox import PADDING_GREY, STRIDE, letterbox
from detector.model.networks import load_onnx
from detector.model.weights import read_weights_info
from detector.options import DETAILS
from detector.training.drawing.artwork import draw_artwork
from tests.conftest import BLUE, RED, REPOSITORY, needs_openvino, picture, write_picture
from tests.fake_weights import TOML, write_fake_weights

WEIGHTS = REPOSITORY / "weights" / "flags.onnx"
on_either_runtime = pytest.mark.parametrize("device", ["cpu", pytest.param("openvino", marks=needs_openvino)])
SAMPLES = sorted((REPOSITORY / "datasets" / "samples").glob("*.jpg"))
Image = NDArray[np.uint8]


# Letterbox


@given(width=st.integers(1, 5000), height=st.integers(1, 5000), size=st.sampled_from((128, 640, 960)))
@settings(max_examples=60, deadline=None)
def test_a_letterboxed_image_fits_the_network(width: int, height: int, size: int) -> None:
    boxed = letterbox(np.zeros((height, width, 3), np.uint8), size)
    assert boxed.image.shape[0] % STRIDE == boxed.image.shape[1] % STRIDE == 0
    assert max(boxed.image.shape[:2]) == size


@given(
    width=st.integers(8, 4000),
    height=st.integers(8, 4000),
    corners=st.tuples(*[st.floats(0, 1) for _ in range(4)]),
)
@settings(max_examples=60, deadline=None)
def test_boxes_survive_the_way_there_and_back(
    width: int, height: int, corners: tuple[float, float, float, float]
) -> None:
    box = np.array([corners]) * (width, height, width, height)
    boxed = letterbox(np.zeros((height, width, 3), np.uint8), 640)
    assert np.allclose(boxed.to_original(boxed.from_original(box)), box, atol=1e-6)


def test_the_padding_is_grey_and_shared_between_both_sides() -> None:
    boxed = letterbox(np.zeros((300, 640, 3), np.uint8), 640)
    assert boxed.image.shape == (320, 640, 3)
    assert (boxed.image[:10] == PADDING_GREY).all()
    assert (boxed.image[-10:] == PADDING_GREY).all()
    assert (boxed.image[10:310] == 0).all()


@pytest.mark.parametrize(("height", "width"), [(1, 5000), (5000, 1), (1, 1), (3, 4096), (640, 640)])
def test_the_whole_picture_lies_inside_the_letterbox(height: int, width: int) -> None:
    boxed = letterbox(np.full((height, width, 3), 255, np.uint8), 640)
    box = boxed.from_original(np.array([[0, 0, width, height]]))[0]
    rows, columns = boxed.image.shape[:2]
    assert -1 <= box[0] <= box[2] <= columns + 1
    assert -1 <= box[1] <= box[3] <= rows + 1
    ys, xs = np.nonzero((boxed.image == 255).all(axis=2))
    assert (xs.min(), xs.max() + 1) == (pytest.approx(box[0], abs=1), pytest.approx(box[2], abs=1))
    assert (ys.min(), ys.max() + 1) == (pytest.approx(box[1], abs=1), pytest.approx(box[3], abs=1))


# Rivals


def joined(*rows: tuple[float, float, int]) -> list[tuple[float, int, float, bool]]:
    """(left, confidence, class) of 100-pixel boxes in; confidence, rival, its confidence, ambiguous out."""
    xyxy = np.array([[left, 0, left + 100, 100] for left, _, _ in rows], np.float32)
    detections = join_rivals(
        xyxy, np.array([row[1] for row in rows]), np.array([row[2] for row in rows]), margin=0.2
    )
    assert detections.confidence is not None
    columns = (detections.data[name] for name in ("rival_class_id", "rival_confidence", "ambiguous"))
    return [
        (round(float(confidence), 3), int(rival), round(float(rival_confidence), 3), bool(ambiguous))
        for confidence, rival, rival_confidence, ambiguous in zip(
            detections.confidence, *columns, strict=True
        )
    ]


def test_the_weaker_class_on_one_place_becomes_the_rival() -> None:
    assert joined((0, 0.4, 0), (5, 0.9, 1)) == [(0.9, 0, 0.4, False)]


def test_a_close_rival_makes_it_ambiguous() -> None:
    assert joined((0, 0.6, 0), (5, 0.5, 1)) == [(0.6, 1, 0.5, True)]


def test_flags_side_by_side_have_no_rival() -> None:
    assert joined((0, 0.6, 0), (100, 0.5, 1)) == [(0.6, -1, 0.0, False), (0.5, -1, 0.0, False)]


def test_a_box_of_the_same_class_is_no_rival() -> None:
    assert [row[1] for row in joined((0, 0.6, 0), (5, 0.5, 0))] == [-1, -1]


def test_a_dropped_rival_does_not_drop_others() -> None:
    assert len(joined((0, 0.9, 0), (12, 0.8, 1), (24, 0.7, 0))) == 2


def test_nothing_joined_is_nothing() -> None:
    detections = join_rivals(np.empty((0, 4)), np.empty(0), np.empty(0, int), margin=0.2)
    assert len(detections) == 0
    assert set(detections.data) == {"rival_class_id", "rival_confidence", "ambiguous"}


BOX = [0.0, 0.0, 100.0, 100.0]
NEARLY = [0.0, 0.0, 100.0, 90.0]


def join(rows: Sequence[tuple[list[float], float, int]], margin: float = 0.2) -> sv.Detections:
    boxes, confidences, classes = zip(*rows, strict=True)
    return join_rivals(np.array(boxes), np.array(confidences), np.array(classes), margin)


def confidence_of(found: sv.Detections) -> NDArray[np.float32]:
    return np.asarray(found.confidence)


def classes_of(found: sv.Detections) -> NDArray[np.integer]:
    return np.asarray(found.class_id)


def columns(found: sv.Detections) -> dict[str, list[Any]]:
    return {
        "class": classes_of(found).tolist(),
        "confidence": [round(float(value), 4) for value in confidence_of(found)],
        "rival": np.asarray(found.data["rival_class_id"]).tolist(),
        "rival_confidence": [round(float(value), 4) for value in found.data["rival_confidence"]],
        "ambiguous": np.asarray(found.data["ambiguous"]).tolist(),
    }


def test_boxes_that_overlap_less_than_the_limit_are_no_rivals() -> None:
    assert columns(join([(BOX, 0.9, 0), ([0.0, 0.0, 100.0, 71.0], 0.8, 1)]))["class"] == [0]
    assert columns(join([(BOX, 0.9, 0), ([0.0, 0.0, 100.0, 69.0], 0.8, 1)]))["class"] == [0, 1]


def test_overlapping_boxes_of_one_class_are_both_kept() -> None:
    assert columns(join([(BOX, 0.9, 0), (NEARLY, 0.8, 0)]))["class"] == [0, 0]


def test_the_rival_is_the_strongest_of_several() -> None:
    found = columns(join([(BOX, 0.9, 0), (NEARLY, 0.4, 1), (BOX, 0.6, 1), (BOX, 0.5, 2)]))
    assert (found["class"], found["rival"], found["rival_confidence"]) == ([0], [1], [0.6])


def test_equal_rivals_leave_one_and_it_is_ambiguous() -> None:
    found = columns(join([(BOX, 0.6, 1), (BOX, 0.6, 0)]))
    assert (found["class"], found["rival"], found["ambiguous"]) == ([0], [1], [True])


def test_detections_are_sorted_and_their_number_limited() -> None:
    rng = np.random.default_rng(0)
    corners = np.arange(400)[:, None] * 200.0 + [0, 0, 100, 100]
    confidences = rng.random(400)
    found = join_rivals(corners, confidences, np.zeros(400, int), 0.2)
    assert len(found) == MAX_DETECTIONS
    assert (
        confidence_of(found).tolist() == sorted(confidences.astype(np.float32), reverse=True)[:MAX_DETECTIONS]
    )


def test_the_margin_decides_what_is_ambiguous() -> None:
    rows = [(BOX, 0.9, 0), (NEARLY, 0.66, 1)]  # ahead by 0.24 of 1.56
    assert columns(join(rows, margin=0.2))["ambiguous"] == [True]
    assert columns(join(rows, margin=0.1))["ambiguous"] == [False]


# The contract of every model


@pytest.fixture(scope="session", params=["fake", "real"])
def model(request: pytest.FixtureRequest, fake_weights: Path) -> Model:
    return load_model(fake_weights if request.param == "fake" else WEIGHTS)


@pytest.fixture(scope="session")
def scenes(fake_weights: Path) -> list[Image]:
    """Pictures of several shapes, with flags for the real model and squares for the fake one."""
    samples = [path for path in SAMPLES if path.stem != "broken"]
    images = [read_image(path).copy() for path in samples[:6]]
    for image in images:
        image[:160, :160] = RED
        image[-160:, -160:] = BLUE
    return [*images, picture((0, 0, RED)), picture((2, 1, BLUE)).transpose(1, 0, 2).copy()]


def test_an_image_without_anything_has_no_detection(model: Model) -> None:
    (found,) = model.detect([np.full((300, 500, 3), 128, np.uint8)], 0.3)
    assert len(found) == 0


def test_detections_are_sorted_inside_the_image_and_above_the_floor(
    model: Model, scenes: list[Image]
) -> None:
    results = model.detect(scenes, 0.1)
    assert sum(len(found) for found in results) > 0
    for image, found in zip(scenes, results, strict=True):
        height, width = image.shape[:2]
        assert found.confidence is not None
        assert found.class_id is not None
        assert (np.diff(found.confidence) <= 0).all()
        assert (found.confidence >= 0.1).all()
        assert (found.xyxy >= 0).all()
        assert (found.xyxy <= (width, height, width, height)).all()
        assert (found.xyxy[:, 2:] > found.xyxy[:, :2]).all()
        assert set(found.class_id.tolist()) <= set(range(len(model.info.class_names)))
        assert set(found.data) == {"rival_class_id", "rival_confidence", "ambiguous"}
        assert len(found) <= MAX_DETECTIONS


def test_a_batch_gives_what_single_images_give(model: Model, scenes: list[Image]) -> None:
    for image, found in zip(scenes, model.detect(scenes, 0.1), strict=True):
        (alone,) = model.detect([image], 0.1)
        assert np.allclose(alone.xyxy, found.xyxy, atol=0.1)
        assert np.allclose(np.asarray(alone.confidence), np.asarray(found.confidence), atol=1e-3)


def test_what_one_input_size_misses_another_finds(fake_weights: Path) -> None:
    model = load_model(fake_weights)
    image = np.repeat(np.repeat(picture((1, 1, RED)), 4, axis=0), 4, axis=1)  # 512 × 384, the square 128
    for sizes, found_boxes in (((512,), 16), ((128,), 1), ((512, 128), 17)):
        model.info = replace(model.info, input_sizes=sizes)
        (found,) = model.detect([image], 0.3)
        assert len(found) == found_boxes
        assert found.xyxy[:, :2].min() == 128
        assert found.xyxy[:, 2:].max() == 256


def test_no_images_give_no_detections(model: Model) -> None:
    assert model.detect([], 0.1) == []


def test_an_image_of_one_pixel_is_survived(model: Model) -> None:
    assert len(model.detect([np.zeros((1, 1, 3), np.uint8)], 0.5)) == 1


def test_red_is_not_blue_for_the_fake_model(fake_weights: Path) -> None:
    (found,) = load_model(fake_weights).detect([picture((1, 1, RED))], 0.3)
    assert np.asarray(found.class_id).tolist() == [0]
    assert found.xyxy.tolist() == [[32, 32, 64, 64]]


def test_red_is_not_blue_for_the_real_model() -> None:
    model = load_model(WEIGHTS)
    images = [read_image(path) for path in SAMPLES if path.stem not in ("broken", "look-alikes", "no-emblem")]
    swapped = [np.ascontiguousarray(image[..., ::-1]) for image in images]
    right, wrong = (
        sum(float(np.asarray(found.confidence).sum()) for found in model.detect(some, 0.4))
        for some in (images, swapped)
    )
    assert right > 2
    assert wrong < 0.5 * right


def test_the_floor_is_kept_and_cuts_nothing_else(model: Model, scenes: list[Image]) -> None:
    for low, high in zip(model.detect(scenes, 0.1), model.detect(scenes, 0.5), strict=True):
        assert (confidence_of(low) >= 0.1).all()
        assert confidence_of(high).tolist() == confidence_of(low)[confidence_of(low) >= 0.5].tolist()


def test_every_detection_has_its_data(model: Model, scenes: list[Image]) -> None:
    for found in model.detect(scenes, 0.1):
        assert {name: len(column) for name, column in found.data.items()} == {
            "rival_class_id": len(found),
            "rival_confidence": len(found),
            "ambiguous": len(found),
        }
        assert (np.asarray(found.data["rival_class_id"]) != classes_of(found)).all()
        assert np.asarray(found.data["ambiguous"]).dtype == bool


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 3000), (3000, 1), (31, 33)])
def test_any_size_is_looked_at(model: Model, height: int, width: int) -> None:
    [found] = model.detect([np.full((height, width, 3), 128, np.uint8)], 0.9)
    assert len(found) == 0


def test_an_image_is_not_changed(model: Model) -> None:
    image = picture((1, 1, RED))
    before = image.copy()
    model.detect([image], 0.1)
    assert (image == before).all()


def drawn_flag(height: int, width: int, name: str) -> Image:
    """A drawn flag on noisy grey."""
    rng = np.random.default_rng(1)
    image = np.clip(rng.normal(128, 6, (height, width, 3)), 0, 255).astype(np.uint8)
    flag = draw_artwork(
        REPOSITORY / "datasets" / "artwork" / f"{name}.svg", max(min(height, width) * 2 // 5, 8)
    )
    flag = flag[: height // 2, : width - width // 4]
    top, left = height // 4, width // 8
    image[top : top + flag.shape[0], left : left + flag.shape[1]] = flag
    return image


def best_of(model: Model, image: Image, class_id: int) -> float:
    [found] = model.detect([image], 0.01)
    return float(confidence_of(found)[classes_of(found) == class_id].max(initial=0))


@pytest.mark.parametrize(("class_id", "name"), [(0, "azerbaijan"), (1, "kanak")])
def test_a_flag_with_red_and_blue_swapped_is_another_flag(class_id: int, name: str) -> None:
    released = load_model(WEIGHTS)
    image = drawn_flag(480, 640, name)
    as_it_is = best_of(released, image, class_id)
    assert as_it_is > 0.5
    assert best_of(released, np.ascontiguousarray(image[..., ::-1]), class_id) < as_it_is / 2


def test_red_and_blue_squares_change_places_with_the_colours(fake_weights: Path) -> None:
    model = load_model(fake_weights)
    image = picture((1, 1, RED))
    for seen, class_id in ((image, 0), (np.ascontiguousarray(image[..., ::-1]), 1)):
        (found,) = model.detect([seen], 0.05)
        assert columns(found)["class"] == [class_id]
        assert columns(found)["confidence"] == [pytest.approx(210 / 255, abs=1e-3)]


def test_a_large_picture_has_boxes_of_its_own_size(fake_weights: Path) -> None:
    large = np.repeat(np.repeat(picture((2, 1, BLUE)), 4, axis=0), 4, axis=1)
    (found,) = load_model(fake_weights).detect([large], 0.05)
    assert found.xyxy.tolist() == [[256, 128, 384, 256]]


# Weights


def test_what_the_weights_are_is_read_beside_them(fake_weights: Path) -> None:
    info = read_weights_info(fake_weights)
    assert info.class_names == ("azerbaijan", "kanak")
    assert info.thresholds == (0.5, 0.5)
    assert info.sha256 == hashlib.sha256(fake_weights.read_bytes()).hexdigest()


def test_larger_inputs_are_asked_for_distant_flags_where_a_smaller_one_is_there() -> None:
    sizes = (1280, 640, 384, 256)
    assert [find_largest_side(size, sizes) for size in sizes] == [128, 128, np.inf, np.inf]
    assert find_largest_side(640, (640,)) == np.inf


def test_a_large_box_of_a_large_input_is_left_to_the_smaller(fake_weights: Path) -> None:
    boxes = np.array([[100, 100, 300, 60], [100, 100, 60, 60]], np.float32).T
    output = np.vstack([boxes, np.array([[0.9, 0.9], [0, 0]], np.float32)])[None]
    info = replace(read_weights_info(fake_weights), input_sizes=(640, 384))
    seen = []

    def network(images: NDArray[np.float32]) -> NDArray[np.float32]:
        seen.append(images.shape[3])
        return output if images.shape[3] == 640 else output[:, :, :0]

    (found,) = NetworkModel(info, network).detect([np.zeros((640, 640, 3), np.uint8)], 0.5)
    assert seen == [640, 384]
    assert (found.xyxy[:, 2] - found.xyxy[:, 0]).tolist() == [60]


def test_each_detail_has_its_own_input_sizes(tmp_path: Path) -> None:
    weights = write_fake_weights(tmp_path)
    settings_path = weights.with_suffix(".toml")
    text = settings_path.read_text()
    settings_path.write_text(
        text.replace("[128]", "{ fast = [64], standard = [128], thorough = [256, 128] }")
    )
    sizes = [read_weights_info(weights, detail=detail).input_sizes for detail in DETAILS]
    assert sizes == [(64,), (128,), (256, 128)]
    assert load_model(weights, detail="thorough").info.input_sizes == (256, 128)
    assert load_model(weights).info.input_sizes == (128,)


@pytest.mark.parametrize(
    ("settings_text", "message"),
    [
        ("class_names = [", "is not understood"),
        ('class_names = ["a"]', "is not understood"),
        (
            'class_names = ["a"]\ninput_sizes = [64]\nfloor = 0.1\nambiguity_margin = 0.1\n'
            'weights_sha256 = { onnx = "00" }\n[thresholds]\na = 0.5',
            "was written for other weights",
        ),
        (
            'class_names = ["a"]\ninput_sizes = [64]\nfloor = 0.1\nambiguity_margin = 0.1\n'
            "[thresholds]\na = 0.5",
            "its .toml says",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    settings_text: str, message: str, tmp_path: Path, fake_weights: Path
) -> None:
    weights = tmp_path / "other.onnx"
    weights.write_bytes(fake_weights.read_bytes())
    weights.with_suffix(".toml").write_text(settings_text)
    with pytest.raises(WeightsError, match=message):
        load_model(weights)


def test_weights_without_settings_say_how_to_get_them(tmp_path: Path, fake_weights: Path) -> None:
    weights = tmp_path / "alone.onnx"
    weights.write_bytes(fake_weights.read_bytes())
    with pytest.raises(WeightsError, match=r"scripts/convert\.py"):
        load_model(weights)


@pytest.mark.parametrize("suffix", [".onnx", ".pb"])
def test_garbage_is_no_weights(suffix: str, tmp_path: Path, fake_weights: Path) -> None:
    weights = tmp_path / f"garbage{suffix}"
    weights.write_bytes(b"garbage")
    weights.with_suffix(".toml").write_text(fake_weights.with_suffix(".toml").read_text())
    with pytest.raises(WeightsError):
        load_model(weights)


def test_a_missing_device_is_a_usage_error(fake_weights: Path) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has the GPU build")
    with pytest.raises(UsageError, match="onnxruntime-gpu"):
        load_model(fake_weights, device="cuda")


class GpuBuild:
    """onnxruntime-gpu with a GPU, for which the processor stands; or without one."""

    def __init__(self, *, printed: str = "", there: bool = True, full: bool = False) -> None:
        self.printed, self.there, self.full = printed, there, full
        self.sessions: list[set[tuple[int, ...]]] = []
        """Shapes of what each was asked, in the order in which they were begun."""

    def __getattr__(self, name: str) -> Any:
        return getattr(onnxruntime, name)

    def get_available_providers(self) -> list[str]:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    def preload_dlls(self) -> None:
        sys.stdout.write(self.printed)

    def set_default_logger_severity(self, _: int) -> None:
        """Is heard by all of this process, so it is left as it is."""

    def InferenceSession(self, path: Path, options: object, providers: object) -> Any:  # noqa: N802
        """Says that it runs on a GPU, if that is there."""
        assert str(providers).startswith("[('CUDAExecutionProvider', ")
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        if self.there:
            session.get_providers = self.get_available_providers
        run = session.run
        asked: set[tuple[int, ...]] = set()
        self.sessions.append(asked)

        def watch(names: object, images: dict[str, Any]) -> Any:
            asked.update(array.shape for array in images.values())
            if self.full:
                raise onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException("CUDA out of memory")
            return run(names, images)

        session.run = watch
        return session


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("Failed to load libcublas.so.13: none\nand more", r"\(Failed to load libcublas.so.13: none\)"),
        ("", "no GPU"),
    ],
)
def test_a_gpu_that_cannot_be_used_is_never_replaced_by_the_cpu_in_silence(
    printed: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "import_onnxruntime", lambda: GpuBuild(printed=printed, there=False))
    with pytest.raises(UsageError, match=reason):
        load_model(WEIGHTS, device="cuda")


def test_on_a_gpu_each_shape_has_its_session_and_the_same_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    image = read_image(WEIGHTS.with_name("flags-self-test.jpg"))
    [there] = load_model(WEIGHTS).detect([image])
    build = GpuBuild()
    monkeypatch.setattr(networks, "import_onnxruntime", lambda: build)
    [found] = load_model(WEIGHTS, device="cuda").detect([image])
    np.testing.assert_allclose(found.xyxy, there.xyxy, atol=0.1)
    np.testing.assert_array_equal(found.class_id, there.class_id)
    np.testing.assert_allclose(np.asarray(found.confidence), np.asarray(there.confidence), atol=1e-3)
    assert set().union(*build.sessions) == {(1, 3, 352, 512), (2, 3, 160, 160), (8, 3, 160, 160)}
    assert all(len(asked) == 1 for asked in build.sessions if asked)


def test_a_gpu_without_the_memory_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    build = GpuBuild(full=True)
    monkeypatch.setattr(networks, "import_onnxruntime", lambda: build)
    with pytest.raises(WeightsError, match="fewer --workers"):
        load_model(WEIGHTS, device="cuda")


def test_the_released_weights_are_small_and_name_their_classes() -> None:
    assert WEIGHTS.stat().st_size < 12_000_000
    assert load_model(WEIGHTS).info.class_names == ("azerbaijan", "kanak")


def test_missing_weights_and_settings_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no weights at .*; see weights/README\.md"):
        load_model(tmp_path / "none.onnx")
    path = write_fake_weights(tmp_path)
    path.with_suffix(".toml").unlink()
    with pytest.raises(WeightsError, match="no settings at"):
        load_model(path)


@pytest.mark.parametrize(
    "text",
    [
        "class_names = [",
        "",
        TOML.replace("kanak = 0.5", ""),
        TOML.replace("128", '"wide"'),
        TOML.replace('["azerbaijan", "kanak"]', "3"),
        "weights_sha256 = 3\n" + TOML,
    ],
)
def test_settings_that_are_not_understood_are_refused(tmp_path: Path, text: str) -> None:
    path = write_fake_weights(tmp_path)
    path.with_suffix(".toml").write_text(text)
    with pytest.raises(WeightsError, match="is not understood"):
        load_model(path)


@pytest.mark.parametrize("names", ["", "not python (", "['a']['b']", "{1: 'kanak'}", "7"])
@on_either_runtime
@pytest.mark.usefixtures("own_cache")
def test_weights_that_do_not_name_their_classes_are_refused(tmp_path: Path, names: str, device: str) -> None:
    path = write_fake_weights(tmp_path)
    network = onnx.load(path)
    helper.set_model_props(network, {"names": names} if names else {})
    onnx.save(network, path)
    with pytest.raises(WeightsError, match="does not name its classes"):
        load_model(path, device=device)


@on_either_runtime
@pytest.mark.usefixtures("own_cache")
def test_half_an_onnx_is_refused(tmp_path: Path, device: str) -> None:
    path = write_fake_weights(tmp_path)
    for content in (b"", path.read_bytes()[:200]):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"cannot be loaded|does not name its classes"):
            load_model(path, device=device)


# The two runtimes


def shapes_of(image: Image) -> list[Image]:
    """The image, a tall and a wide part of it, and a large one."""
    return [image, image[:, 200:520], image[150:450], cv2.resize(image, (1900, 1270)).astype(np.uint8)]


@pytest.mark.train
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_onnx_and_pt_agree() -> None:
    pytest.importorskip("ultralytics")
    by_onnx, by_pt = load_model(WEIGHTS), load_model(WEIGHTS.with_suffix(".pt"))
    images = [one for path in SAMPLES[1:5] for one in shapes_of(read_image(path))]
    found_any = 0
    for image in images:
        (left,), (right,) = by_onnx.detect([image], 0.1), by_pt.detect([image], 0.1)
        assert len(left) == len(right)
        assert np.abs(left.xyxy - right.xyxy).max(initial=0) <= 1
        difference = np.asarray(left.confidence) - np.asarray(right.confidence)
        assert np.abs(difference).max(initial=0) <= 0.01
        assert np.array_equal(np.asarray(left.class_id), np.asarray(right.class_id))
        found_any += len(left)
    assert found_any > 4


@pytest.mark.train
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_the_pt_gives_what_ultralytics_own_predict_gives() -> None:
    pytest.importorskip("ultralytics")
    ours = load_model(WEIGHTS.with_suffix(".pt"), classified=False)
    ours.info = replace(ours.info, input_sizes=ours.info.input_sizes[:1])  # theirs looks once
    import ultralytics

    theirs = ultralytics.YOLO(WEIGHTS.with_suffix(".pt"))
    compared = 0
    for path in SAMPLES[1:7]:
        image = read_image(path)
        (found,) = ours.detect([image], 0.25)
        (predicted,) = theirs.predict(
            np.ascontiguousarray(image[..., ::-1]),
            imgsz=ours.info.input_sizes[0],
            conf=0.25,
            iou=NMS_IOU,
            verbose=False,
        )
        boxes, confidences = predicted.boxes.xyxy.cpu().numpy(), predicted.boxes.conf.cpu().numpy()
        for box, confidence in zip(found.xyxy, np.asarray(found.confidence), strict=True):
            nearest = np.abs(boxes - box).max(axis=1).argmin()
            assert np.abs(boxes[nearest] - box).max() <= 1
            assert abs(confidences[nearest] - confidence) <= 0.01
            compared += 1
    assert compared >= 3


@needs_openvino
@pytest.mark.usefixtures("own_cache")
def test_openvino_sees_what_onnx_runtime_sees(scenes: list[Image]) -> None:
    ours, theirs = load_model(WEIGHTS), load_model(WEIGHTS, device="openvino")
    compared = 0
    for image in scenes:
        (one,), (two,) = ours.detect([image], 0.3), theirs.detect([image], 0.25)
        for box, confidence in zip(one.xyxy, np.asarray(one.confidence), strict=True):
            # It may compute in bfloat16, of eight significant bits.
            near = np.abs(two.xyxy - box).max(axis=1) < 0.01 * max(image.shape)
            assert np.abs(np.asarray(two.confidence)[near] - confidence).min() < 0.03
            compared += 1
    assert compared >= 4


@needs_openvino
@pytest.mark.usefixtures("own_cache")
def test_openvino_does_not_round_the_edges_of_boxes() -> None:
    """Half floats of eight significant bits would end nearly all on a quarter of a pixel."""
    run, _ = load_onnx(WEIGHTS, "openvino", 1)
    noise = np.random.default_rng(1).random((1, 3, 160, 256), np.float32)
    edges = run([noise])[0][0, :4]
    assert (edges % 0.25 == 0).mean() < 0.1


def test_openvino_runs_no_pt(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    with pytest.raises(UsageError, match="openvino"):
        load_model(WEIGHTS.with_suffix(".pt"), device="openvino")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("floor = 0.05", "floor = nan", "floor must be more than 0"),
        ("input_sizes = [128]", "input_sizes = [0, -5]", "input_sizes must be from 32"),
        ("input_sizes = [128]", "input_sizes = []", "input_sizes must be from 32"),
        ("ambiguity_margin = 0.2", "ambiguity_margin = inf", "ambiguity_margin must be from 0 to 1"),
        ("kanak = 0.5", "kanak = 50", "thresholds must be more than 0"),
        ('["azerbaijan", "kanak"]', '["kanak", "kanak"]', "class_names must be there, and differ"),
    ],
)
def test_settings_with_which_nothing_would_be_found_are_refused(
    tmp_path: Path, old: str, new: str, what: str
) -> None:
    weights = write_fake_weights(tmp_path)
    beside = weights.with_suffix(".toml")
    assert old in beside.read_text()
    beside.write_text(beside.read_text().replace(old, new))
    with pytest.raises(WeightsError, match=f"makes no sense: {what}"):
        read_weights_info(weights)


def test_a_network_whose_output_has_another_shape_is_refused(tmp_path: Path) -> None:
    weights = write_fake_weights(tmp_path)
    network = onnx.load(weights)
    network.graph.output[0].name = "grid"  # (n, 6, rows, columns): as it was before its last step
    del network.graph.node[-1]
    del network.graph.output[0].type.tensor_type.shape.dim[:]
    onnx.save(network, weights)
    with pytest.raises(WeightsError, match=r"gives \(1, 6, 3, 4\), not \(1, 4 and classes, places\)"):
        load_model(weights).detect([picture((1, 1, RED))], 0.3)


def test_weights_that_do_not_find_the_flags_beside_them_are_refused(tmp_path: Path) -> None:
    weights = write_fake_weights(tmp_path)
    must_be_found = tmp_path / "fake-self-test.jpg"
    write_picture(must_be_found, (1, 1, RED))
    assert load_model(weights).info.class_names == ("azerbaijan", "kanak")
    write_picture(must_be_found)
    with pytest.raises(WeightsError, match=r"does not find the flags in fake-self-test\.jpg"):
        load_model(weights)


def test_the_weights_of_the_release_have_a_picture_to_be_found() -> None:
    assert WEIGHTS.with_name("flags-self-test.jpg").exists()


@pytest.mark.train
def test_a_pt_that_nobody_vouches_for_runs_no_code_unless_it_is_trusted(tmp_path: Path) -> None:
    """Its pickle would make a folder."""
    pytest.importorskip("ultralytics")
    made = tmp_path / "made by code in the weights"
    weights = tmp_path / "foreign.pt"
    weights.write_bytes(b"cos\nmkdir\n(V" + str(made).encode() + b"\ntR.")
    weights.with_suffix(".toml").write_text(TOML)
    with pytest.raises(WeightsError, match=r"can run code when it is loaded.*--trust-weights"):
        load_model(weights)
    assert not made.exists()
    with pytest.raises(WeightsError, match="cannot be loaded"):
        load_model(weights, trust_weights=True)
    assert made.exists()
