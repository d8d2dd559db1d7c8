"""Which hashes of pictures are near those of parts of others, found by the bits that hardly change."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.copies import Windows, choose_bits, distances, find_cuts, hash_picture, sort_bits
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
    numbers = np.array([1, 2, 2, 2, 0])
    assert find_all(hashes, windows, numbers) == [(2, 1), (1, 0)]
    turned_round = np.stack([near, change_fast_waves(windows[2, 1], 5)])
    assert find_all(turned_round, windows, np.array([2, 1])) == [(2, 1)]
    assert find_all(hashes[:0], windows, np.empty(0, np.int64)) == []
    assert find_all(hashes, windows[:0], numbers) == []
    more = rng.integers(0, 256, (100, 32), np.uint8)
    assert find_all(np.concatenate([hashes, more]), windows, np.append(numbers, [0] * 100)) == [
        (2, 1),
        (1, 0),
    ]


def find_all(
    hashes: NDArray[np.uint8], windows: NDArray[np.uint8], numbers: NDArray[np.int64], blocks: int = 2
) -> list[tuple[int, int]]:
    """Windows of the pictures 0 to n - 1, in so many blocks."""
    parts = np.array_split(np.arange(len(windows)), blocks)
    bits = choose_bits(len(hashes), windows[..., 0].size)
    return find_cuts(hashes, numbers, (Windows(part, windows[part]) for part in parts), bits)


def change_fast_waves(bits: NDArray[np.uint8], byte_count: int) -> NDArray[np.uint8]:
    """Another hash: its first bytes are those of the fastest waves."""
    changed = bits.copy()
    changed[:byte_count] ^= 255
    return changed


def test_where_there_are_too_many_their_slowest_waves_have_to_be_nearer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one_bit = np.packbits(np.eye(256, dtype=np.uint8), axis=1)
    slowest = sort_bits(one_bit).view(np.uint16)[:, :4] != 0
    windows, others = np.random.default_rng(0).integers(0, 256, (2, 20, 1, 32), np.uint8)
    same = windows[0]
    nearly = same ^ np.bitwise_or.reduce(one_bit[slowest.argmax(axis=0)])  # a bit of each chunk

    def find(part: NDArray[np.uint8]) -> list[tuple[int, int]]:
        return find_all(np.concatenate([part, others[:, 0]]), windows, np.arange(21) + 1, 1)

    assert find(nearly) == find(same) == [(1, 0)]
    assert caplog.text == ""
    monkeypatch.setattr("detector.copies.cuts.MAX_CANDIDATES", 0)
    assert find(nearly) == []
    assert "29 in 100 cropped copies are missed" in caplog.text
    assert find(same) == [(1, 0)]
