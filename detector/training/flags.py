"""A design in, one flag cut out: cloth in any state, real cloth repainted, or a print on something flat."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.training.cloth import Shapes
from detector.training.designs import Design
from detector.training.materials import Materials
from detector.training.render import Camera, Cutout, Light, render_cloth
from detector.training.repaint import paint

STATE_WEIGHTS = {
    "wave": 0.15,
    "light_air": 0.15,
    "limp": 0.12,
    "stand": 0.2,
    "table": 0.11,
    "hung_by_hoist": 0.1,
    "hung_by_edge": 0.04,
    "two_hands": 0.07,
    "cape": 0.04,
    "over_ball": 0.02,
}
OPEN_STATES = ("wave", "hung_by_hoist", "hung_by_edge", "two_hands")  # the emblem is seen in most of these
STANDING = ("stand", "table")
MIN_PLAIN_SIZE = 56  # pixels: on smaller flags a missing emblem cannot be told
MIN_BAND_SHARE = 0.1  # of the cloth: two bands of a target must show at least this much
SHAPE_TRIES = 6
FLAT = 0.18  # share of flags that are prints
REPAINTED = 0.27  # share of target flags on cloth that are real cloth repainted


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag ready to be put into a picture."""

    cutout: Cutout
    design: Design
    state: str
    """A state of the bank, ``repainted`` or ``flat``."""
    size: float
    """Longer side, pixels."""


def make_flag(
    design: Design, size: float, materials: Materials, rng: np.random.Generator, *, state: str = ""
) -> Flag:
    """Makes a flag of a design, in the state asked for or any."""
    if not state and rng.random() < FLAT:
        return Flag(_print_flat(design, size, materials, rng), design, "flat", size)
    if not state and materials.repaints and design.label and rng.random() < REPAINTED:
        return Flag(_repaint(design, size, materials, rng), design, "repainted", size)
    state = state or _choose_state(design, materials, rng)
    return Flag(_hang_cloth(design, size, (state, materials.bank[state]), rng), design, state, size)


def _choose_state(design: Design, materials: Materials, rng: np.random.Generator) -> str:
    names = [
        name for name in STATE_WEIGHTS if name in materials.bank and (not design.plain or name in OPEN_STATES)
    ]
    weights = np.array([STATE_WEIGHTS[name] for name in names])
    return str(rng.choice(names, p=weights / weights.sum()))


def _hang_cloth(design: Design, size: float, state: tuple[str, Shapes], rng: np.random.Generator) -> Cutout:
    """Cloth of the bank; of a target flag enough bands are seen that a person could tell it."""
    name, shapes = state
    for _ in range(SHAPE_TRIES):
        shape, camera = _aim(shapes, name, rng)
        if not design.label or _shows_bands(shape, camera):
            break
    direction = np.array([rng.normal(0, 0.7), rng.uniform(0, 1), rng.uniform(0.2, 1.2)], np.float32)
    light = Light(
        direction=direction / np.linalg.norm(direction),
        ambient=float(rng.uniform(0.2, 0.75)),
        translucency=float(rng.uniform(0.1, 0.9)),
        creases=float(rng.uniform(0, 0.3)),
    )
    return render_cloth(shape, design.picture, size=size, camera=camera, light=light, rng=rng)


def _aim(shapes: Shapes, name: str, rng: np.random.Generator) -> tuple[Shapes, Camera]:
    shape = shapes[int(rng.integers(len(shapes)))]
    if rng.random() < 0.5:
        shape = shape * np.array([-1, 1, 1], np.float32)  # seen from behind: emblem mirrored
    pitch = float(rng.normal(0.05, 0.2))
    upright = name in STANDING or rng.random() < 0.92
    roll = float(rng.normal(0, 0.12)) if upright else float(rng.uniform(-np.pi, np.pi))
    yaw = float(rng.normal(0, 0.45))
    return shape, Camera(yaw=yaw, pitch=pitch, roll=roll, distance=float(rng.uniform(2.5, 9)))


def _shows_bands(shape: Shapes, camera: Camera) -> bool:
    bands = np.repeat(np.diag([255, 255, 255]).astype(np.uint8), 8, axis=0)[:, None].repeat(48, axis=1)
    plain = Light(direction=np.array([0, 0, 1], np.float32), ambient=1, translucency=1, creases=0)
    seen = render_cloth(shape, bands, size=28, camera=camera, light=plain, rng=np.random.default_rng(0))
    inside = seen.alpha > 0.5
    shares = np.bincount(seen.colour.argmax(axis=2)[inside], minlength=3) / max(int(inside.sum()), 1)
    return bool(np.sort(shares)[1] >= MIN_BAND_SHARE)


