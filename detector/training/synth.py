"""A seed and an index in, one training picture with its boxes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.training.cloth import Shapes
from detector.training.degrade import degrade
from detector.training.designs import TARGETS, Design, Designs
from detector.training.render import Camera, Cutout, Light, render_cloth
from detector.training.repaint import Repaint, paint

Picture = NDArray[np.float32]

STATE_WEIGHTS = {
    "wave": 0.2,
    "light_air": 0.2,
    "limp": 0.22,
    "hung_by_hoist": 0.1,
    "hung_by_edge": 0.08,
    "two_hands": 0.1,
    "cape": 0.06,
    "over_ball": 0.04,
}
POSITIVE = 0.62  # share of pictures that a target flag is put into
REPAINTED = 0.3  # share of target flags that are real cloth repainted
MIN_VISIBLE = 0.35  # share of a flag's cloth that must be seen for it to be in the picture at all
MIN_SIDE = 7  # pixels of the longer side of a box


@dataclass(frozen=True, slots=True)
class Materials:
    """What pictures are made of."""

    designs: Designs
    bank: Mapping[str, Shapes]
    backgrounds: Sequence[Path]
    """Photos without a target flag."""
    flag_photos: Sequence[Path]
    """Photos of other flags: real look-alikes."""
    cutouts: Sequence[Cutout] = ()
    """People cut from photos, to stand before a flag."""
    repaints: Sequence[Repaint] = ()
    """Real cloth to paint as a target flag."""


@dataclass(frozen=True, slots=True)
class Example:
    """One picture and its truth."""

    image: NDArray[np.uint8]
    """``(size, size, 3)`` RGB."""
    labels: tuple[str, ...]
    xyxy: NDArray[np.float32]
    """``(n, 4)`` pixels."""


def make_example(materials: Materials, seed: int, index: int, *, size: int = 448) -> Example:
    """Draws the picture that belongs to a seed and an index, whoever asks for it and in whatever order."""
    rng = np.random.default_rng([seed, index])
    picture = _open_scene(materials, rng, size)
    positive = rng.random() < POSITIVE
    wanted = (
        [str(rng.choice(TARGETS)) for _ in range(int(rng.choice([1, 2, 3], p=[0.62, 0.28, 0.1])))]
        if positive
        else []
    )
    wanted += [""] * int(
        rng.choice([0, 1, 2, 3], p=[0.55, 0.27, 0.12, 0.06] if positive else [0.35, 0.3, 0.2, 0.15])
    )
    rng.shuffle(wanted)
    owners = np.zeros((size, size), np.int32)
    areas: list[float] = [0.0]
    labels: list[str] = [""]
    for label in wanted:
        if not label and materials.flag_photos and rng.random() < 0.35:
            _paste_photo(picture, owners, materials, rng)
            continue
        design = materials.designs.draw_target(label, rng) if label else materials.designs.draw_other(rng)
        _add_flag(picture, owners, areas, labels, design, materials, rng)
    boxes = _find_boxes(owners, areas, labels)
    image = degrade(picture, rng)
    return Example(
        image,
        tuple(label for label, _ in boxes),
        np.array([box for _, box in boxes], np.float32).reshape(-1, 4),
    )


def _open_photo(path: Path) -> Picture:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path} is not a picture")
    return np.ascontiguousarray(image[..., ::-1]).astype(np.float32)


def _open_scene(materials: Materials, rng: np.random.Generator, size: int) -> Picture:
    """A square piece of a photo, at the scale at which whole photos are looked at."""
    of_flag = bool(materials.flag_photos) and rng.random() < 0.09
    paths = materials.flag_photos if of_flag else materials.backgrounds
    photo = _open_photo(paths[int(rng.integers(len(paths)))])
    height, width = photo.shape[:2]
    scale = rng.uniform(0.8, 1.5) * (size if of_flag else 640) / max(height, width)
    scale = max(scale, (size + 1) / min(height, width))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    photo = np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=interpolation), np.float32)
    top, left = (int(rng.integers(0, extent - size + 1)) for extent in photo.shape[:2])
    photo = photo[top : top + size, left : left + size]
    return np.ascontiguousarray(photo[:, ::-1] if rng.random() < 0.5 else photo)


def _choose_size(rng: np.random.Generator, frame: int) -> float:
    chance = rng.random()
    if chance < 0.13:
        return float(rng.uniform(0.8, 2.0) * frame)
    if chance < 0.4:
        return float(np.exp(rng.uniform(np.log(100), np.log(frame * 0.9))))
    return float(np.exp(rng.uniform(np.log(16), np.log(150))))


def _add_flag(
    picture: Picture,
    owners: NDArray[np.int32],
    areas: list[float],
    labels: list[str],
    design: Design,
    materials: Materials,
    rng: np.random.Generator,
) -> None:
    """Puts one flag into the picture, unless too little of it or of one behind it would be seen."""
    frame = picture.shape[0]
    size = _choose_size(rng, frame)
    flat = rng.random() < 0.16
    if flat:
        cutout = _print_flat(design, size, rng)
    elif materials.repaints and design.label and rng.random() < REPAINTED:
        cutout = _repaint(design, size, materials, rng)
    else:
        cutout = _hang_cloth(design, size, materials, rng)
    height, width = cutout.alpha.shape
    margin = 0.3 if size > 60 else 0.0
    left = int(rng.uniform(-margin * width, max(frame - (1 - margin) * width, -margin * width + 1)))
    top = int(rng.uniform(-margin * height, max(frame - (1 - margin) * height, -margin * height + 1)))
    if size > frame:
        left, top = (
            int(rng.uniform(frame - width, 0)) if width > frame else left,
            int(rng.uniform(frame - height, 0)) if height > frame else top,
        )
    window, part = _overlap((top, left), cutout.alpha.shape, owners.shape)
    alpha = cutout.alpha[part]
    occluder = (
        _draw_occluder(cutout.alpha.shape, materials, rng) if rng.random() < 0.4 and size > 24 else None
    )
    visible = alpha > 0.5
    if occluder is not None:
        visible &= occluder.alpha[part] < 0.5
    whole = float((cutout.alpha > 0.5).sum())
    share = visible.sum() / max(whole, 1)
    if share < (MIN_VISIBLE if size <= frame else 0.12) or visible.sum() < 20:
        return
    if _hides_another(owners, window, visible, areas):
        return
    colour = _match_light(cutout.colour[part], picture[window], flat, rng)
    if not flat and size > 20 and rng.random() < 0.75:
        _draw_pole(picture, owners, cutout, (left, top), rng)
    picture[window] += alpha[..., None] * (colour - picture[window])
    if occluder is not None:
        cover = occluder.alpha[part][..., None]
        picture[window] += cover * (occluder.colour[part] - picture[window])
    covered = alpha > 0.5
    owners[window][covered] = 0
    owners[window][visible] = len(areas)
    areas.append(float(visible.sum()))
    labels.append(design.label)


def _overlap(
    corner: tuple[int, int], inner: tuple[int, ...], outer: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a small picture with this top left corner lies in the big one, and which part of it does."""
    starts = [max(0, place) for place in corner]
    ends = [min(outer[axis], corner[axis] + inner[axis]) for axis in (0, 1)]
    window = tuple(slice(start, max(start, end)) for start, end in zip(starts, ends, strict=True))
    part = tuple(
        slice(piece.start - place, piece.stop - place) for piece, place in zip(window, corner, strict=True)
    )
    return (window[0], window[1]), (part[0], part[1])


