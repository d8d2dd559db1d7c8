"""Pictures whose edges run alike are told from others, whatever their colours."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.copies import (
    HASH_BYTES,
    MAX_DISTANCE,
    MAX_EDGE_DISTANCE,
    distances,
    hash_edges,
    hash_picture,
    have_same_edges,
    mirror_edges,
)
from tests.test_parts import detailed


def repainted(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """In other colours: light where it was dark, and reddish."""
    return np.asarray((255 - image) * np.array([1.0, 0.7, 0.5]), np.uint8)


def edges_apart(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> int:
    one, other = (np.frombuffer(hash_edges(image), np.uint8)[None] for image in (first, second))
    return int(distances(one, other)[0])


def test_other_colours_change_the_hash_but_not_the_edges() -> None:
    image, other = detailed(1), repainted(detailed(1))
    plain = [np.frombuffer(hash_picture(one).bits, np.uint8)[None] for one in (image, other)]
    assert distances(*plain)[0] > MAX_DISTANCE
    assert edges_apart(image, other) <= MAX_EDGE_DISTANCE
    assert have_same_edges(image, other)


def test_other_pictures_have_other_edges() -> None:
    assert edges_apart(detailed(1), detailed(2)) > MAX_EDGE_DISTANCE
    assert not have_same_edges(detailed(1), detailed(2))


def test_a_mirror_image_is_known_from_the_hash_alone() -> None:
    turned = np.ascontiguousarray(repainted(detailed(1))[:, ::-1])
    hashes = np.frombuffer(hash_edges(detailed(1)) + hash_edges(detailed(2)), np.uint8).reshape(2, HASH_BYTES)
    apart = distances(mirror_edges(hashes), np.frombuffer(hash_edges(turned), np.uint8))
    assert apart[0] <= MAX_EDGE_DISTANCE < apart[1]
    assert have_same_edges(detailed(1), turned)


@pytest.mark.parametrize("stripes", [2, 3])
def test_drawn_flags_of_the_same_stripes_are_no_copies(stripes: int) -> None:
    """Their edges run alike, but there are hardly any."""
    rows = np.arange(240) * stripes // 240
    first, second = (
        np.repeat(np.asarray(colours, np.uint8)[rows][:, None], 360, axis=1)
        for colours in (
            [(200, 0, 0), (250, 250, 250), (0, 120, 0)],
            [(0, 0, 160), (220, 200, 0), (120, 0, 0)],
        )
    )
    assert edges_apart(first, second) <= MAX_EDGE_DISTANCE
    assert not have_same_edges(first, second)


@pytest.mark.parametrize("side", [1, 3, 8])
def test_tiny_pictures_are_hashed_and_compared(side: int) -> None:
    image = np.full((side, 2 * side, 3), 90, np.uint8)
    assert len(hash_edges(image)) == HASH_BYTES
    assert not have_same_edges(image, image)
