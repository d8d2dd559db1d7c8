"""A seed and an index in, one training picture with its boxes out."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.model import EITHER, OTHER
from detector.training.drawing.degrade import degrade_picture
from detector.training.drawing.designs import TARGETS
from detector.training.drawing.flags import MIN_PLAIN_SIZE, STANDING, Flag, make_flag
from detector.training.drawing.materials import Materials, Picture, open_photo
from detector.training.drawing.occluders import add_people, draw_occluder

POSITIVE = 0.62  # share of pictures that a target flag is put into
CROWD = 0.06  # share of pictures with many small flags of one kind
RECOLOURED = 0.25  # share of pictures with people in blue, red and green clothes
IN_COMPANY = 0.45  # share of flags on stands that stand in a row
MIN_VISIBLE = 0.35  # share of a flag's cloth that must be seen for it to be in the picture at all
MIN_SIDE = 7  # pixels of the longer side of a box

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Example:
    """One picture and its truth."""

    image: NDArray[np.uint8]
    """``(size, size, 3)`` RGB."""
    labels: tuple[str, ...]
    xyxy: NDArray[np.float32]
    """``(n, 4)`` pixels."""
    emblems: NDArray[np.float32]
    """``(n,)``: how much of what is seen of each flag is emblem; on the whole flag, laid flat, that is 1."""
    other_labels: tuple[str, ...]
    """Of the flags that are no target: the targets' bands without emblem, or any other."""
    other_xyxy: NDArray[np.float32]
    """``(n, 4)`` pixels."""


@dataclass(slots=True)
class _Canvas:
    """A picture in the making; flag number n has ``areas[n]`` and ``labels[n]``, number 0 is no flag."""

    picture: Picture
    owners: NDArray[np.int32]
    """``(size, size)``: number of the flag that each pixel shows."""
    emblem: NDArray[np.float32]
    """``(size, size)``: how much of a pixel shows a flag's emblem, as in `Example.emblems`."""
    areas: list[float] = field(default_factory=lambda: [0.0])
    labels: list[str] = field(default_factory=lambda: [""])


def make_example(materials: Materials, seed: int, index: int, *, size: int = 448) -> Example:
    """Draws the picture that belongs to a seed and an index, whoever asks for it and in whatever order."""
    rng = np.random.default_rng([seed, index])
    scene, of_flag = _open_scene(materials, rng, size)
    owners, emblem = np.full((size, size), int(of_flag), np.int32), np.zeros((size, size), np.float32)
    canvas = _Canvas(scene, owners, emblem)
    if of_flag:
        canvas.areas.append(float(size * size))
        canvas.labels.append(OTHER)
    if rng.random() < RECOLOURED:
        add_people(canvas.picture, materials, rng)
    if rng.random() < CROWD:
        _add_crowd(canvas, materials, rng)
    for label in _choose_labels(rng):
        if not label and materials.flag_photos and rng.random() < 0.35:
            _paste_photo(canvas, materials, rng)
        else:
            _add_flags(canvas, label, materials, rng)
    found = _find_flags(canvas)
    image = degrade_picture(canvas.picture, rng)
    targets = [one for one in found if one[0] in TARGETS]
    others = [one for one in found if one[0] not in TARGETS]
    emblems = np.array([emblem for *_, emblem in targets], np.float32)
    return Example(image, *_columns(targets), emblems, *_columns(others))


def _columns(found: list[tuple[str, Box, float]]) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    boxes = np.array([box for _, box, _ in found], np.float32)
    return tuple(label for label, _, _ in found), boxes.reshape(-1, 4)


def _choose_labels(rng: np.random.Generator) -> list[str]:
    """Labels of the flags to put in, empty for others, in the order from back to front."""
    positive = rng.random() < POSITIVE
    targets = int(rng.choice([1, 2, 3], p=[0.62, 0.28, 0.1])) if positive else 0
    shares = [0.55, 0.27, 0.12, 0.06] if positive else [0.35, 0.3, 0.2, 0.15]
    labels = [str(rng.choice(TARGETS)) for _ in range(targets)] + [""] * int(rng.choice(4, p=shares))
    rng.shuffle(labels)
    return labels


def _open_scene(materials: Materials, rng: np.random.Generator, size: int) -> tuple[Picture, bool]:
    """A square piece of a photo, at the scale of whole photos; and whether all of it is a flag."""
    of_flag = bool(materials.flag_photos) and rng.random() < 0.09
    paths = materials.flag_photos if of_flag else materials.backgrounds
    photo = open_photo(paths[int(rng.integers(len(paths)))])
    height, width = photo.shape[:2]
    scale = rng.uniform(0.8, 1.5) * (size if of_flag else 640) / max(height, width)
    scale = max(scale, (size + 1) / min(height, width))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    photo = np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=interpolation), np.float32)
    top, left = (int(rng.integers(0, extent - size + 1)) for extent in photo.shape[:2])
    photo = photo[top : top + size, left : left + size]
    return np.ascontiguousarray(photo[:, ::-1] if rng.random() < 0.5 else photo), of_flag


