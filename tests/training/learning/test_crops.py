from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.training.drawing.designs import KINDS
from detector.training.drawing.synth import Example
from detector.training.learning.crops import CROP_CONTEXT, make_crops, name_kinds
from detector.training.learning.dataset import Recipe
from detector.training.learning.train_classifier import (
    INPUT_SIZE,
    Options,
    change,
    draw_crops,
    is_telling,
    train,
)
from tests.conftest import REPOSITORY

ROOT = REPOSITORY


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crops")
    rng = np.random.default_rng(0)
    for name in ("photos", "flags", "flag_photos"):
        (folder / name).mkdir()
    for number in range(24):
        coarse = rng.integers(60, 190, (12, 16, 3), np.uint8)
        photo = cv2.resize(coarse, (320, 240), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / "photos" / f"{number}.png"), photo)
        cv2.imwrite(str(folder / "flag_photos" / f"{number}.png"), photo[:90, :160, ::-1])
    bands = np.repeat(np.array([[0, 0, 200], [255, 255, 255], [0, 150, 0]], np.uint8), 30, axis=0)
    cv2.imwrite(str(folder / "flags" / "hu.png"), np.repeat(bands[:, None], 180, axis=1))
    recipe = Recipe(
        artwork=ROOT / "datasets" / "artwork",
        bank=ROOT / "datasets" / "cloth.npz",
        flags=folder / "flags",
        backgrounds=(folder / "photos",),
        flag_photos=(folder / "flag_photos",),
    )
    make_crops(
        recipe, ROOT / "weights" / "flags.onnx", folder / "out", counts={"train": 32, "val": 0}, workers=1
    )
    return folder / "out"


def test_each_kind_has_its_crops(crops: Path) -> None:
    names = {kind: [path.name for path in (crops / "train" / kind).glob("*.jpg")] for kind in KINDS}
    assert all(names[kind] for kind in KINDS)
    assert {name.partition("-")[0] for name in names["other"]} >= {"drawn", "window"}
    for name in (*names["azerbaijan"], *names["kanak"], *names["plain"]):
        assert name.startswith(("drawn", "proposed"))  # no photo holds a target


def test_a_flag_whose_emblem_is_hidden_is_either_flag() -> None:
    large, small = [0, 0, 120, 60], [0, 0, 20, 10]
    example = Example(
        image=np.zeros((200, 200, 3), np.uint8),
        labels=("kanak", "azerbaijan", "kanak", "azerbaijan"),
        xyxy=np.array([large, large, large, small], np.float32),
        emblems=np.array([0.9, 0.02, 0.2, 0], np.float32),
        other_labels=(),
        other_xyxy=np.empty((0, 4), np.float32),
    )
    assert name_kinds(example) == ["kanak", "plain", "", "azerbaijan"]


def test_no_picture_is_in_two_splits(crops: Path) -> None:
    train_names, val_names = (
        {path.name for path in (crops / split / "other").glob("window*")} for split in ("train", "val")
    )
    assert train_names
    assert not train_names & val_names


def test_crops_are_drawn_in_all_kinds_and_changed(crops: Path) -> None:
    stream = draw_crops(crops / "train", [1, 0])
    drawn = [next(stream) for _ in range(80)]
    assert {kind for _, kind in drawn} == set(range(len(KINDS)))
    assert all(image.shape == (INPUT_SIZE, INPUT_SIZE, 3) for image, _ in drawn)
    again = draw_crops(crops / "train", [1, 0])
    assert all((image == next(again)[0]).all() for image, _ in drawn[:10])


def test_flags_in_the_dark_are_not_taught(crops: Path, tmp_path: Path) -> None:
    for kind, level in (("azerbaijan", (6, 4, 2)), ("other", (6, 4, 2)), ("kanak", (180, 60, 30))):
        (tmp_path / kind).mkdir()
        cv2.imwrite(str(tmp_path / kind / "drawn-1.jpg"), np.full((80, 80, 3), level, np.uint8))
    stream = draw_crops(tmp_path, [1, 0])
    drawn = [next(stream) for _ in range(60)]
    assert {KINDS[kind] for _, kind in drawn} == {"kanak", "other"}
    assert all(is_telling(image) for image, kind in drawn if KINDS[kind] == "kanak")


def test_a_change_keeps_size_and_does_not_blank() -> None:
    crop = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    for seed in range(40):
        changed = change(crop.copy(), np.random.default_rng(seed))
        assert changed.shape == crop.shape
        assert changed.std() > 5


def test_stored_crops_are_square_with_the_box_in_the_middle(crops: Path) -> None:
    assert CROP_CONTEXT > 2
    for path in sorted((crops / "train" / "azerbaijan").glob("drawn*"))[:10]:
        image = cv2.imread(str(path))
        assert image is not None
        assert image.shape[0] == image.shape[1] <= 320


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")  # ultralytics and torch warn about each other
def test_a_short_training_becomes_a_classifier(crops: Path, tmp_path: Path) -> None:
    pytest.importorskip("ultralytics")
    onnxruntime = pytest.importorskip("onnxruntime")
    import torch

    from detector.training.learning.convert import convert_classifier

    base = ROOT / "weights" / "flags.pt"
    trained = train(
        Options(crops=crops, base=base, out=tmp_path / "c.pt", minutes=0.05, batch=8, threads=1, workers=0)
    )
    (tmp_path / "flags.onnx").write_bytes((ROOT / "weights" / "flags.onnx").read_bytes())
    path = convert_classifier(trained, base, tmp_path)
    session = onnxruntime.InferenceSession(path)
    (kinds,) = session.run(None, {"images": np.zeros((3, 3, INPUT_SIZE, INPUT_SIZE), np.float32)})
    assert kinds.shape == (3, len(KINDS))
    assert np.allclose(kinds.sum(axis=1), 1, atol=1e-4)
    from detector.model.flags import load_model

    again = Options(
        crops=crops,
        base=base,
        out=tmp_path / "d.pt",
        resume=trained,
        minutes=1e-9,
        batch=8,
        threads=1,
        workers=0,
    )
    before, after = (torch.load(file)["head.weight"] for file in (trained, train(again)))
    assert (before == after).all()
    assert load_model(tmp_path / "flags.onnx").detect([np.zeros((64, 64, 3), np.uint8)], 0.1)[0] is not None
