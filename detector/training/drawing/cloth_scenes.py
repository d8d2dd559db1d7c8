"""A seed in, scenes of cloth out: every state people carry a flag in, ready to be simulated."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from detector.training.drawing.cloth import COLUMNS, RATIOS, ROWS, Scene, Shapes, simulate

BATCH = 12


def make_bank(seed: int, *, batches: int = 2) -> dict[str, Shapes]:
    """Simulates every kind of scene ``batches`` times: a few hundred shapes, in a few minutes."""
    bank: dict[str, Shapes] = {}
    for order, (name, make_scene) in enumerate(SCENES.items()):
        shapes = []
        for number in range(batches):
            rng = np.random.default_rng([seed, order, number])
            shapes += [_centre(batch) for batch in simulate(make_scene(rng), rng)]
        bank[name] = np.concatenate(shapes)
    return bank


def _centre(shapes: Shapes) -> Shapes:
    return np.asarray(shapes - shapes.mean(axis=(1, 2), keepdims=True), np.float32)


def _flat(rng: np.random.Generator) -> tuple[Shapes, NDArray[np.float32]]:
    ratios = rng.choice(RATIOS, BATCH).astype(np.float32)
    start = np.zeros((BATCH, ROWS, COLUMNS, 3), np.float32)
    start[..., 0] = ratios[:, None, None] * np.linspace(0, 1, COLUMNS)
    start[..., 1] = np.linspace(0, -1, ROWS)[:, None]
    return start, ratios


def _hoist() -> NDArray[np.bool_]:
    pinned = np.zeros((ROWS, COLUMNS), np.bool_)
    pinned[:, 0] = True
    return pinned


def _tilt(start: Shapes, degrees: NDArray[np.float64]) -> Shapes:
    angle = np.radians(degrees)[:, None, None]
    x, y = start[..., 0].copy(), start[..., 1].copy()
    start[..., 0] = np.cos(angle) * x - np.sin(angle) * y
    start[..., 1] = np.sin(angle) * x + np.cos(angle) * y
    return start


def _breeze(rng: np.random.Generator, low: float, high: float) -> NDArray[np.float32]:
    speed = rng.uniform(low, high, BATCH)
    slant = rng.uniform(-0.5, 0.5, BATCH)
    return np.stack(
        [speed * np.cos(slant), rng.uniform(-0.1, 0.25, BATCH) * speed, speed * np.sin(slant)], 1
    ).astype(np.float32)


def _wave(rng: np.random.Generator) -> Scene:
    start, ratios = _flat(rng)
    start = _tilt(start, rng.uniform(-25, 25, BATCH))
    wind = _breeze(rng, 3.5, 9)
    return Scene(
        name="wave", start=start, pinned=_hoist(), ratios=ratios, wind=wind, gusts=0.35, steps=(70, 110, 150)
    )


def _light_air(rng: np.random.Generator) -> Scene:
    start, ratios = _flat(rng)
    start = _tilt(start, rng.uniform(-30, 30, BATCH))
    wind = _breeze(rng, 1.2, 3.2)
    return Scene(
        name="light_air",
        start=start,
        pinned=_hoist(),
        ratios=ratios,
        wind=wind,
        gusts=0.5,
        steps=(90, 150, 210),
    )


def _limp(rng: np.random.Generator) -> Scene:
    start, ratios = _flat(rng)
    gather = rng.uniform(0.35, 1.0, BATCH)[:, None, None]
    depth = np.sqrt(1 - gather**2) * (ratios[:, None, None] / (COLUMNS - 1))
    folds = np.cumsum(np.where(np.arange(COLUMNS) // rng.integers(3, 7) % 2, 1, -1))
    start[..., 2] = depth * folds
    start[..., 0] *= gather
    start = _tilt(start, rng.uniform(-28, 28, BATCH))
    calm = rng.normal(0, 0.25, (BATCH, 3)).astype(np.float32)
    bend = float(rng.choice([0.03, 0.15, 0.4]))
    return Scene(
        name="limp",
        start=start,
        pinned=_hoist(),
        ratios=ratios,
        wind=calm,
        bend_stiffness=bend,
        steps=(130, 260),
    )


def _hung_by_hoist(rng: np.random.Generator) -> Scene:
    start, ratios = _flat(rng)
    x, y = start[..., 0].copy(), start[..., 1].copy()
    squeeze = rng.uniform(0.72, 1.0, BATCH)[:, None, None]
    start[..., 0], start[..., 1] = -y * squeeze, -x
    start[..., 2] = 0.03 * np.sin(y * rng.uniform(8, 25, (BATCH, 1, 1))) * (1 - squeeze) * 8
    calm = rng.normal(0, 0.8, (BATCH, 3)).astype(np.float32)
    return Scene(name="hung_by_hoist", start=start, pinned=_hoist(), ratios=ratios, wind=calm, steps=(150,))


def _hung_by_edge(rng: np.random.Generator) -> Scene:
    start, ratios = _flat(rng)
    squeeze = rng.uniform(0.75, 1.0, BATCH)[:, None, None]
    start[..., 2] = 0.03 * np.sin(start[..., 0] * rng.uniform(8, 25, (BATCH, 1, 1))) * (1 - squeeze) * 8
    start[..., 0] *= squeeze
    pinned = np.zeros((ROWS, COLUMNS), np.bool_)
    pinned[0, :: int(rng.choice([1, 3, 6]))] = True
    calm = rng.normal(0, 0.8, (BATCH, 3)).astype(np.float32)
    return Scene(name="hung_by_edge", start=start, pinned=pinned, ratios=ratios, wind=calm, steps=(60, 150))


def _two_hands(rng: np.random.Generator) -> Scene:
    start, ratios = _flat(rng)
    start[..., 0] *= rng.uniform(0.7, 0.99, BATCH)[:, None, None]
    start = _tilt(start, rng.normal(0, 10, BATCH))
    pinned = np.zeros((ROWS, COLUMNS), np.bool_)
    pinned[:2, :2] = pinned[:2, -2:] = True
    if rng.random() < 0.35:
        pinned[-2:, :2] = pinned[-2:, -2:] = True
    wind = rng.normal(0, 1.2, (BATCH, 3)).astype(np.float32)
    return Scene(name="two_hands", start=start, pinned=pinned, ratios=ratios, wind=wind, steps=(60, 140))


def _cape(rng: np.random.Generator) -> Scene:
    start, ratios = _flat(rng)
    share = start[..., 0] / ratios[:, None, None]
    radius = rng.uniform(0.28, 0.5, (BATCH, 1, 1))
    angle = (share - 0.5) * rng.uniform(1.6, 4.2, (BATCH, 1, 1))
    start[..., 0], start[..., 2] = radius * np.sin(angle), 0.6 * radius * np.cos(angle)
    start[..., 1] -= 0.12 * np.abs(np.sin(angle)) ** 2
    pinned = np.zeros((ROWS, COLUMNS), np.bool_)
    pinned[0] = True
    calm = rng.normal(0, 0.5, (BATCH, 3)).astype(np.float32)
    inner = (0.85 * radius[..., 0]).astype(np.float32)
    return Scene(
        name="cape",
        start=start,
        pinned=pinned,
        ratios=ratios,
        wind=calm,
        push_out=_column(inner),
        steps=(60, 140),
    )


def _over_ball(rng: np.random.Generator) -> Scene:
    start, ratios = _flat(rng)
    start[..., 0] -= ratios[:, None, None] * rng.uniform(0.35, 0.65, (BATCH, 1, 1)).astype(np.float32)
    start[..., 2] = start[..., 1] * 0.55 + 0.3
    start[..., 1] = 0.45 + 0.75 * start[..., 1] * 0.4
    radius = rng.uniform(0.25, 0.45, (BATCH, 1)).astype(np.float32)
    pinned = np.zeros((ROWS, COLUMNS), np.bool_)
    calm = np.zeros((BATCH, 3), np.float32)
    return Scene(
        name="over_ball",
        start=start,
        pinned=pinned,
        ratios=ratios,
        wind=calm,
        push_out=_ball(radius),
        steps=(26, 40),
    )


def _stand(rng: np.random.Generator) -> Scene:
    """On an indoor stand: rolled into a cone whose point is the top of the pole, as stiff cloth falls.

    A cone can be laid flat, so the cloth does not stretch: a place at distance r and angle a from the pole,
    measured on the flat flag, goes to distance r along the cone, at angle a / sin(half opening) around it.
    """
    start, ratios = _flat(rng)
    distance = np.hypot(start[..., 0], start[..., 1])
    angle = np.arctan2(start[..., 0], -start[..., 1])
    opening = rng.uniform(0.16, 0.6, (BATCH, 1, 1))
    pleats = rng.uniform(0, 0.3, (BATCH, 1, 1)) * np.sin(
        angle * rng.uniform(5, 16, (BATCH, 1, 1)) + rng.uniform(0, 6, (BATCH, 1, 1))
    )
    around = angle / np.sin(opening) + rng.uniform(-np.pi, np.pi, (BATCH, 1, 1))
    radius = distance * np.sin(opening) * (1 + pleats)
    start[..., 0], start[..., 2] = radius * np.sin(around), radius * np.cos(around)
    start[..., 1] = -distance * np.cos(opening)
    start = _tilt(start, rng.normal(0, 7, BATCH))
    calm = np.zeros((BATCH, 3), np.float32)
    bend = float(rng.choice([0.1, 0.3, 0.5]))
    return Scene(
        name="stand",
        start=start,
        pinned=_hoist(),
        ratios=ratios,
        wind=calm,
        bend_stiffness=bend,
        steps=(6, 14, 26),
    )


def _table(rng: np.random.Generator) -> Scene:
    """A small stiff flag on a slanted pole: it droops as one piece, with few folds."""
    start, ratios = _flat(rng)
    bow = rng.uniform(-0.35, 0.35, (BATCH, 1, 1))
    start[..., 2] = bow * np.sin(start[..., 0] * rng.uniform(1, 4, (BATCH, 1, 1))) * start[..., 0]
    start = _tilt(start, rng.uniform(-40, 40, BATCH))
    calm = rng.normal(0, 0.15, (BATCH, 3)).astype(np.float32)
    bend = float(rng.choice([0.3, 0.5, 0.8]))
    return Scene(
        name="table",
        start=start,
        pinned=_hoist(),
        ratios=ratios,
        wind=calm,
        bend_stiffness=bend,
        steps=(18, 28, 40, 60),
    )


def _column(radius: NDArray[np.float32]) -> Callable[[Shapes], None]:
    def push_out(position: Shapes) -> None:
        flat = position[..., [0, 2]] * np.array([1, 1 / 0.6], np.float32)
        distance = np.linalg.norm(flat, axis=-1) + np.float32(1e-6)
        factor = np.maximum(
            radius[:, None] / distance if radius.ndim == 1 else radius[..., None] / distance, 1
        )
        position[..., 0] *= factor
        position[..., 2] *= factor

    return push_out


def _ball(radius: NDArray[np.float32]) -> Callable[[Shapes], None]:
    def push_out(position: Shapes) -> None:
        distance = np.linalg.norm(position, axis=-1) + np.float32(1e-6)
        position *= np.maximum(radius[..., None] / distance, 1)[..., None]

    return push_out


SCENES: dict[str, Callable[[np.random.Generator], Scene]] = {
    "wave": _wave,
    "light_air": _light_air,
    "limp": _limp,
    "hung_by_hoist": _hung_by_hoist,
    "hung_by_edge": _hung_by_edge,
    "two_hands": _two_hands,
    "cape": _cape,
    "over_ball": _over_ball,
    "stand": _stand,
    "table": _table,
}


def describe_scenes(seed: int) -> Iterator[Scene]:
    """One scene of each kind, not yet simulated."""
    for order, make_scene in enumerate(SCENES.values()):
        yield make_scene(np.random.default_rng([seed, order]))
