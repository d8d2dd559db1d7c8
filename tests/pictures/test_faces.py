import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from detector.pictures import faces
from detector.pictures.faces import HEAD_MARGIN, find_faces, hide_faces


@pytest.fixture
def noise() -> NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 255, (200, 300, 3), np.uint8)


def test_the_whole_head_is_hidden_and_the_rest_untouched(noise: NDArray[np.uint8]) -> None:
    hidden = hide_faces(noise, np.array([[100, 60, 140, 110]], np.float32))
    margin_x, margin_y = round(40 * HEAD_MARGIN), round(50 * HEAD_MARGIN)
    inside = np.zeros(noise.shape[:2], bool)
    inside[60 - margin_y - 1 : 110 + margin_y + 1, 100 - margin_x : 140 + margin_x] = True
    assert np.array_equal(hidden[~inside], noise[~inside])
    head = hidden[60 - margin_y + 1 : 110 + margin_y - 1, 100 - margin_x : 140 + margin_x].astype(int)
    assert np.abs(np.diff(head, axis=1)).mean() < 0.1 * np.abs(np.diff(noise.astype(int), axis=1)).mean()


def test_the_original_is_left_alone(noise: NDArray[np.uint8]) -> None:
    before = noise.copy()
    hide_faces(noise, np.array([[10, 10, 60, 60]], np.float32))
    assert np.array_equal(noise, before)


def test_a_face_at_the_edge_is_hidden(noise: NDArray[np.uint8]) -> None:
    hidden = hide_faces(noise, np.array([[-5, -5, 8, 8], [290, 190, 320, 230]], np.float32))
    assert not np.array_equal(hidden[:8, :8], noise[:8, :8])
    assert not np.array_equal(hidden[195:, 295:], noise[195:, 295:])


@pytest.mark.parametrize("shape", [(1, 1), (7, 900), (40, 40), (2500, 3000)])
def test_pictures_of_any_size_are_searched(shape: tuple[int, int]) -> None:
    assert find_faces(np.full((*shape, 3), 128, np.uint8)).shape == (0, 4)


def test_a_face_in_a_photo_is_found_and_hidden() -> None:
    image = np.asarray(skimage.data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]  # a public-domain portrait that the library ships
    faces = find_faces(image)
    x1, y1, x2, y2 = faces[0]
    assert x1 < 224 < x2
    assert y1 < 115 < y2
    assert len(find_faces(hide_faces(image, faces))) < len(faces)


def test_every_face_of_several_is_found_in_its_place() -> None:
    image = np.asarray(skimage.data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    x1, y1, x2, y2 = find_faces(image)[0]
    tiled = find_faces(np.tile(image, (2, 2, 1)))
    for left, top in ((0, 0), (512, 0), (0, 512), (512, 512)):
        there = np.array([x1 + left, y1 + top, x2 + left, y2 + top])
        assert (np.abs(tiled - there).max(axis=1) < 3).sum() == 1


def test_faces_are_the_same_whether_searched_in_bands_or_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.tile(np.asarray(skimage.data.astronaut(), np.uint8), (2, 1, 1))  # type: ignore[no-untyped-call]
    in_bands = find_faces(image)
    monkeypatch.setattr(faces, "BAND_ROWS", 2000)
    assert np.abs(find_faces(image) - in_bands).max() < 1e-3


@pytest.mark.parametrize(("confidence", "found"), [(0.49, 0), (0.51, 1)])
def test_inside_a_flag_only_a_sure_face_is_one(
    monkeypatch: pytest.MonkeyPatch, confidence: float, found: int
) -> None:
    face = np.array([[100, 60, 140, 110, confidence]], np.float32)
    monkeypatch.setattr(faces, "_read_faces", lambda *_: face)
    image = np.full((192, 320, 3), 128, np.uint8)
    flag, elsewhere = (np.array([box], np.float32) for box in ((80, 40, 200, 120), (121, 86, 300, 190)))
    assert len(find_faces(image, flags=flag)) == found
    assert len(find_faces(image, flags=elsewhere)) == 1
    assert len(find_faces(image)) == 1


def test_a_sure_face_in_front_of_a_flag_stays_hidden() -> None:
    image = np.asarray(skimage.data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    flag = np.array([[100, 0, 400, 300]], np.float32)
    assert len(find_faces(image, flags=flag)) >= 1
