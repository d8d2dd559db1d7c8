from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.model import NetworkModel, WeightsInfo
from detector.model.pieces import find_pieces

INFO = WeightsInfo(Path("fake.onnx"), "0" * 64, ("red", "other"), (64,), 0.05, 0.5, (0.5, 0.5))
SMALLEST = 8  # pixels of the input in which the network sees a red box


def see_red(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """One box round all that is red in the input, if it is large enough to be seen."""
    output = np.zeros((1, 6, 1), np.float32)
    rows, columns = np.nonzero((images[0, 0] > 0.7) & (images[0, 1] < 0.3))
    if len(rows) and min(np.ptp(rows), np.ptp(columns)) + 1 >= SMALLEST:
        left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        output[0, :5, 0] = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top, 0.9
    return output


def long_picture(width: int, height: int, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    image = np.full((height, width, 3), 200, np.uint8)
    left, top, right, bottom = box
    image[top:bottom, left:right] = (250, 0, 0)
    return image


@pytest.mark.parametrize("start", range(0, 1001, 77))
@pytest.mark.parametrize("upright", [False, True])
def test_a_flag_is_found_once_and_whole_anywhere_in_a_very_long_picture(start: int, *, upright: bool) -> None:
    box = (start, 20, min(start + 95, 1100), 80)
    image = long_picture(1100, 100, box)
    if upright:
        image, box = image.swapaxes(0, 1), (box[1], box[0], box[3], box[2])
    (found,) = NetworkModel(INFO, see_red).detect([np.ascontiguousarray(image)], 0.5)
    assert len(found) == 1
    assert np.abs(found.xyxy[0] - box).max() <= 4


def test_a_picture_that_is_not_very_long_is_looked_at_once() -> None:
    looks: list[tuple[int, ...]] = []

    def count(images: NDArray[np.float32]) -> NDArray[np.float32]:
        looks.append(images.shape)
        return np.zeros((1, 6, 1), np.float32)

    NetworkModel(INFO, count).detect([np.zeros((100, 300, 3), np.uint8)], 0.5)
    assert len(looks) == 1
    NetworkModel(INFO, count).detect([np.zeros((100, 400, 3), np.uint8)], 0.5)
    assert len(looks) == 1 + 1 + 3


@pytest.mark.parametrize(
    ("width", "height"), [(12_000, 1000), (1080, 9600), (301, 100), (60_000, 3), (1, 65_000)]
)
def test_pieces_cover_the_picture_and_overlap(width: int, height: int) -> None:
    pieces = find_pieces(width, height)
    axis = 1 if width > height else 0
    starts = [piece[axis].start for piece in pieces]
    ends = [piece[axis].stop for piece in pieces]
    assert starts[0] == 0
    assert ends[-1] == max(width, height)
    assert len(pieces) <= 64
    assert all(end - start >= min(width, height) - 1 for end, start in zip(ends, starts[1:], strict=False))
