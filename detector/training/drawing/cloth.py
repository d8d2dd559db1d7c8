"""Physical settings in, shapes of cloth out: a small position-based simulation and the bank of what it made.

Position-based dynamics after Mueller, Heidelberger, Hennix and Ratcliff (2007): vertices are moved by forces,
then distances between neighbours are put right again and again. A batch of cloths is simulated at once.
A cloth is ``(rows, columns, 3)``: x to the fly, y up, z to the viewer, its height 1, row 0 the top edge and
column 0 the hoist of the flag that will be printed on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROWS, COLUMNS = 24, 40
TIME_STEP = 1 / 60  # seconds
DAMPING = 0.985  # share of the speed that a time step leaves
GRAVITY = 9.8  # heights of the flag per second squared: a flag one metre high
RATIOS = (2.0, 2.0, 2.0, 1.5, 1.67)  # length to height: most are made 1:2, some 2:3 or 3:5

Shapes = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What holds a batch of cloths, and what moves them."""

    name: str
    """The state people carry cloth in: ``wave``, ``limp``, ``hung`` ..."""
    start: Shapes
    """``(batch, rows, columns, 3)``: where the cloths begin; pinned vertices stay there."""
    pinned: NDArray[np.bool_]
    """``(rows, columns)``: vertices that are held."""
    ratios: NDArray[np.float32]
    """``(batch,)``: length to height of the cloth itself."""
    wind: NDArray[np.float32]
    """``(batch, 3)``: speed of the air."""
    gusts: float = 0.3
    """Share of the wind that changes from place to place and time to time."""
    bend_stiffness: float = 0.05
    """0 silk, 1 cardboard."""
    push_out: Callable[[Shapes], None] | None = None
    """Moves vertices out of a body, in place."""
    steps: tuple[int, ...] = (240,)
    """Time steps after which a shape is taken."""


def simulate(scene: Scene, rng: np.random.Generator, *, iterations: int = 12) -> Iterator[Shapes]:
    """Lets the batch move, and yields ``(batch, rows, columns, 3)`` at each of ``scene.steps``."""
    tremble = rng.normal(0, 0.004, scene.start.shape).astype(np.float32)
    position: Shapes = scene.start + tremble * ~scene.pinned[..., None]
    velocity = np.zeros_like(position)
    mass = np.where(scene.pinned, 0.0, 1.0).astype(np.float32)[None, ..., None]
    phases = rng.uniform(0, 2 * np.pi, (4, len(position), 1, 1)).astype(np.float32)
    constraints = list(_constraints(scene.ratios, scene.bend_stiffness))
    for step in range(1, max(scene.steps) + 1):
        velocity += TIME_STEP * mass * _find_forces(scene, position, velocity, phases, step * TIME_STEP)
        before = position
        position = position + np.float32(TIME_STEP) * np.clip(velocity, np.float32(-8), np.float32(8))
        for _ in range(iterations):
            for first, second, rest, stiffness in constraints:
                _keep_distance(position, mass, first, second, rest, stiffness)
            if scene.push_out:
                scene.push_out(position)
                position += (scene.start - position) * (1 - mass)
        velocity = (position - before) * np.float32(DAMPING / TIME_STEP)
        if step in scene.steps:
            yield position.copy()


def find_normals(shapes: Shapes) -> Shapes:
    """Unit normals of ``(..., rows, columns, 3)``, towards whoever sees the front."""
    across = np.gradient(shapes, axis=-2)
    down = np.gradient(shapes, axis=-3)
    normal = np.cross(down, across)
    return np.asarray(normal / (np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9), np.float32)


def _find_forces(scene: Scene, position: Shapes, velocity: Shapes, phases: Shapes, time: float) -> Shapes:
    normal = find_normals(position)
    strength = np.linalg.norm(scene.wind, axis=1)[:, None, None]
    x, y = position[..., 0], position[..., 1]
    swirl = np.stack(
        [
            np.sin(2.1 * x - 5 * time + phases[0]) * np.cos(3 * y + phases[1]),
            0.6 * np.sin(3.3 * x + 1.7 * y - 6 * time + phases[2]),
            np.sin(4.7 * x - 9 * time + phases[3]) + 0.7 * np.cos(2.9 * y + 4 * time + phases[1]),
        ],
        axis=-1,
    )
    air = scene.wind[:, None, None, :] + scene.gusts * strength[..., None] * swirl
    pressure = np.sum((air - velocity) * normal, axis=-1, keepdims=True)
    force = 6 * pressure * normal
    force[..., 1] -= GRAVITY
    return np.asarray(force, np.float32)


Slices = tuple[slice, slice, slice]


def _constraints(
    ratios: NDArray[np.float32], bend: float
) -> Iterator[tuple[Slices, Slices, NDArray[np.float32], float]]:
    """Pairs of vertices grouped so that none is in two pairs of a group, with their distance at rest."""
    wide = (ratios / (COLUMNS - 1)).reshape(-1, 1, 1, 1).astype(np.float32)
    high = np.full_like(wide, 1 / (ROWS - 1))
    every = slice(None)
    for parity in (0, 1):
        yield (
            (every, every, slice(parity, COLUMNS - 1, 2)),
            (every, every, slice(parity + 1, COLUMNS, 2)),
            wide,
            1.0,
        )
        yield (
            (every, slice(parity, ROWS - 1, 2), every),
            (every, slice(parity + 1, ROWS, 2), every),
            high,
            1.0,
        )
        upper, lower = slice(parity, ROWS - 1, 2), slice(parity + 1, ROWS, 2)
        slant = np.hypot(wide, high)
        yield (every, upper, slice(0, -1)), (every, lower, slice(1, None)), slant, 0.35
        yield (every, upper, slice(1, None)), (every, lower, slice(0, -1)), slant, 0.35
    for start in (0, 1, 2, 3):
        first, second = slice(start, COLUMNS - 2, 4), slice(start + 2, COLUMNS, 4)
        yield (every, every, first), (every, every, second), 2 * wide, bend
        first, second = slice(start, ROWS - 2, 4), slice(start + 2, ROWS, 4)
        yield (every, first, every), (every, second, every), 2 * high, bend


def _keep_distance(
    position: Shapes, mass: Shapes, first: Slices, second: Slices, rest: NDArray[np.float32], stiffness: float
) -> None:
    difference = position[second] - position[first]
    length = np.sqrt(np.sum(difference * difference, axis=-1, keepdims=True)) + np.float32(1e-9)
    first_mass, second_mass = mass[(slice(None), *first[1:])], mass[(slice(None), *second[1:])]
    correction = difference * ((1 - rest / length) * (stiffness / np.maximum(first_mass + second_mass, 1)))
    position[first] += first_mass * correction
    position[second] -= second_mass * correction


def load_bank(path: Path) -> dict[str, Shapes]:
    """Shapes by state, ``(n, rows, columns, 3)``, from a file that ``save_bank`` wrote."""
    with np.load(path) as stored:
        return {name: stored[name].astype(np.float32) for name in sorted(stored.files)}


def save_bank(path: Path, bank: dict[str, Shapes]) -> None:
    """Writes shapes by state, in half precision: a thousandth of the flag's height is enough."""
    np.savez_compressed(
        path, allow_pickle=False, **{name: bank[name].astype(np.float16) for name in sorted(bank)}
    )
