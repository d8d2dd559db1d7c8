import numpy as np
import pytest

from detector.frames.colour import ADOBE_RGB, ColourSpace, find_table, read_code_points, to_srgb


def convert(pixel: tuple[int, int, int], space: ColourSpace) -> list[int]:
    return [int(one) for one in to_srgb(np.array([[pixel]], np.uint8), space)[0, 0]]


@pytest.mark.parametrize(("primaries", "transfer"), [(1, 13), (1, 1), (2, 2), (5, 6), (0, 0), (255, 255)])
def test_what_is_srgb_or_says_nothing_is_left_as_it_is(primaries: int, transfer: int) -> None:
    assert find_table(read_code_points(primaries, transfer)) is None
    image = np.zeros((2, 2, 3), np.uint8)
    assert to_srgb(image, read_code_points(primaries, transfer)) is image


@pytest.mark.parametrize("space", [ADOBE_RGB, read_code_points(12, 13), read_code_points(9, 14)])
def test_greys_keep_their_brightness_in_every_colour_space(space: ColourSpace) -> None:
    for level in (0, 64, 128, 255):
        assert max(abs(one - level) for one in convert((level, level, level), space)) <= 2


@pytest.mark.parametrize(
    ("pixel", "space", "expected"),
    [  # by colour-science formulas, to within what a table of 65 nodes rounds
        ((234, 51, 35), read_code_points(12, 13), (255, 0, 0)),
        ((117, 251, 76), read_code_points(12, 13), (0, 255, 0)),
        ((144, 255, 60), ADOBE_RGB, (0, 255, 0)),
        ((219, 0, 0), ADOBE_RGB, (255, 0, 0)),
    ],
)
def test_a_wider_colour_becomes_the_srgb_one(
    pixel: tuple[int, int, int], space: ColourSpace, expected: tuple[int, int, int]
) -> None:
    assert np.abs(np.subtract(convert(pixel, space), expected)).max() <= 10


def pq_signal(nits: float) -> int:
    power: float = (nits / 10_000) ** (2610 / 16_384)
    signal: float = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** (2523 / 32)
    return round(255 * signal)


@pytest.mark.parametrize(("nits", "level"), [(0, 0), (203 * 0.2140, 127), (203 * 0.5, 188), (2000, 255)])
def test_brightness_below_white_is_kept_in_pq(nits: float, level: int) -> None:
    signal = pq_signal(nits)
    assert np.abs(np.subtract(convert((signal,) * 3, read_code_points(9, 16)), level)).max() <= 6


def test_a_highlight_in_pq_is_darker_than_the_brightest() -> None:
    levels = [
        convert((pq_signal(nits),) * 3, read_code_points(9, 16))[0] for nits in (150, 203, 400, 800, 4000)
    ]
    assert levels == sorted(levels)
    assert len(set(levels)) == 5


def test_paper_white_of_hlg_is_at_three_quarters_of_its_signal() -> None:
    hlg, pq = read_code_points(9, 18), read_code_points(9, 16)
    assert abs(convert((191, 191, 191), hlg)[0] - convert((pq_signal(203),) * 3, pq)[0]) <= 5


def test_a_bright_colour_of_hdr_keeps_its_hue() -> None:
    red, green, blue = convert((255, 120, 120), read_code_points(1, 18))
    assert red >= 253
    assert abs(green - blue) <= 1
    assert green < 100
