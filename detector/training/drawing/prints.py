"""A design in, a print of it on something flat out: a poster, a screen, a wall, a shirt."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.training.drawing.designs import Design
from detector.training.drawing.look_alikes import LETTERS
from detector.training.drawing.materials import Materials
from detector.training.drawing.render import Cutout

MIN_COMPOSED = 50  # pixels from which a print is more than the artwork
WAVING = 0.3  # share of prints that show the flag as waving cloth, as posters and slides do
WITH_PEOPLE = 0.35  # share of prints with people before the flag
BACKDROPS = ((20, 60, 140), (90, 150, 220), (245, 245, 245), (200, 215, 235), (30, 30, 40), (120, 20, 40))


def print_flat(design: Design, size: float, materials: Materials, rng: np.random.Generator) -> Cutout:
    """A poster, screen, wall or shirt: the artwork in perspective, upright or turned by a right angle."""
    waving = not design.plain and size > MIN_COMPOSED and rng.random() < WAVING
    artwork = _draw_waving(design.picture, rng) if waving else design.picture
    artwork = np.rot90(artwork, int(rng.choice([0, 1, 3], p=[0.68, 0.16, 0.16])))
    if not design.plain and size > MIN_COMPOSED:
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
    printed = colour.astype(np.float32)
    printed[..., :3] *= shade[..., None]
    return Cutout(np.clip(printed, 0, 255).astype(np.float32), np.asarray(alpha, np.float32), goal[[0, 3]])


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
    if materials.cutouts and rng.random() < WITH_PEOPLE:
        for side in rng.permutation([0.12, 0.88])[: int(rng.integers(1, 3))]:
            person = materials.cutouts[int(rng.integers(len(materials.cutouts)))]
            scale = rng.uniform(0.8, 1.3) * height / person.alpha.shape[0]
            left = side * width - scale * person.alpha.shape[1] / 2
            matrix = np.array([[scale, 0, left], [0, scale, rng.uniform(0.05, 0.35) * height]])
            colour, alpha = (
                np.asarray(cv2.warpAffine(layer, matrix, (width, height), flags=cv2.INTER_AREA), np.float32)
                for layer in (person.colour, person.alpha)
            )
            picture += alpha[..., None] * (_fill_up(colour, picture) - picture)
    if rng.random() < 0.25:
        edge = max(2, round(min(height, width) * rng.uniform(0.02, 0.06)))
        inner = picture[edge:-edge, edge:-edge].copy()
        picture[:] = _fill_up(rng.uniform(20, 245) * rng.uniform(0.7, 1, 3), picture)
        picture[edge:-edge, edge:-edge] = inner
    return np.clip(picture, 0, 255).astype(np.uint8)


def _draw_waving(artwork: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The artwork in soft waves, fading into a backdrop on one side, with lines of text there."""
    height, width = artwork.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32) / height
    tilt, zoom = float(rng.normal(0, 0.25)), float(rng.uniform(0.7, 1.05))
    phase = 2 * np.pi * (x / rng.uniform(0.5, 1.6) + y * rng.uniform(-0.6, 0.6) + rng.random())
    swing = rng.uniform(0.02, 0.09)
    middle = 0.5 * width / height
    across = middle + zoom * (x - middle - tilt * (y - 0.5)) + 0.5 * swing * np.cos(phase)
    down = 0.5 + zoom * (y - 0.5 + tilt * (x - middle)) + swing * np.sin(phase)
    waved = cv2.remap(
        artwork,
        (across * height).astype(np.float32),
        (down * height).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)
    waved[..., :3] *= (1 + rng.uniform(0.1, 0.45) * np.cos(phase + 0.8))[..., None]
    backdrop = np.array(BACKDROPS[int(rng.integers(len(BACKDROPS)))]) * rng.uniform(0.7, 1.05)
    edge = rng.uniform(0.45, 1.6) * width / height
    share = np.clip((x - edge) / rng.uniform(0.1, 0.6), 0, 1)[..., None]
    picture = np.clip(waved + share * (_fill_up(backdrop, waved) - waved), 0, 255).astype(np.uint8)
    for line in range(int(rng.integers(0, 4)) if edge < 0.7 * width / height else 0):
        text = "".join(rng.choice(list(LETTERS), int(rng.integers(4, 12))))
        place = int(edge * height + 0.1 * width), int(height * (0.35 + 0.15 * line))
        colour = (245, 245, 245) if backdrop.mean() < 140 else (40, 40, 90)
        cv2.putText(
            picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, height / 300, colour, height // 90, cv2.LINE_AA
        )
    return np.ascontiguousarray(picture if rng.random() < 0.7 else picture[:, ::-1])


def _fill_up(colour: NDArray[np.floating], picture: NDArray[np.generic]) -> NDArray[np.floating]:
    """RGB with as many channels as the picture, those it lacks 0: it shows nothing of the emblem."""
    lacking = picture.shape[2] - colour.shape[-1]
    return np.pad(colour, [(0, 0)] * (colour.ndim - 1) + [(0, lacking)])