def _choose_size(rng: np.random.Generator, frame: int) -> float:
    chance = rng.random()
    if chance < 0.13:
        return float(rng.uniform(0.8, 2.0) * frame)
    if chance < 0.42:
        return float(np.exp(rng.uniform(np.log(100), np.log(frame * 0.9))))
    return float(np.exp(rng.uniform(np.log(16), np.log(150))))


def _add_flags(canvas: _Canvas, label: str, materials: Materials, rng: np.random.Generator) -> None:
    """One flag, and where it is on a stand now and then a row of others beside it."""
    designs = materials.designs
    design = designs.draw_target(label, rng) if label else designs.draw_other(rng)
    size = _choose_size(rng, canvas.picture.shape[0])
    if design.plain:
        size = max(size, MIN_PLAIN_SIZE)
    flag = make_flag(design, size, materials, rng)
    left, top = _choose_corner(flag, canvas, rng)
    _place(canvas, flag, (left, top), materials, rng)
    if flag.state not in STANDING or rng.random() > IN_COMPANY:
        return
    step = flag.cutout.alpha.shape[1] * rng.uniform(0.7, 1.5) * rng.choice([-1, 1])
    for number in range(1, int(rng.integers(2, 5))):
        name = str(rng.choice(TARGETS)) if rng.random() < 0.12 else ""
        design = designs.draw_target(name, rng) if name else designs.draw_other(rng)
        if design.plain and size < MIN_PLAIN_SIZE:
            continue
        near = make_flag(design, size * rng.uniform(0.85, 1.15), materials, rng, state=flag.state)
        _place(
            canvas, near, (int(left + number * step), int(top + size * rng.normal(0, 0.05))), materials, rng
        )


def _add_crowd(canvas: _Canvas, materials: Materials, rng: np.random.Generator) -> None:
    """Four to nine small flags, most of one kind."""
    size = float(np.exp(rng.uniform(np.log(14), np.log(60))))
    label = str(rng.choice(TARGETS))
    for _ in range(int(rng.integers(4, 10))):
        design = (
            materials.designs.draw_target(label, rng)
            if rng.random() < 0.75
            else materials.designs.draw_other(rng)
        )
        if not design.plain:
            flag = make_flag(design, size * rng.uniform(0.6, 1.4), materials, rng)
            _place(canvas, flag, _choose_corner(flag, canvas, rng), materials, rng)


def _choose_corner(flag: Flag, canvas: _Canvas, rng: np.random.Generator) -> tuple[int, int]:
    """Left and top of the flag; a large one may reach over the picture's edge."""
    frame = canvas.picture.shape[0]
    margin = 0.3 if flag.size > 60 else 0.0
    corner = []
    for extent in flag.cutout.alpha.shape[::-1]:
        if flag.size > frame and extent > frame:
            corner.append(int(rng.uniform(frame - extent, 0)))
        else:
            low = -margin * extent
            corner.append(int(rng.uniform(low, max(frame - (1 - margin) * extent, low + 1))))
    return corner[0], corner[1]


def _place(
    canvas: _Canvas, flag: Flag, corner: tuple[int, int], materials: Materials, rng: np.random.Generator
) -> None:
    """Puts a flag into the picture, unless too little of it or of one behind it would be seen."""
    cutout, frame = flag.cutout, canvas.picture.shape[0]
    window, part = _overlap(corner[::-1], cutout.alpha.shape, canvas.owners.shape)
    alpha = cutout.alpha[part]
    hidden = rng.random() < 0.4 and flag.size > 24
    occluder = draw_occluder(cutout.alpha.shape, materials, rng) if hidden else None
    visible = alpha > 0.5
    if occluder is not None:
        visible &= occluder.alpha[part] < 0.5
    share = visible.sum() / max(float((cutout.alpha > 0.5).sum()), 1)
    if share < (MIN_VISIBLE if flag.size <= frame else 0.12) or visible.sum() < 20:
        return
    if _hides_another(canvas, window, visible):
        return
    view = canvas.picture[window]
    colour = _match_light(cutout.colour[part][..., :3], view, flag.state == "flat", rng)
    if flag.state != "flat" and flag.size > 20 and rng.random() < 0.75:
        _draw_pole(canvas, flag, corner, rng)
    view += alpha[..., None] * (colour - view)
    if occluder is not None:
        view += occluder.alpha[part][..., None] * (occluder.colour[part] - view)
    canvas.owners[window][alpha > 0.5] = 0
    canvas.owners[window][visible] = len(canvas.areas)
    if flag.design.label:
        nominal = float(flag.design.picture[..., 3].mean())
        canvas.emblem[window][visible] = cutout.colour[part][visible, 3] / nominal
    canvas.areas.append(float(visible.sum()))
    canvas.labels.append(flag.design.label or (EITHER if flag.design.plain else OTHER))


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


