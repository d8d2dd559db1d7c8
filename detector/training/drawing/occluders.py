"""People and things before a flag or around it, cut from photos."""

from __future__ import annotations

import cv2
import numpy as np

from detector.training.drawing.materials import Materials, Picture, open_photo
from detector.training.drawing.render import Cutout


def draw_occluder(shape: tuple[int, ...], materials: Materials, rng: np.random.Generator) -> Cutout:
    """Something before the flag: a person cut from a photo, or heads, arms and poles of photo texture."""
    height, width = shape[0], shape[1]
    if materials.cutouts and rng.random() < 0.6:
        return _fit_person(materials.cutouts[int(rng.integers(len(materials.cutouts)))], (height, width), rng)
    path = materials.backgrounds[int(rng.integers(len(materials.backgrounds)))]
    texture = cv2.resize(open_photo(path), (width, height), interpolation=cv2.INTER_AREA)
    alpha = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        centre = int(rng.uniform(0, width)), int(rng.uniform(0.3, 1.1) * height)
        radius = rng.uniform(0.06, 0.22) * min(height, width) + 1
        kind = rng.random()
        if kind < 0.45:
            cv2.ellipse(alpha, centre, (int(radius), int(radius * 1.3)), 0, 0, 360, 1, -1, cv2.LINE_AA)
            shoulders = centre[0], int(centre[1] + radius * 3)
            cv2.ellipse(
                alpha, shoulders, (int(radius * 2.2), int(radius * 1.9)), 0, 0, 360, 1, -1, cv2.LINE_AA
            )
        else:
            end = int(centre[0] + rng.normal(0, 0.5) * width), int(centre[1] + rng.normal(0.3, 0.5) * height)
            cv2.line(alpha, centre, end, 1, max(1, int(radius * (0.2 if kind < 0.7 else 0.6))), cv2.LINE_AA)
    return Cutout(np.asarray(texture, np.float32), alpha, np.zeros((2, 2), np.float32))


def _fit_person(person: Cutout, shape: tuple[int, int], rng: np.random.Generator) -> Cutout:
    height, width = shape
    scale = rng.uniform(0.6, 1.6) * max(height, width) / person.alpha.shape[0]
    matrix = np.array(
        [
            [
                scale,
                0,
                rng.uniform(-0.3, 0.9) * width - scale * person.alpha.shape[1] / 2 * rng.uniform(0, 1),
            ],
            [0, scale, rng.uniform(0.1, 0.7) * height],
        ]
    )
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    colour = cv2.warpAffine(
        person.colour, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpAffine(person.alpha, matrix, (width, height), flags=flags)
    return Cutout(np.asarray(colour, np.float32), np.asarray(alpha, np.float32), person.hoist)


def add_people(picture: Picture, materials: Materials, rng: np.random.Generator) -> None:
    """Puts one to three people into the picture, their clothes in other colours: blue, red and green."""
    frame = picture.shape[0]
    for _ in range(int(rng.integers(1, 4)) if materials.cutouts else 0):
        person = materials.cutouts[int(rng.integers(len(materials.cutouts)))]
        scale = float(np.exp(rng.uniform(np.log(0.2), np.log(1.1)))) * frame / person.alpha.shape[0]
        matrix = np.array(
            [
                [scale, 0, rng.uniform(0, 1) * frame - scale * person.alpha.shape[1] / 2],
                [0, scale, rng.uniform(0.1, 0.9) * frame],
            ]
        )
        colour, alpha = (
            np.asarray(cv2.warpAffine(layer, matrix, (frame, frame), flags=cv2.INTER_AREA), np.float32)
            for layer in (_recolour(person.colour, rng), person.alpha)
        )
        picture += alpha[..., None] * (colour - picture)


def _recolour(colour: Picture, rng: np.random.Generator) -> Picture:
    hsv = cv2.cvtColor(np.clip(colour, 0, 255).astype(np.uint8), cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(0, 180)) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(1, 2.5), 0, 255)
    return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB).astype(np.float32)
