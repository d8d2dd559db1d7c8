from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.training.drawing.cloth import COLUMNS, ROWS, Scene, find_normals, load_bank, save_bank, simulate
from detector.training.drawing.cloth_scenes import SCENES, describe_scenes
from detector.training.drawing.render import Camera, Light, render_cloth
from tests.conftest import REPOSITORY

BANK = REPOSITORY / "datasets" / "cloth.npz"
FRONT = Camera(yaw=0, pitch=0, roll=0, distance=50)
PLAIN = Light(direction=np.array([0, 0, 1], np.float32), ambient=1, translucency=1, creases=0)


def make_flat() -> np.ndarray:
    shape = np.zeros((ROWS, COLUMNS, 3), np.float32)
    shape[..., 0], shape[..., 1] = np.linspace(0, 2, COLUMNS), np.linspace(0, -1, ROWS)[:, None]
    return shape


def make_short(scene: Scene) -> Scene:
    batch = slice(0, 1)
    return replace(
        scene,
        start=scene.start[batch].copy(),
        ratios=scene.ratios[batch],
        wind=scene.wind[batch],
        push_out=None,
        steps=(25,),
    )


def test_the_bank_holds_every_state_in_the_documented_shape() -> None:
    bank = load_bank(BANK)
    assert set(bank) == set(SCENES)
    for shapes in bank.values():
        assert shapes.shape[1:] == (ROWS, COLUMNS, 3)
        assert np.isfinite(shapes).all()
    assert sum(map(len, bank.values())) >= 300


def test_a_bank_is_read_as_it_was_written(tmp_path: Path) -> None:
    save_bank(tmp_path / "bank.npz", {"limp": make_flat()[None]})
    assert np.allclose(load_bank(tmp_path / "bank.npz")["limp"], make_flat(), atol=2e-3)


@pytest.mark.parametrize("scene", list(describe_scenes(5)), ids=lambda scene: scene.name)
def test_pinned_cloth_stays_and_the_rest_neither_tears_nor_stretches(scene: Scene) -> None:
    short = make_short(scene)
    (shapes,) = simulate(short, np.random.default_rng(0))
    assert np.abs(shapes - short.start)[:, short.pinned].max(initial=0) < 1e-5
    along = np.linalg.norm(np.diff(shapes, axis=2), axis=-1) * (COLUMNS - 1) / short.ratios[0]
    assert np.median(along) < 1.15


def test_the_same_seed_simulates_the_same_cloth() -> None:
    scene = make_short(next(describe_scenes(1)))
    first, second = (next(simulate(scene, np.random.default_rng(3))) for _ in range(2))
    assert (first == second).all()


def test_normals_of_a_flat_cloth_point_at_the_viewer() -> None:
    assert np.allclose(find_normals(make_flat()), (0, 0, 1), atol=1e-5)


def test_a_flat_cloth_is_drawn_as_its_artwork() -> None:
    artwork = np.zeros((100, 200, 3), np.uint8)
    artwork[:50] = 200
    cutout = render_cloth(
        make_flat(), artwork, size=120, camera=FRONT, light=PLAIN, rng=np.random.default_rng(0)
    )
    assert abs(cutout.alpha.shape[1] - 122) <= 2
    assert abs(cutout.alpha.shape[0] - 62) <= 2
    assert cutout.alpha[5:55, 5:115].min() > 0.99
    assert np.abs(cutout.colour[15, 60] - 200).max() < 5
    assert cutout.colour[45, 60].max() < 5


def test_a_cloth_seen_from_behind_is_mirrored() -> None:
    artwork = np.zeros((100, 200, 3), np.uint8)
    artwork[:, :100] = 200
    behind = Camera(yaw=np.pi, pitch=0, roll=0, distance=50)
    cutout = render_cloth(
        make_flat(), artwork, size=120, camera=behind, light=PLAIN, rng=np.random.default_rng(0)
    )
    assert cutout.colour[30, 90].min() > 150
    assert cutout.colour[30, 20].max() < 20