def _hides_another(
    owners: NDArray[np.int32], window: tuple[slice, slice], visible: NDArray[np.bool_], areas: list[float]
) -> bool:
    below = owners[window][visible]
    for number in np.unique(below[below > 0]):
        left = float((owners == number).sum() - (below == number).sum())
        if left < 0.5 * areas[number]:
            return True
    return False


def _hang_cloth(design: Design, size: float, materials: Materials, rng: np.random.Generator) -> Cutout:
    names = [name for name in STATE_WEIGHTS if name in materials.bank]
    weights = np.array([STATE_WEIGHTS[name] for name in names])
    shapes = materials.bank[str(rng.choice(names, p=weights / weights.sum()))]
    shape = shapes[int(rng.integers(len(shapes)))]
    if rng.random() < 0.5:
        shape = shape * np.array([-1, 1, 1], np.float32)  # seen from behind: emblem mirrored
    pitch = float(rng.normal(0.05, 0.2))
    roll = float(rng.normal(0, 0.15)) if rng.random() < 0.92 else float(rng.uniform(-np.pi, np.pi))
    camera = Camera(
        yaw=float(rng.normal(0, 0.45)), pitch=pitch, roll=roll, distance=float(rng.uniform(2.5, 9))
    )
    direction = np.array([rng.normal(0, 0.7), rng.uniform(0, 1), rng.uniform(0.2, 1.2)], np.float32)
    light = Light(
        direction=direction / np.linalg.norm(direction),
        ambient=float(rng.uniform(0.2, 0.75)),
        translucency=float(rng.uniform(0.1, 0.9)),
        creases=float(rng.uniform(0, 0.3)),
    )
    return render_cloth(shape, design.picture, size=size, camera=camera, light=light, rng=rng)


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


