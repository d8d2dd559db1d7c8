import numpy as np
import pytest

from detector.training.drawing.artwork import draw_artwork, read_palette
from tests.conftest import REPOSITORY

ARTWORK = REPOSITORY / "datasets" / "artwork"


@pytest.mark.parametrize("name", ["azerbaijan", "kanak"])
def test_a_flag_is_twice_as_long_as_high(name: str) -> None:
    assert draw_artwork(ARTWORK / f"{name}.svg", 90).shape == (90, 180, 3)


@pytest.mark.parametrize("name", ["azerbaijan", "kanak"])
def test_bands_are_blue_over_red_over_green_in_rgb(name: str) -> None:
    picture = draw_artwork(ARTWORK / f"{name}.svg", 90)
    palette = read_palette(ARTWORK / f"{name}.svg")
    for row, band in ((15, "top"), (45, "middle"), (75, "bottom")):
        assert tuple(picture[row, 170]) == palette[band]
    assert [int(picture[row, 170].argmax()) for row in (15, 45, 75)] == [2, 0, 1]


def test_crescent_and_star_of_azerbaijan_are_white_on_red() -> None:
    picture = draw_artwork(ARTWORK / "azerbaijan.svg", 600)
    assert tuple(picture[300, 497]) == (255, 255, 255)  # crescent, at its thickest
    assert tuple(picture[300, 680]) == (255, 255, 255)  # star
    assert tuple(picture[300, 590]) == tuple(picture[300, 1100])  # between them the band


def test_kanak_disc_is_yellow_edged_in_black_and_left_of_the_centre() -> None:
    picture = draw_artwork(ARTWORK / "kanak.svg", 600)
    assert tuple(picture[300, 250]) == (250, 230, 0)
    assert picture[300, 203].max() < 40
    yellow = np.argwhere((picture == (250, 230, 0)).all(axis=2))
    assert abs(yellow[:, 1].mean() - 400) < 10


def test_a_palette_recolours_a_class_and_without_leaves_one_out() -> None:
    path = ARTWORK / "kanak.svg"
    picture = draw_artwork(path, 60, palette={"top": (1, 2, 3)}, without=["emblem"])
    assert tuple(picture[5, 5]) == (1, 2, 3)
    assert tuple(picture[30, 40]) == read_palette(path)["middle"]
