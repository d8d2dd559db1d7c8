from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.training.learning.train import TrainOptions, train
from tests.conftest import REPOSITORY

WEIGHTS = REPOSITORY / "weights"


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")  # ultralytics and torch warn about each other
def test_an_epoch_writes_weights_that_know_the_names(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics")
    from ultralytics import YOLO

    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (tmp_path / "data" / kind / split).mkdir(parents=True)
        for number in range(4):
            image = rng.integers(0, 255, (64, 64, 3), np.uint8)
            cv2.imwrite(str(tmp_path / "data" / "images" / split / f"{number}.jpg"), image)
            label = tmp_path / "data" / "labels" / split / f"{number}.txt"
            label.write_text("0 0.5 0.5 0.4 0.4\n" if number else "")
    data = tmp_path / "data" / "data.yaml"
    data.write_text(
        f"path: {data.parent}\ntrain: images/train\nval: images/val\nnames:\n  0: azerbaijan\n  1: kanak\n"
    )
    last = train(
        str(WEIGHTS / "flags.pt"),
        data,
        tmp_path / "runs" / "short",
        TrainOptions(epochs=1, batch=2, size=64, mosaic=0, minutes=1),
    )
    assert last.exists()
    assert YOLO(str(last)).names == {0: "azerbaijan", 1: "kanak"}