def _hides_another(canvas: _Canvas, window: tuple[slice, slice], visible: NDArray[np.bool_]) -> bool:
    below = canvas.owners[window][visible]
    for number in np.unique(below[below > 0]):
        left = float((canvas.owners == number).sum() - (below == number).sum())
        if left < 0.5 * canvas.areas[number]:
            return True
    return False


def _match_light(colour: Picture, behind: Picture, flat: bool, rng: np.random.Generator) -> Picture:
    """Lights the flag as its surroundings are lit; on a wall or shirt their relief shows through."""
    if behind.size == 0:
        return colour
    surroundings = behind.reshape(-1, 3).mean(axis=0)
    level = float(np.clip(0.55 + 0.55 * surroundings.mean() / 128, 0.3, 1.25) * rng.uniform(0.7, 1.2))
    cast = 1 + rng.uniform(0, 0.35) * (surroundings / max(float(surroundings.mean()), 1) - 1)
    lit: Picture = colour * (level * cast).astype(np.float32)
    if flat and rng.random() < 0.6:
        grey = behind.mean(axis=2)
        relief = np.clip(grey / (cv2.GaussianBlur(grey, (0, 0), max(2.0, behind.shape[0] / 6)) + 8), 0.4, 1.5)
        lit = lit * relief[..., None]
        if rng.random() < 0.3:
            lit = lit * 0.75 + behind * 0.25  # a projection, or thin paint
    return np.asarray(np.clip(lit, 0, 255), np.float32)


def _draw_pole(canvas: _Canvas, flag: Flag, corner: tuple[int, int], rng: np.random.Generator) -> None:
    """A pole along the hoist, with a knob at its end on stands."""
    upper, lower = flag.cutout.hoist + np.array(corner, np.float32)
    along = lower - upper
    length = float(np.linalg.norm(along))
    if length < 6:
        return
    start, end = upper - along * rng.uniform(0, 0.15), lower + along * rng.uniform(0.1, 1.5)
    thickness = max(1, round(length * rng.uniform(0.015, 0.05)))
    colour = rng.uniform(0.2, 1) * np.array([235, 225, 205]) * rng.uniform(0.8, 1, 3)
    cv2.line(canvas.picture, _point(start), _point(end), colour.tolist(), thickness, cv2.LINE_AA)
    line = np.zeros(canvas.owners.shape, np.uint8)
    cv2.line(line, _point(start), _point(end), 1, thickness)
    if flag.state in STANDING:
        radius = max(1, round(thickness * rng.uniform(0.8, 2)))
        cv2.circle(canvas.picture, _point(start), radius, colour.tolist(), -1, cv2.LINE_AA)
        cv2.circle(line, _point(start), radius, 1, -1)
    canvas.owners[line > 0] = 0


def _point(place: NDArray[np.floating]) -> tuple[int, int]:
    return int(np.clip(place[0], -4000, 4000)), int(np.clip(place[1], -4000, 4000))


def _paste_photo(canvas: _Canvas, materials: Materials, rng: np.random.Generator) -> None:
    """A real photo of another flag, laid into the scene with a soft edge."""
    picture, owners = canvas.picture, canvas.owners
    photo = open_photo(materials.flag_photos[int(rng.integers(len(materials.flag_photos)))])
    frame = picture.shape[0]
    scale = float(np.exp(rng.uniform(np.log(24), np.log(frame * 0.7)))) / max(photo.shape[:2])
    photo = np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
    height, width = photo.shape[:2]
    top, left = (int(rng.uniform(0, max(1, frame - extent))) for extent in (height, width))
    window, part = _overlap((top, left), (height, width), owners.shape)
    if (owners[window] > 0).any():
        return
    owners[window] = len(canvas.areas)
    canvas.areas.append(float(owners[window].size))
    canvas.labels.append(OTHER)
    alpha = np.zeros((height, width), np.float32)
    edge = max(1, round(0.04 * min(height, width)))
    alpha[edge:-edge, edge:-edge] = 1
    soft = np.asarray(cv2.GaussianBlur(alpha, (0, 0), edge), np.float32)[..., None]
    picture[window] += soft[part] * (photo[part] - picture[window])


def _find_flags(canvas: _Canvas) -> list[tuple[str, Box, float]]:
    """Each flag's label, box and share of emblem, without flags of which too little is left."""
    found = []
    for number, label in enumerate(canvas.labels[1:], 1):
        y, x = np.nonzero(canvas.owners == number)
        if len(x) == 0 or max(np.ptp(x), np.ptp(y)) + 1 < MIN_SIDE:
            continue
        box = (float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1))
        found.append((label, box, float(canvas.emblem[y, x].mean())))
    return found
