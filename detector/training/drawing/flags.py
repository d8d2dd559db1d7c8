"""A design in, one flag cut out: cloth in any state, real cloth repainted, or a print on something flat."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detector.model import EITHER
from detector.training.drawing.cloth import Shapes
from detector.training.drawing.designs import Design
from detector.training.drawing.materials import Materials
from detector.training.drawing.prints import print_flat
from detector.training.drawing.real_cloth import lay_cloth
from detector.training.drawing.render import Camera, Cutout, Light, render_cloth
from detector.training.drawing.repaint import paint

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
STANDING = ("stand", "table")
MIN_PLAIN_SIZE = 56  # pixels: on smaller flags a missing emblem cannot be told
MIN_BAND_SHARES = (0.02, 0.14)  # of the cloth that the band least seen and the next must show
SHAPE_TRIES = 10
FLAT = 0.18  # share of flags that are prints
REAL = 0.4  # share of target flags that are cut from photos, if there are any
REPAINTED = 0.35  # share of target flags on cloth that are real cloth repainted


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag ready to be put into a picture."""

    cutout: Cutout
    design: Design
    state: str
    """A state of the bank, ``real``, ``repainted`` or ``flat``."""
    size: float
    """Longer side, pixels."""


def make_flag(
    design: Design, size: float, materials: Materials, rng: np.random.Generator, *, state: str = ""
) -> Flag:
    """Makes a flag of a design, in the state asked for or any."""
    real = materials.cloths.get(EITHER if design.plain else design.label)
    if real and not state and rng.random() < REAL:
        cloth = real[int(rng.integers(len(real)))]
        return Flag(lay_cloth(cloth, size, rng), design, "real", size)
    if not state and rng.random() < FLAT:
        return Flag(print_flat(design, size, materials, rng), design, "flat", size)
    if not state and materials.repaints and (design.label or design.plain) and rng.random() < REPAINTED:
        return Flag(_repaint(design, size, materials, rng), design, "repainted", size)
    state = state or _choose_state(materials, rng)
    return Flag(_hang_cloth(design, size, (state, materials.bank[state]), rng), design, state, size)


def _choose_state(materials: Materials, rng: np.random.Generator) -> str:
    names = [name for name in STATE_WEIGHTS if name in materials.bank]
    weights = np.array([STATE_WEIGHTS[name] for name in names])
    return str(rng.choice(names, p=weights / weights.sum()))


def _hang_cloth(design: Design, size: float, state: tuple[str, Shapes], rng: np.random.Generator) -> Cutout:
    """Cloth of the bank; of a target's bands enough are seen that a person could tell them."""
    name, shapes = state
    for _ in range(SHAPE_TRIES):
        shape, camera = _aim(shapes, name, rng)
        if not (design.label or design.plain) or _shows_bands(shape, camera):
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
    return bool((np.sort(shares)[:2] >= MIN_BAND_SHARES).all())


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
