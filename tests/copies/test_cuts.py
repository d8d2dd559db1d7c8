"""Which hashes of pictures are near those of parts of others, found by the bits that hardly change."""

import numpy as np
from numpy.typing import NDArray

from detector.copies import distances, find_cuts, hash_picture, sort_bits
from tests.test_evidence import scenery


def test_bits_of_slow_waves_come_first_and_distances_stay() -> None:
    """What lies a little elsewhere keeps its slow waves more than its fast ones."""
    images = [scenery(seed) for seed in range(6)]
    height, width = images[0].shape[:2]
    moved = [image[height // 40 :, width // 40 :] for image in images]
    before, after = (
        np.frombuffer(b"".join(hash_picture(one).bits for one in side), np.uint8).reshape(-1, 32)
        for side in (images, moved)
    )
    ordered = sort_bits(before), sort_bits(after)
    assert np.array_equal(distances(*ordered), distances(before, after))
    changed = np.bitwise_count(ordered[0] ^ ordered[1]).sum(axis=0)
    assert changed[:8].sum() < 0.75 * changed[-8:].sum()


def test_parts_are_found_once_the_nearest_first_and_nothing_is_part_of_itself() -> None:
    rng = np.random.default_rng(0)
    windows = rng.integers(0, 256, (3, 15, 32), np.uint8)
    near, far = change_fast_waves(windows[1, 4], 1), change_fast_waves(windows[0, 7], 9)
    hashes = np.stack([far, near, near, windows[2, 0], rng.integers(0, 256, 32, np.uint8)])
    assert find_cuts(hashes, windows, np.array([1, 2, 2, 2, 0])) == [(2, 1), (1, 0)]
    assert find_cuts(hashes[:0], windows, np.empty(0, np.int64)) == []
    assert find_cuts(hashes, windows[:0], np.array([1, 2, 2, 2, 0])) == []


def change_fast_waves(bits: NDArray[np.uint8], byte_count: int) -> NDArray[np.uint8]:
    """Another hash: its first bytes are those of the fastest waves."""
    changed = bits.copy()
    changed[:byte_count] ^= 255
    return changed
