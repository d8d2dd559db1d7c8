from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.training.drawing import TARGETS
from detector.training.learning.classes import ANY, TARGETS_AND_OTHER, change_classes, join_sets
from tests.conftest import REPOSITORY

WEIGHTS = REPOSITORY / "weights"


def write_set(folder: Path, labels: str, others: str) -> Path:
    for kind in ("images", "labels", "others"):
        (folder / kind / "train").mkdir(parents=True)
    cv2.imwrite(str(folder / "images" / "train" / "1.jpg"), np.zeros((32, 32, 3), np.uint8))
    (folder / "labels" / "train" / "1.txt").write_text(labels)
    (folder / "others" / "train" / "1.txt").write_text(others)
    return folder


def read_labels(folder: Path) -> list[str]:
    """As ultralytics finds them: beside the listed picture."""
    pictures = [Path(line) for line in (folder / "train.txt").read_text().splitlines()]
    assert [path.read_bytes()[:2] for path in pictures] == [b"\xff\xd8"] * len(pictures)
    labels = [Path(str(path).replace("/images/", "/labels/")).with_suffix(".txt") for path in pictures]
    return [path.read_text() for path in labels]


def test_every_flag_of_every_set_is_of_one_of_the_classes(tmp_path: Path) -> None:
    one = write_set(tmp_path / "one", "1 0.5 0.5 0.1 0.1\n", "3 0.2 0.2 0.1 0.1\n2 0.3 0.3 0.1 0.1\n")
    two = write_set(tmp_path / "two", "", "")
    data = join_sets([one, two], tmp_path / "any", ANY)
    assert "train: train.txt" in data.read_text()
    assert read_labels(tmp_path / "any") == [
        "0 0.5 0.5 0.1 0.1\n0 0.2 0.2 0.1 0.1\n0 0.3 0.3 0.1 0.1\n",
        "",
    ]
    join_sets([one], tmp_path / "two", TARGETS)
    assert read_labels(tmp_path / "two") == ["1 0.5 0.5 0.1 0.1\n"]
    join_sets([one], tmp_path / "three", TARGETS_AND_OTHER)
    assert read_labels(tmp_path / "three") == ["1 0.5 0.5 0.1 0.1\n2 0.2 0.2 0.1 0.1\n2 0.3 0.3 0.1 0.1\n"]


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")  # ultralytics and torch warn about each other
def test_a_new_class_begins_as_the_mean_of_all(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics")
    from detector.model.networks import load_pt

    image = np.random.default_rng(0).random((1, 3, 96, 96), np.float32)
    named, _ = load_pt(WEIGHTS / "flags.pt", "cpu", 1)
    network, names = load_pt(
        change_classes(WEIGHTS / "flags.pt", tmp_path / "start.pt", ("pennant",)), "cpu", 1
    )
    assert names == ("pennant",)
    before, after = named(image)[0], network(image)[0]
    odds = np.log(before[4:] / (1 - before[4:])).mean(axis=0)
    assert np.abs(after[4] - 1 / (1 + np.exp(-odds))).max() < 0.01
    assert np.abs(after[:4] - before[:4]).max() < 0.5


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")
def test_a_released_classifier_goes_on_where_it_ended(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics")
    import torch

    from detector.model import load_onnx
    from detector.training.learning.revive import revive
    from detector.training.learning.train_classifier import INPUT_SIZE, build_network

    crops = torch.rand(6, 3, INPUT_SIZE, INPUT_SIZE, generator=torch.Generator().manual_seed(0))
    network = revive(WEIGHTS / "flags-classifier.onnx", build_network(WEIGHTS / "flags.pt"), crops)
    run, _ = load_onnx(WEIGHTS / "flags-classifier.onnx", "cpu", 1)
    with torch.no_grad():
        resting = network.eval()(crops).softmax(1).numpy()
        network.train()
        network.drop.eval()
        training = network(crops).softmax(1).numpy()
    (released,) = run([crops.numpy()])
    assert np.abs(resting - released).max() < 1e-3
    assert np.abs(training - released).max() < 0.02  # the norms' statistics are those of these crops
