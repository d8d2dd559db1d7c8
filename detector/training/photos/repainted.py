"""Photos of Azerbaijani flags in, the same photos with Kanak flags or bands without emblem out."""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.model import EITHER
from detector.training.drawing import TARGETS, draw_artwork
from detector.training.photos.cloth import Cloth, find_cloth
from detector.training.photos.recolour import repaint
from detector.training.photos.truth import OTHERS_TABLE, Photo

AZERBAIJAN, KANAK = TARGETS
BLUES = ((0, 53, 173), (10, 40, 120), (20, 80, 190), (0, 85, 165))
UNFIT = ("portrait", "print", "face paint", "standard", "facade", "paper", "picture", "screen", "wall")
DISC_SIDE = 340  # pixels of the disc that is laid on cloth
QUALITY = 96  # of JPEG
FIELDS = ("file", "class", "x1", "y1", "x2", "y2", "note")

Image = NDArray[np.uint8]
Row = tuple[str | float, ...]


def repaint_photos(
    photos: Sequence[Photo], artwork: Path, out: Path, *, rejected: Collection[str] = ()
) -> int:
    """Writes folders ``kanak`` and ``plain`` with ``labels.csv`` and ``labels_other.csv``; returns how many.

    A box is repainted where its cloth is clear, its emblem found, and no note speaks against it. ``rejected``
    names boxes (``FILE:NUMBER``) that a person has looked at and found wrong.
    """
    disc = draw_disc(artwork)
    out.mkdir(parents=True, exist_ok=True)
    targets: list[Row] = []
    others: list[Row] = []
    for number, photo in enumerate(photos):
        image = _read(photo.path)
        cloths = [
            _choose_cloth(image, photo, box, rejected) if label == AZERBAIJAN else None
            for box, label in enumerate(photo.labels)
        ]
        for kind in (KANAK, EITHER):
            blue = BLUES[number % len(BLUES)] if kind == KANAK or number % 2 else None
            changed = image.copy()
            kinds = [
                kind if cloth and repaint(changed, cloth, blue, disc if kind == KANAK else None) else label
                for cloth, label in zip(cloths, photo.labels, strict=True)
            ]
            if kind not in kinds:
                continue
            name = f"{kind}/{photo.path.stem}.jpg"
            (out / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(out / name), changed[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            for label, note, box in zip(kinds, photo.notes, photo.xyxy, strict=True):
                (others if label == EITHER else targets).append((name, label, *box.tolist(), note))
            others += [(name, *row, "") for row in _list_others(photo)]
    for table, rows in (("labels.csv", targets), (OTHERS_TABLE, others)):
        with (out / table).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([FIELDS, *rows])
    return len({row[0] for row in targets + others})


def draw_disc(artwork: Path) -> Image:
    """The Kanak emblem (side, side, 4), opaque where the disc is; a third from the hoist on the flag."""
    height = round(DISC_SIDE * 1.5)
    flag = draw_artwork(artwork / f"{KANAK}.svg", height)
    radius, middle = DISC_SIDE // 2, (height // 2, 2 * height // 3)
    part = flag[middle[0] - radius : middle[0] + radius, middle[1] - radius : middle[1] + radius]
    alpha = np.zeros(part.shape[:2], np.uint8)
    cv2.circle(alpha, (radius, radius), radius - 2, 255, -1, cv2.LINE_AA)
    return np.dstack([part, alpha])


def _choose_cloth(image: Image, photo: Photo, box: int, rejected: Collection[str]) -> Cloth | None:
    unfit = any(word in photo.notes[box] for word in UNFIT) or f"{photo.path.name}:{box}" in rejected
    cloth = None if unfit else find_cloth(image, photo.xyxy[box])
    return cloth if cloth and cloth.is_clear and cloth.emblem.any() else None


def _list_others(photo: Photo) -> list[Row]:
    pairs = zip(photo.other_labels, photo.other_xyxy, strict=True)
    return [(label, *(float(edge) for edge in box)) for label, box in pairs]


def _read(path: Path) -> Image:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path} is not a picture")
    return np.ascontiguousarray(image[..., ::-1]).astype(np.uint8)