def _repaint(design: Design, size: float, materials: Materials, rng: np.random.Generator) -> Cutout:
    """Real cloth from a photo, turned and mirrored."""
    cloth = materials.repaints[int(rng.integers(len(materials.repaints)))]
    cutout = paint(cloth, design.picture, size=size, mirrored=bool(rng.random() < 0.5))
    height, width = cutout.alpha.shape
    angle = rng.normal(0, 15) if rng.random() < 0.8 else rng.choice([-90.0, 90.0]) + rng.normal(0, 8)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(angle), 1)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size_wh = int(np.ceil(width * cos + height * sin)) + 2, int(np.ceil(width * sin + height * cos)) + 2
    matrix[:, 2] += (size_wh[0] - width) / 2, (size_wh[1] - height) / 2
    colour = cv2.warpAffine(
        cutout.colour, matrix, size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpAffine(cutout.alpha, matrix, size_wh, flags=cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        colour, alpha = np.ascontiguousarray(colour[:, ::-1]), np.ascontiguousarray(alpha[:, ::-1])
    return Cutout(np.asarray(colour, np.float32), np.asarray(alpha, np.float32), np.zeros((2, 2), np.float32))


def _print_flat(design: Design, size: float, materials: Materials, rng: np.random.Generator) -> Cutout:
    """A poster, screen, wall or shirt: the artwork in perspective, upright or turned by a right angle."""
    artwork = np.rot90(design.picture, int(rng.choice([0, 1, 3], p=[0.68, 0.16, 0.16])))
    if not design.plain and size > 50:
        artwork = _compose_print(artwork, materials, rng)
    height, width = artwork.shape[:2]
    scale = size / max(height, width)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    goal = corners * scale + rng.normal(0, 0.05 * size * min(height, width) / max(height, width), (4, 2))
    goal -= goal.mean(axis=0)
    angle = float(rng.normal(0, 0.12))
    goal = goal @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    goal = (goal - goal.min(axis=0) + 1).astype(np.float32)
    extent = np.ceil(goal.max(axis=0)).astype(int) + 1
    small = cv2.resize(
        artwork, (max(4, round(width * scale)), max(4, round(height * scale))), interpolation=cv2.INTER_AREA
    )
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * [small.shape[1], small.shape[0]] - 0.5
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), goal)
    size_wh = (int(extent[0]), int(extent[1]))
    colour = cv2.warpPerspective(
        small, matrix, size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpPerspective(np.ones(small.shape[:2], np.float32), matrix, size_wh, flags=cv2.INTER_LINEAR)
    slope = rng.normal(0, 0.25, 2)
    y, x = np.mgrid[: size_wh[1], : size_wh[0]]
    shade = 1 + slope[0] * (x / size_wh[0] - 0.5) + slope[1] * (y / size_wh[1] - 0.5)
    shaded = np.clip(colour.astype(np.float32) * shade[..., None], 0, 255).astype(np.float32)
    return Cutout(shaded, np.asarray(alpha, np.float32), goal[[0, 3]])


def _compose_print(
    artwork: NDArray[np.uint8], materials: Materials, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Part of the artwork now and then, people before it as on posters, a frame around it."""
    height, width = artwork.shape[:2]
    if rng.random() < 0.25:
        share = rng.uniform(0.65, 1, 2)
        top, left = (
            int(rng.uniform(0, 1 - part) * extent)
            for part, extent in zip(share, (height, width), strict=True)
        )
        artwork = artwork[top : top + int(share[0] * height), left : left + int(share[1] * width)]
        height, width = artwork.shape[:2]
    picture = artwork.astype(np.float32)
    if materials.cutouts and rng.random() < 0.3:
        for side in rng.permutation([0.12, 0.88])[: int(rng.integers(1, 3))]:
            person = materials.cutouts[int(rng.integers(len(materials.cutouts)))]
            scale = rng.uniform(0.8, 1.3) * height / person.alpha.shape[0]
            left = side * width - scale * person.alpha.shape[1] / 2
            matrix = np.array([[scale, 0, left], [0, scale, rng.uniform(0.05, 0.35) * height]])
            colour, alpha = (
                np.asarray(cv2.warpAffine(layer, matrix, (width, height), flags=cv2.INTER_AREA), np.float32)
                for layer in (person.colour, person.alpha)
            )
            picture += alpha[..., None] * (colour - picture)
    if rng.random() < 0.25:
        edge = max(2, round(min(height, width) * rng.uniform(0.02, 0.06)))
        inner = picture[edge:-edge, edge:-edge].copy()
        picture[:] = rng.uniform(20, 245) * rng.uniform(0.7, 1, 3)
        picture[edge:-edge, edge:-edge] = inner
    return np.clip(picture, 0, 255).astype(np.uint8)
