"""A real photo with its boxes in, square training pieces out: at any scale, from any side, boxes with them.

A photo is seen whole now and then; else a flag in it is made to span anything from a few pixels to more than
the piece, and the piece is cut so that flags are cut off as they are in life.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.model import PADDING_GREY
from detector.training.drawing import degrade_picture
from detector.training.photos.truth import Photo

MAX_ENLARGED = 2.5  # times: more shows only blur
WHOLE = 0.3  # share of pieces that show the whole photo
TRIES = 8
SEEN = 0.3  # of a box inside the piece, from which it is a flag
SCRAP = 4  # pixels of both sides of what is left of a box, from which it may be taken for one
LARGE = 72  # pixels of what is left of a box, from which less of it will do
LARGE_SEEN = 0.1
CORNERS = 0.9  # how far out from the middle of a box its cloth reaches at the corners
MIN_SIDE = 6  # pixels of a box's longer side

Image = NDArray[np.uint8]
Boxes = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Piece:
    """A training picture and its truth."""

    image: Image
    """``(size, size, 3)`` RGB."""
    labels: tuple[str, ...]
    """Of `designs.KINDS`."""
    xyxy: Boxes
    """``(n, 4)`` pixels."""


def cut_piece(image: Image, photo: Photo, size: int, rng: np.random.Generator) -> Piece:
    """A piece of a photo by chance; where no clean cut is found, what is half a flag is painted over."""
    labels = (*photo.labels, *photo.other_labels)
    truth = np.vstack([photo.xyxy, photo.other_xyxy]).astype(np.float32)
    crowd = any("crowd" in note for note in photo.notes)
    for _ in range(TRIES):
        matrix = _aim(image.shape, truth, size, crowd, rng)
        boxes, seen = _move(truth, matrix, size)
        remaining = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf)
        doubtful = ~_are_shown(boxes, seen) & (remaining >= SCRAP)
        if not doubtful.any():
            break
    picture = _warp(image, matrix, size)
    for left, top, right, bottom in boxes[doubtful].astype(int):
        picture[top : bottom + 1, left : right + 1] = PADDING_GREY
    shown = _are_shown(boxes, seen)
    names = tuple(label for label, there in zip(labels, shown, strict=True) if there)
    return Piece(degrade_picture(picture.astype(np.float32), rng), names, boxes[shown])


def _aim(
    shape: tuple[int, ...], truth: Boxes, size: int, crowd: bool, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The projection (3, 3) of the photo into the piece."""
    height, width = shape[:2]
    if len(truth) and (crowd or rng.random() > WHOLE):
        box = truth[int(rng.integers(len(truth)))]
        extent = float((box[2:] - box[:2]).max())
        low, high = (0.3, 1.3) if crowd else (14 / size, 1.5)  # a crowd's distant flags have no boxes
        scale = size * np.exp(rng.uniform(np.log(low), np.log(high))) / extent
        scale = float(np.clip(scale, 0.45 * size / max(height, width), MAX_ENLARGED))
        centre = (box[:2] + box[2:]) / 2 + rng.uniform(-0.5, 0.5, 2) * (box[2:] - box[:2]) * 0.9
        aimed = rng.uniform(0.1, 0.9, 2) * size
    else:
        scale = rng.uniform(0.75, 1.6) * size / max(height, width)
        scale = min(scale, MAX_ENLARGED)
        centre = np.array([width, height]) / 2
        slack = np.maximum(np.array([width, height]) * scale - size, 0) / 2 + 0.04 * size
        aimed = size / 2 + rng.uniform(-1, 1, 2) * slack
    aimed = _keep_inside(aimed, centre, scale, (width, height), size)
    angle = float(rng.normal(0, 0.05)) if rng.random() < 0.5 else 0.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
    turn = turn @ np.diag(np.exp(rng.normal(0, 0.05, 2)))
    if rng.random() < 0.5:
        turn = np.diag([-1.0, 1.0]) @ turn
        aimed = np.array([size - aimed[0], aimed[1]])
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = turn, aimed - turn @ centre
    if rng.random() < 0.35:
        tilt = np.eye(3)
        tilt[2, :2] = rng.normal(0, 0.12, 2) / size
        middle = np.array([[1, 0, size / 2], [0, 1, size / 2], [0, 0, 1]])
        matrix = middle @ tilt @ np.linalg.inv(middle) @ matrix
    return matrix


