"""Chance in, artworks of what only looks like a target out: signs, murals, checks, bands."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.training.drawing.artwork import HEIGHT, Colour

PAINTS: tuple[Colour, ...] = (
    (30, 170, 90),
    (0, 140, 150),
    (0, 160, 215),
    (20, 60, 160),
    (205, 25, 45),
    (225, 70, 40),
    (90, 40, 110),
    (20, 20, 24),
    (245, 245, 240),
    (200, 170, 130),
    (245, 210, 30),
    (120, 120, 125),
)
LETTERS = "ABCDEFGHIJKLMNOPRSTUVWYZ"


def draw_sign(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A painted sign or banner: letters and strokes of thick colour on paper or cloth."""
    width = round(HEIGHT * rng.uniform(0.8, 3))
    picture = np.zeros((HEIGHT, width, 3), np.uint8)
    picture[:] = PAINTS[int(rng.integers(len(PAINTS)))]
    if rng.random() < 0.3:
        picture[HEIGHT // 2 :] = PAINTS[int(rng.integers(len(PAINTS)))]
    colours = [PAINTS[int(number)] for number in rng.integers(0, len(PAINTS), 3)]
    for line in range(int(rng.integers(1, 4))):
        text = "".join(rng.choice(list(LETTERS), int(rng.integers(3, 10))))
        place = int(rng.uniform(-0.05, 0.3) * width), int((line + 1) * HEIGHT / 3.3 + rng.normal(0, 8))
        scale, thickness = float(rng.uniform(1.5, 4)), int(rng.integers(4, 26))
        font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX]))
        cv2.putText(picture, text, place, font, scale, colours[line], thickness, cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 4))):
        ends = (rng.uniform(0, 1, (4, 2)) * (width, HEIGHT)).astype(np.int32)
        cv2.polylines(picture, [ends], False, colours[0], int(rng.integers(4, 40)), cv2.LINE_AA)
    return picture


def draw_mural(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A painted wall or letter: patches, strokes and dots of a few strong colours, close together."""
    picture = np.zeros((HEIGHT, round(HEIGHT * rng.uniform(0.6, 2.2)), 3), np.uint8)
    colours = [PAINTS[int(number)] for number in rng.integers(0, len(PAINTS), int(rng.integers(3, 8)))]
    picture[:] = colours[0]
    size = HEIGHT * float(np.exp(rng.uniform(np.log(0.05), np.log(0.5))))
    for number in range(int(rng.integers(15, 70))):
        colour = colours[number % len(colours)]
        centre = rng.uniform(0, 1, 2) * picture.shape[1::-1]
        points = (centre + rng.normal(0, size, (int(rng.integers(3, 7)), 2))).astype(np.int32)
        kind = rng.random()
        if kind < 0.4:
            cv2.fillPoly(picture, [points], colour, cv2.LINE_AA)
        elif kind < 0.7:
            cv2.polylines(
                picture, [points], False, colour, max(2, int(size * rng.uniform(0.1, 0.6))), cv2.LINE_AA
            )
        else:
            axes = (max(2, int(size * rng.uniform(0.2, 1))), max(2, int(size * rng.uniform(0.2, 1))))
            cv2.ellipse(
                picture, points[0].tolist(), axes, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA
            )
    return picture


def draw_checks(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Striped or checked cloth, as of shirts, skirts and umbrellas."""
    picture = np.zeros((HEIGHT, HEIGHT, 3), np.float32)
    for axis in (0, 1)[: int(rng.integers(1, 3))]:
        count = int(rng.integers(4, 24))
        stripes = np.array([PAINTS[int(number)] for number in rng.integers(0, len(PAINTS), 4)], np.float32)
        along = stripes[(np.arange(HEIGHT) * count // HEIGHT) % 4]
        picture += along[:, None] if axis == 0 else along[None]
    return np.asarray(picture / max(float(picture.max()), 1) * 235, np.uint8)


def draw_bands(rng: np.random.Generator) -> NDArray[np.uint8]:
    """One to four plain bands, now and then with a disc."""
    count = int(rng.integers(1, 5))
    colours: Sequence[Colour] = [
        (200, 20, 40),
        (0, 90, 180),
        (0, 150, 80),
        (250, 220, 0),
        (245, 245, 245),
        (20, 20, 20),
        (255, 130, 0),
        (0, 170, 220),
    ]
    bands = np.array([colours[int(i)] for i in rng.integers(0, len(colours), count)], np.uint8)
    picture = cv2.resize(bands[:, None], (HEIGHT * 2, HEIGHT), interpolation=cv2.INTER_NEAREST)
    if rng.random() < 0.25:
        centre = (int(rng.uniform(0.25, 0.6) * 2 * HEIGHT), HEIGHT // 2)
        cv2.circle(picture, centre, int(rng.uniform(0.15, 0.35) * HEIGHT), colours[3], -1, cv2.LINE_AA)
    if rng.random() < 0.3:
        picture = np.ascontiguousarray(np.rot90(picture))
    return np.asarray(picture, np.uint8)
