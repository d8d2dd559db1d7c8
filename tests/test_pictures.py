from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from numpy.typing import NDArray
from PIL import Image

from detector.frames import Frame
from detector.pictures import write_pictures
from tests.conftest import settings_for


def search_count(
    box: tuple[int, int, int, int], image: NDArray[np.uint8], out: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, tuple[int, int]]:
    """How often faces were searched for the pictures of one detection, and the size of its crop."""
    searched = []

    def find_faces(picture: NDArray[np.uint8], device: str) -> NDArray[np.float32]:
        searched.append(picture.shape)
        return np.array([[0, 0, *picture.shape[1::-1]]], np.float32)  # everything is a face

    monkeypatch.setattr("detector.annotate.find_faces", find_faces)
    height, width = image.shape[:2]
    one = sv.Detections(
        np.array([box], np.float32),
        confidence=np.array([0.9], np.float32),
        class_id=np.array([0]),
        data={
            "rival_class_id": np.array([1]),
            "rival_confidence": np.zeros(1),
            "ambiguous": np.zeros(1, bool),
        },
    )
    written = write_pictures(
        Frame(0, 0.0, image, (width, height)),
        one,
        np.ones(1, bool),
        "0" * 64,
        ("azerbaijan", "kanak"),
        settings_for(Path("weights.onnx"), out),
    )
    with Image.open(out / str(written.data["crop"][0])) as crop:
        assert np.asarray(crop).std() < 10  # the pattern is hidden, whichever picture it was cut from
        return len(searched), crop.size


def checked(width: int, height: int) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[:height, :width] // 4 % 2
    return np.repeat(((rows ^ columns) * 255)[..., None], 3, axis=2).astype(np.uint8)


def test_a_crop_is_searched_for_faces_again_only_where_it_is_sharper_than_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = checked(640, 480), checked(2560, 1920)
    assert search_count((10, 10, 90, 60), small, tmp_path / "a", monkeypatch) == (1, (111, 73))
    assert search_count((400, 400, 800, 600), large, tmp_path / "b", monkeypatch) == (2, (601, 301))
    assert search_count((0, 0, 2560, 1920), large, tmp_path / "c", monkeypatch) == (1, (1280, 960))
    assert search_count((400, 400, 1400, 900), large, tmp_path / "d", monkeypatch) == (1, (751, 376))
    assert search_count((400, 400, 900, 900), large, tmp_path / "e", monkeypatch) == (2, (640, 640))