def _keep_inside(
    aimed: NDArray[np.float64],
    centre: NDArray[np.floating],
    scale: float,
    extent: tuple[int, int],
    size: int,
) -> NDArray[np.float64]:
    """Where the centre comes to lie so that the photo, if large enough, fills the piece, else lies in it."""
    start, end = -centre * scale, (np.array(extent) - centre) * scale
    low, high = np.minimum(size - end, -start), np.maximum(size - end, -start)
    return np.clip(aimed, low, high)


def _move(truth: Boxes, matrix: NDArray[np.float64], size: int) -> tuple[Boxes, NDArray[np.float64]]:
    """The boxes inside the piece (n, 4) and which share of each that is (n,).

    They are cut in the photo first: what lies far outside a tilted piece would be thrown back into it.
    """
    if not len(truth):
        return truth, np.zeros(0)
    corners = np.array([[[0, 0], [size, 0], [size, size], [0, size]]], np.float64)
    seen_from = cv2.perspectiveTransform(corners, np.linalg.inv(matrix))[0]
    inside = truth.clip(np.tile(seen_from.min(axis=0), 2), np.tile(seen_from.max(axis=0), 2))
    shares = np.prod(inside[:, 2:] - inside[:, :2], axis=1) / np.prod(truth[:, 2:] - truth[:, :2], axis=1)
    middle, half = (inside[:, :2] + inside[:, 2:]) / 2, (inside[:, 2:] - inside[:, :2]) / 2
    around = [(x * CORNERS, y * CORNERS) for x in (-1, 1) for y in (-1, 1)]
    around += [(-1, 0), (1, 0), (0, -1), (0, 1)]
    points = np.stack([middle + half * np.array(offset) for offset in around], axis=1)
    moved = cv2.perspectiveTransform(points.reshape(-1, 1, 2).astype(np.float64), matrix)
    moved = moved.reshape(len(truth), -1, 2).clip(0, size)
    return np.hstack([moved.min(axis=1), moved.max(axis=1)]).astype(np.float32), shares


def _are_shown(boxes: Boxes, seen: NDArray[np.float64]) -> NDArray[np.bool_]:
    sides = boxes[:, 2:] - boxes[:, :2]
    large = (seen >= LARGE_SEEN) & (sides.min(axis=1, initial=1e9) >= LARGE)
    shown: NDArray[np.bool_] = ((seen >= SEEN) | large) & (sides.max(axis=1, initial=0) >= MIN_SIDE)
    return shown


def _warp(image: Image, matrix: NDArray[np.float64], size: int) -> Image:
    """The piece; what lies outside the photo is grey. Shrunk by area first, so that nothing flickers."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    if scale < 1:
        height, width = image.shape[:2]
        wanted = max(round(width * scale), 1), max(round(height * scale), 1)
        image = np.asarray(cv2.resize(image, wanted, interpolation=cv2.INTER_AREA), np.uint8)
        matrix = matrix @ np.diag([width / wanted[0], height / wanted[1], 1])
    grey = (PADDING_GREY,) * 3
    warped = cv2.warpPerspective(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=grey)
    return np.asarray(warped, np.uint8)


def frame_single(photo: Photo, shape: tuple[int, ...], label: str) -> Photo:
    """A photo of a single flag, which fills it, with that as its box."""
    box = np.array([[0, 0, shape[1], shape[0]]], np.float32)
    return replace(photo, other_labels=(label,), other_xyxy=box)


def pick_photos(photos: Sequence[Photo], rng: np.random.Generator, share: float) -> list[Photo]:
    """Photos in random order, that share of them."""
    order = rng.permutation(len(photos))[: max(1, round(share * len(photos)))]
    return [photos[int(number)] for number in order]