def _print_flat(design: Design, size: float, rng: np.random.Generator) -> Cutout:
    """A poster, screen, wall or shirt: the artwork in perspective, upright or turned by a right angle."""
    artwork = np.rot90(design.picture, int(rng.choice([0, 1, 3], p=[0.75, 0.125, 0.125])))
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


def _match_light(colour: Picture, behind: Picture, flat: bool, rng: np.random.Generator) -> Picture:
    """Lights the flag as its surroundings are lit; on a wall or shirt their relief shows through."""
    if behind.size == 0:
        return colour
    surroundings = behind.reshape(-1, 3).mean(axis=0)
    level = float(np.clip(0.55 + 0.55 * surroundings.mean() / 128, 0.4, 1.25) * rng.uniform(0.7, 1.2))
    cast = 1 + rng.uniform(0, 0.35) * (surroundings / max(float(surroundings.mean()), 1) - 1)
    lit: Picture = colour * (level * cast).astype(np.float32)
    if flat and rng.random() < 0.6:
        grey = behind.mean(axis=2)
        relief = np.clip(grey / (cv2.GaussianBlur(grey, (0, 0), max(2.0, behind.shape[0] / 6)) + 8), 0.4, 1.5)
        lit = lit * relief[..., None]
        if rng.random() < 0.3:
            lit = lit * 0.75 + behind * 0.25  # a projection, or thin paint
    return np.asarray(np.clip(lit, 0, 255), np.float32)


def _draw_pole(
    picture: Picture,
    owners: NDArray[np.int32],
    cutout: Cutout,
    corner: tuple[int, int],
    rng: np.random.Generator,
) -> None:
    upper, lower = cutout.hoist + np.array(corner, np.float32)
    along = lower - upper
    length = float(np.linalg.norm(along))
    if length < 6:
        return
    start, end = upper - along * rng.uniform(0, 0.15), lower + along * rng.uniform(0.1, 1.5)
    thickness = max(1, round(length * rng.uniform(0.015, 0.05)))
    colour = rng.uniform(0.2, 1) * np.array([235, 225, 205]) * rng.uniform(0.8, 1, 3)
    cv2.line(picture, _point(start), _point(end), colour.tolist(), thickness, cv2.LINE_AA)
    line = np.zeros(owners.shape, np.uint8)
    cv2.line(line, _point(start), _point(end), 1, thickness)
    owners[line > 0] = 0


def _point(place: NDArray[np.floating]) -> tuple[int, int]:
    return int(np.clip(place[0], -4000, 4000)), int(np.clip(place[1], -4000, 4000))


def _draw_occluder(shape: tuple[int, ...], materials: Materials, rng: np.random.Generator) -> Cutout:
    """Something before the flag: a person cut from a photo, or heads, arms and poles of photo texture."""
    height, width = shape[0], shape[1]
    if materials.cutouts and rng.random() < 0.6:
        return _fit_person(materials.cutouts[int(rng.integers(len(materials.cutouts)))], (height, width), rng)
    path = materials.backgrounds[int(rng.integers(len(materials.backgrounds)))]
    texture = cv2.resize(_open_photo(path), (width, height), interpolation=cv2.INTER_AREA)
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


def _paste_photo(
    picture: Picture, owners: NDArray[np.int32], materials: Materials, rng: np.random.Generator
) -> None:
    """A real photo of another flag, laid into the scene with a soft edge."""
    photo = _open_photo(materials.flag_photos[int(rng.integers(len(materials.flag_photos)))])
    frame = picture.shape[0]
    scale = float(np.exp(rng.uniform(np.log(24), np.log(frame * 0.7)))) / max(photo.shape[:2])
    photo = np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
    height, width = photo.shape[:2]
    top, left = (int(rng.uniform(0, max(1, frame - extent))) for extent in (height, width))
    window, part = _overlap((top, left), (height, width), owners.shape)
    if (owners[window] > 0).any():
        return
    alpha = np.zeros((height, width), np.float32)
    edge = max(1, round(0.04 * min(height, width)))
    alpha[edge:-edge, edge:-edge] = 1
    soft = np.asarray(cv2.GaussianBlur(alpha, (0, 0), edge), np.float32)[..., None]
    picture[window] += soft[part] * (photo[part] - picture[window])


def _find_boxes(
    owners: NDArray[np.int32], areas: list[float], labels: list[str]
) -> list[tuple[str, tuple[float, float, float, float]]]:
    boxes = []
    for number in range(1, len(areas)):
        if not labels[number]:
            continue
        y, x = np.nonzero(owners == number)
        if len(x) == 0 or max(np.ptp(x), np.ptp(y)) + 1 < MIN_SIDE:
            continue
        boxes.append(
            (labels[number], (float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1)))
        )
    return boxes
