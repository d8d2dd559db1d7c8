"""Chance in, drawn scenes out: streets, squares, rooms and walls without any photo or real person."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]

SKIN = ((236, 200, 172), (198, 148, 110), (142, 98, 68), (92, 62, 44))
CLOTHES = (
    (60, 66, 84),
    (150, 152, 158),
    (176, 132, 84),
    (92, 84, 110),
    (210, 204, 190),
    (52, 74, 70),
    (120, 70, 74),
)
WALLS = ((206, 186, 158), (188, 150, 122), (170, 170, 166), (214, 204, 186), (158, 126, 108), (196, 176, 176))


def draw_street(rng: np.random.Generator, width: int, height: int) -> Picture:
    """Houses along a street under a cloudy sky."""
    picture = _draw_sky(rng, width, height)
    horizon = int(height * rng.uniform(0.6, 0.68))
    left = -int(rng.integers(0, 60))
    while left < width:
        extent = int(rng.uniform(0.14, 0.26) * width)
        _draw_house(
            picture, (left, int(horizon - rng.uniform(0.3, 0.52) * height), left + extent, horizon), rng
        )
        left += extent
    _draw_ground(picture, horizon, np.array([116, 114, 112]), rng)
    return _finish(picture, rng)


def draw_square(rng: np.random.Generator, width: int, height: int) -> Picture:
    """A square full of people, houses far behind."""
    picture = draw_street(rng, width, height)
    rows = 5
    for row in range(rows):
        foot = height * (0.7 + 0.34 * row / (rows - 1))
        tall = height * (0.13 + 0.25 * row / (rows - 1))
        for place in np.arange(-0.03, 1.03, 0.55 * tall / width):
            draw_person(
                picture,
                (place + rng.normal(0, 0.008)) * width,
                foot + rng.normal(0, 4),
                tall * rng.uniform(0.9, 1.08),
                rng,
            )
    return picture


def draw_room(rng: np.random.Generator, width: int, height: int) -> Picture:
    """An office with a window, a picture and a table."""
    wall = np.array(WALLS[int(rng.integers(len(WALLS)))]) * 0.55 + 110
    y, x = np.mgrid[:height, :width].astype(np.float32)
    light = 1.05 - 0.3 * np.hypot(x / width - 0.3, y / height - 0.3)
    picture = (wall * light[..., None]).astype(np.float32)
    floor = int(0.8 * height)
    picture[floor:] = np.array([122, 94, 70]) * (0.7 + 0.3 * light[floor:, :, None])
    picture[floor - 5 : floor] = np.array([226, 222, 214])
    left, top, right, bottom = (int(v) for v in (0.07 * width, 0.1 * height, 0.32 * width, 0.56 * height))
    picture[top:bottom, left:right] = (
        np.array([214, 228, 238]) - np.linspace(0, 36, bottom - top)[:, None, None]
    )
    for edge in (left, (left + right) // 2, right):
        cv2.line(picture, (edge, top), (edge, bottom), (240, 238, 232), 6, cv2.LINE_AA)
    for edge in (top, bottom):
        cv2.line(picture, (left, edge), (right, edge), (240, 238, 232), 6, cv2.LINE_AA)
    desk = np.array([[0.28, 0.74], [0.98, 0.74], [1.05, 0.84], [0.22, 0.84]]) * [width, height]
    cv2.fillPoly(picture, [desk.astype(np.int32)], (112, 78, 54), cv2.LINE_AA)
    cv2.rectangle(picture, (int(0.22 * width), int(0.84 * height)), (width, height), (84, 58, 42), -1)
    return _finish(picture, rng)


def draw_wall(rng: np.random.Generator, width: int, height: int) -> Picture:
    """A brick wall above a pavement."""
    picture = np.zeros((height, width, 3), np.float32)
    picture[:] = (150, 140, 130)
    base = np.array(WALLS[int(rng.integers(len(WALLS)))]) * 0.8
    tall, wide = max(8, height // 28), max(18, width // 22)
    for row, top in enumerate(range(0, height, tall)):
        for left in range(-(row % 2) * wide // 2, width, wide):
            colour = base * rng.uniform(0.85, 1.12)
            cv2.rectangle(
                picture, (left + 1, top + 1), (left + wide - 2, top + tall - 2), colour.tolist(), -1
            )
    _draw_ground(picture, int(height * 0.84), np.array([126, 124, 120]), rng)
    return _finish(picture, rng)


def draw_sky(rng: np.random.Generator, width: int, height: int) -> Picture:
    """Sky above far hills."""
    picture = _draw_sky(rng, width, height)
    x = np.arange(width)
    for depth, colour in ((0.78, (126, 146, 152)), (0.86, (92, 112, 96)), (0.94, (70, 86, 62))):
        ridge = height * (
            depth + 0.035 * np.sin(x / width * rng.uniform(3, 9) + rng.uniform(0, 6)) + 0.01 * np.sin(x / 23)
        )
        outline = np.vstack([np.column_stack([x, ridge]), [[width, height], [0, height]]]).astype(np.int32)
        cv2.fillPoly(picture, [outline], colour, cv2.LINE_AA)
    return _finish(picture, rng)


def draw_person(picture: Picture, x: float, foot: float, tall: float, rng: np.random.Generator) -> None:
    """A figure seen from behind or without features, its feet at ``(x, foot)``."""
    skin, hair = SKIN[int(rng.integers(len(SKIN)))], rng.uniform(0.1, 0.5) * np.array([150, 110, 80])
    top, legs = (np.array(CLOTHES[int(rng.integers(len(CLOTHES)))]) * rng.uniform(0.8, 1.1) for _ in range(2))
    head = 0.075 * tall

    def ellipse(
        dx: float, dy: float, across: float, down: float, colour: NDArray[np.floating] | tuple[int, ...]
    ) -> None:
        centre, axes = (
            (int(x + dx * tall), int(foot - dy * tall)),
            (max(1, int(across * tall)), max(1, int(down * tall))),
        )
        shade = [float(channel) for channel in colour]
        cv2.ellipse(picture, centre, axes, 0, 0, 360, shade, -1, cv2.LINE_AA)

    for side in (-1, 1):
        ellipse(side * 0.055, 0.24, 0.05, 0.25, legs)
        ellipse(side * 0.135, 0.62, 0.035, 0.19, top * 0.88)
    ellipse(0, 0.64, 0.125, 0.2, top)
    ellipse(-0.03, 0.66, 0.08, 0.17, top * 1.06)
    ellipse(0, 0.83, 0.035, 0.05, np.array(skin) * 0.9)
    ellipse(0, 0.91, head / tall, 1.2 * head / tall, skin)
    ellipse(0, 0.935, 1.04 * head / tall, head / tall, hair)


def _draw_sky(rng: np.random.Generator, width: int, height: int) -> Picture:
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    picture = np.array([112, 158, 212]) * (1 - down) + np.array([226, 232, 236]) * down
    picture = np.repeat(picture, width, axis=1).astype(np.float32)
    clouds = np.zeros((height, width), np.float32)
    for cells in (3, 6, 12, 24, 48):
        noise = rng.uniform(0, 1, (cells, cells * 2)).astype(np.float32)
        layer = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
        clouds += np.asarray(layer, np.float32) / np.float32(cells**0.8)
    cover = np.clip((clouds - np.percentile(clouds, 45)) / np.ptp(clouds) * 2.2, 0, 0.9)[..., None]
    return np.asarray(picture + cover * (np.array([244, 243, 240]) - picture), np.float32)


def _draw_house(picture: Picture, box: tuple[int, int, int, int], rng: np.random.Generator) -> None:
    left, top, right, bottom = box
    wall = np.array(WALLS[int(rng.integers(len(WALLS)))]) * rng.uniform(0.85, 1.05)
    cv2.rectangle(picture, (left, top), (right, bottom), wall.tolist(), -1)
    cv2.rectangle(picture, (left, top - 8), (right, top), (wall * 0.6).tolist(), -1)
    columns, rows = int(rng.integers(2, 5)), max(2, (bottom - top) // 55)
    for row in range(rows):
        for column in range(columns):
            x = left + (column + 0.5) * (right - left) / columns
            y = top + (row + 0.45) * (bottom - top) / rows
            half = 0.24 * (right - left) / columns, 0.28 * (bottom - top) / rows
            corner, opposite = (int(x - half[0]), int(y - half[1])), (int(x + half[0]), int(y + half[1]))
            cv2.rectangle(
                picture, corner, opposite, (rng.uniform(0.6, 1.1) * np.array([98, 112, 126])).tolist(), -1
            )
            cv2.rectangle(picture, corner, opposite, (wall * 1.12).clip(0, 250).tolist(), 2, cv2.LINE_AA)


def _draw_ground(
    picture: Picture, horizon: int, colour: NDArray[np.integer], rng: np.random.Generator
) -> None:
    rows = picture.shape[0] - horizon
    picture[horizon:] = colour * np.linspace(1.06, 0.82, rows)[:, None, None]
    grain = rng.normal(0, 5, (max(1, rows // 3), picture.shape[1] // 6)).astype(np.float32)
    picture[horizon:] += cv2.resize(grain, (picture.shape[1], rows), interpolation=cv2.INTER_CUBIC)[..., None]


def _finish(picture: Picture, rng: np.random.Generator) -> Picture:
    grain = rng.normal(0, 1, (picture.shape[0] // 4, picture.shape[1] // 4)).astype(np.float32)
    texture = cv2.resize(grain, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.7) + 2.5 * texture[..., None], 0, 255).astype(
        np.float32
    )


SCENERY: Mapping[str, Callable[[np.random.Generator, int, int], Picture]] = {
    "street": draw_street,
    "square": draw_square,
    "room": draw_room,
    "wall": draw_wall,
    "sky": draw_sky,
}
