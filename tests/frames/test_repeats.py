import numpy as np

from detector.frames.repeats import Repeats


def noisy(rng: np.random.Generator, *, flag: int = 0) -> np.ndarray:
    image = np.full((270, 480, 3), 90.0)
    image[100 : 100 + flag, 200 : 200 + 2 * flag] = (200, 40, 40)
    return np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)


def test_noise_is_no_difference_and_a_flag_of_12_pixels_is() -> None:
    rng = np.random.default_rng(1)
    repeats = Repeats()
    assert not repeats.is_repeat(noisy(rng))
    assert all(repeats.is_repeat(noisy(rng)) for _ in range(5))
    assert not repeats.is_repeat(noisy(rng, flag=6))
    assert repeats.is_repeat(noisy(rng, flag=6))


def test_what_changes_slowly_is_compared_with_the_last_different_frame() -> None:
    repeats = Repeats()
    again = [repeats.is_repeat(np.full((64, 64, 3), level, np.uint8)) for level in range(100, 110)]
    assert again == [False, *[True] * 5, False, *[True] * 3]


def test_another_size_is_another_picture() -> None:
    repeats = Repeats()
    assert not repeats.is_repeat(np.zeros((64, 64, 3), np.uint8))
    assert not repeats.is_repeat(np.zeros((64, 128, 3), np.uint8))
