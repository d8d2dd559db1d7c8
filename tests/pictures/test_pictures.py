from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from numpy.typing import NDArray
from PIL import Image

from detector.frames import Frame
from detector.pictures.writing import find_picture_side, write_pictures
from tests.conftest import settings_for


def search_count(
    box: tuple[int, int, int, int],
    image: NDArray[np.uint8],
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    resolution_wh: tuple[int, int] | None = None,
) -> tuple[int, tuple[int, int]]:
    """How often faces were searched for the pictures of one detection, and the size of its crop."""
    searched = []

    def find_faces(picture: NDArray[np.uint8], flags: NDArray[np.float32]) -> NDArray[np.float32]:
        searched.append(picture.shape)
        return np.array([[0, 0, *picture.shape[1::-1]]], np.float32)  # everything is a face

    monkeypatch.setattr("detector.pictures.annotate.find_faces", find_faces)
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
        Frame(0, 0.0, image, resolution_wh or (image.shape[1], image.shape[0])),
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


def test_a_photo_decoded_smaller_has_the_same_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large, huge = checked(2560, 1920), checked(5120, 3840)
    for number, box in enumerate([(0, 0, 2560, 1920), (400, 400, 1400, 900)]):
        assert find_picture_side((2560, 1920), np.array([box])) == 1280
        whole = search_count(box, large, tmp_path / f"{number}", monkeypatch)
        assert search_count(box, large[::2, ::2], tmp_path / f"{number}s", monkeypatch, (2560, 1920)) == whole
    box = (800, 800, 1800, 1800)
    assert find_picture_side((5120, 3840), np.array([box])) == 2184  # of these 640 are the crop's
    assert search_count(box, huge, tmp_path / "h", monkeypatch) == (2, (640, 640))
    assert search_count(box, huge[::2, ::2], tmp_path / "hs", monkeypatch, (5120, 3840)) == (2, (640, 640))
    assert find_picture_side((5120, 3840), np.array([box, (9, 9, 90, 90)])) == 5120
    assert find_picture_side((800, 600), np.array([(0, 0, 90, 90)])) == 800
