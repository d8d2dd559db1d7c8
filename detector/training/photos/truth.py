"""Folders of photos in, what a person says is in them out."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.errors import UsageError
from detector.model import EITHER, OTHER

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
OTHERS_TABLE = "labels_other.csv"
GENERATED = "generated"  # kind of pictures of a data set


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo and its boxes; none for a negative."""

    path: Path
    kind: str
    """The folder it lies in: ``azerbaijan``, ``other_flags`` ..."""
    labels: tuple[str, ...]
    xyxy: NDArray[np.float32]
    """``(n, 4)`` pixels."""
    other_labels: tuple[str, ...] = ()
    """Of flags that are no target, where known: ``plain`` or ``other``, see `classifier`."""
    other_xyxy: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 4), np.float32))
    """``(n, 4)`` pixels."""
    notes: tuple[str, ...] = ()
    """What a person wrote down beside each of ``labels``; none where nobody did."""

    @property
    def source(self) -> str:
        """Where the photo is from: what stands before ``__`` in its name, or its kind."""
        source, found, _ = self.path.name.removeprefix("repaint__").partition("__")
        return source if found else self.kind


def read_photos(folder: Path) -> list[Photo]:
    """Photos of a folder of folders; boxes from its ``labels*.csv`` (file, class, x1, y1, x2, y2, note).

    What ``labels_other.csv`` names are flags that are no target, whichever they are, or ``plain``. Raises
    UsageError where there is none.
    """
    boxes: dict[str, list[tuple[str, Sequence[float]]]] = {}
    others: dict[str, list[tuple[str, Sequence[float]]]] = {}
    notes: dict[str, list[str]] = {}
    for table in sorted(folder.glob("labels*.csv")):
        with table.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                box = [float(row[key]) for key in ("x1", "y1", "x2", "y2")]
                if table.name == OTHERS_TABLE:
                    kind = EITHER if row["class"] == EITHER else OTHER
                    others.setdefault(row["file"], []).append((kind, box))
                else:
                    boxes.setdefault(row["file"], []).append((row["class"], box))
                    notes.setdefault(row["file"], []).append(row.get("note") or "")
    photos = []
    for path in sorted(folder.glob("*/*")):
        if path.suffix.lower() in PHOTO_SUFFIXES:
            name = f"{path.parent.name}/{path.name}"
            photo = _make_photo(path, path.parent.name, boxes.get(name, []))
            more = _make_photo(path, "", others.get(name, []))
            known = tuple(notes.get(name, []))
            photos.append(replace(photo, other_labels=more.labels, other_xyxy=more.xyxy, notes=known))
    if not photos:
        raise UsageError(f"no photos in {folder}: they are looked for in the folders in it")
    return photos


def read_split(folder: Path, split: str, class_names: Sequence[str]) -> list[Photo]:
    """Pictures of one split of a data set in YOLO's layout; kind is `GENERATED`.

    Raises UsageError where there is none, or one that cannot be read.
    """
    photos = []
    for path in sorted((folder / "images" / split).glob("*.jpg")):
        image = cv2.imread(str(path))
        if image is None:
            raise UsageError(f"{path} is not a picture")
        names = (*class_names, EITHER, OTHER)
        photo = _make_photo(path, GENERATED, _read_boxes(folder / "labels" / split, image, path, names))
        others = _make_photo(path, "", _read_boxes(folder / "others" / split, image, path, names))
        photos.append(replace(photo, other_labels=others.labels, other_xyxy=others.xyxy))
    if not photos:
        raise UsageError(f"no pictures in {folder / 'images' / split}")
    return photos


def _read_boxes(
    folder: Path, image: NDArray[np.generic], path: Path, names: Sequence[str]
) -> list[tuple[str, Sequence[float]]]:
    """Labels and boxes of a picture; none where the folder has no file for it."""
    file = folder / f"{path.stem}.txt"
    height, width = image.shape[:2]
    boxes: list[tuple[str, Sequence[float]]] = []
    for line in file.read_text(encoding="ascii").splitlines() if file.exists() else []:
        number, *shares = line.split()
        x, y, w, h = (float(share) for share in shares)
        box = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]
        boxes.append((names[int(number)], box))
    return boxes


def _make_photo(path: Path, kind: str, boxes: Sequence[tuple[str, Sequence[float]]]) -> Photo:
    xyxy = np.array([box for _, box in boxes], np.float32).reshape(-1, 4)
    return Photo(path, kind, tuple(label for label, _ in boxes), xyxy)
