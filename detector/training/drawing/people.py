"""Photos in, people cut out of them out: to stand before flags as people do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.offline import import_ultralytics
from detector.training.drawing.render import Cutout

HELD_OUT_EVERY = 10
MAX_HEIGHT = 320  # pixels of a stored cut-out
GRABCUT_ROUNDS = 3
PERSON = 0  # class of COCO
MIN_HEIGHT = 100  # pixels: smaller people are too coarse
MIN_SHARE, MAX_SHARE = 0.2, 0.75  # of the box that the person fills; else the cut has failed


def cut_person(photo: NDArray[np.uint8], box: NDArray[np.floating]) -> Cutout:
    """Separates a person in a box x1, y1, x2, y2 from the photo (GrabCut; Rother and others 2004)."""
    left, top, right, bottom = (round(float(edge)) for edge in box)
    border = max(4, round(0.12 * max(right - left, bottom - top)))
    x, y = max(0, left - border), max(0, top - border)
    piece = photo[y : bottom + border, x : right + border]
    scale = min(1.0, MAX_HEIGHT / max(piece.shape[:2]))
    piece = np.asarray(cv2.resize(piece, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    inner = [max(1, round(edge * scale)) for edge in (left - x, top - y, right - left, bottom - top)]
    mask = np.zeros(piece.shape[:2], np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(piece, mask, inner, *models, GRABCUT_ROUNDS, cv2.GC_INIT_WITH_RECT)
    sure = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8)
    sure = cv2.morphologyEx(sure, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    alpha = cv2.GaussianBlur(sure.astype(np.float32), (0, 0), 0.8)
    return Cutout(piece.astype(np.float32), np.asarray(alpha, np.float32), np.zeros((2, 2), np.float32))


def cut_folder(folder: Path, weights: str) -> Iterator[Cutout]:
    """People found in a folder's photos by a COCO detector (a file, or a public name of ultralytics)."""
    detector = import_ultralytics().YOLO(weights)
    for path in sorted(folder.iterdir()):
        photo = cv2.imread(str(path))
        if photo is None:
            continue
        boxes = detector.predict(photo, classes=[PERSON], conf=0.5, imgsz=512, verbose=False)[
            0
        ].boxes.xyxy.numpy()
        for box in boxes[:3]:
            if box[3] - box[1] >= MIN_HEIGHT:
                cutout = cut_person(np.ascontiguousarray(photo[..., ::-1]).astype(np.uint8), box)
                if MIN_SHARE < float(cutout.alpha.mean()) < MAX_SHARE:
                    yield cutout


def save_cutouts(path: Path, cutouts: Iterable[Cutout]) -> None:
    """Stores cut-outs as RGBA pictures in one file."""
    stored = {}
    for number, cutout in enumerate(cutouts):
        rgba = np.dstack([cutout.colour, cutout.alpha * 255]).round().astype(np.uint8)
        stored[f"{number:05d}"] = rgba
    np.savez_compressed(path, allow_pickle=False, **stored)


def load_cutouts(path: Path, split: str) -> Sequence[Cutout]:
    """The cut-outs of a split, ``train`` or another."""
    cutouts = []
    with np.load(path) as stored:
        for number, name in enumerate(sorted(stored.files)):
            if (number % HELD_OUT_EVERY > 0) == (split == "train"):
                rgba = stored[name].astype(np.float32)
                cutouts.append(Cutout(rgba[..., :3], rgba[..., 3] / 255, np.zeros((2, 2), np.float32)))
    return cutouts
