"""Cloth of real flags cut from photos in, flags ready to be put into another picture out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.training.drawing.render import Cutout

HELD_OUT_EVERY = 10
MAX_TURN = 0.12  # radians, one standard deviation


@dataclass(frozen=True, slots=True)
class RealCloth:
    """A flag as a photo shows it, without what is around it."""

    label: str
    """A target, or the bands without emblem."""
    rgba: NDArray[np.uint8]
    """``(height, width, 4)``."""
    emblem: NDArray[np.uint8]
    """``(height, width)``: 255 where the emblem is seen."""


def lay_cloth(cloth: RealCloth, size: float, rng: np.random.Generator) -> Cutout:
    """The cloth, its longer side ``size`` pixels, turned a little, stretched and mirrored by chance."""
    scale = size / max(cloth.emblem.shape)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    stretch = np.exp(rng.normal(0, 0.08))
    rows, columns = cloth.emblem.shape
    target = max(3, round(columns * stretch * scale)), max(3, round(rows * scale))
    colour, emblem = (cv2.resize(one, target, interpolation=how) for one in (cloth.rgba, cloth.emblem))
    height, width = emblem.shape
    angle = np.degrees(rng.normal(0, MAX_TURN))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(angle), 1)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    extent = int(np.ceil(width * cos + height * sin)), int(np.ceil(width * sin + height * cos))
    matrix[:, 2] += (extent[0] - width) / 2, (extent[1] - height) / 2
    turned = np.dstack([cv2.warpAffine(one, matrix, extent) for one in (colour, emblem)])
    if rng.random() < 0.5:
        turned = turned[:, ::-1]
    shown = np.ascontiguousarray(turned[..., [0, 1, 2, 4]]).astype(np.float32)
    alpha = np.asarray(turned[..., 3] / 255, np.float32)
    return Cutout(shown, alpha, np.zeros((2, 2), np.float32))


def save_cloths(path: Path, cloths: Iterable[RealCloth]) -> int:
    """Stores cloth in one file; returns how many."""
    stored = {}
    for number, one in enumerate(cloths):
        stored[f"{number:05d}-{one.label}"] = np.dstack([one.rgba, one.emblem])
    np.savez_compressed(path, allow_pickle=False, **stored)
    return len(stored)


def load_cloths(path: Path, split: str) -> Mapping[str, Sequence[RealCloth]]:
    """The cloth of a split, ``train`` or another, by label."""
    cloths: dict[str, list[RealCloth]] = {}
    with np.load(path) as stored:
        for number, name in enumerate(sorted(stored.files)):
            if (number % HELD_OUT_EVERY > 0) == (split == "train"):
                layers, label = stored[name], name.partition("-")[2]
                one = RealCloth(label, np.ascontiguousarray(layers[..., :4]), layers[..., 4].copy())
                cloths.setdefault(label, []).append(one)
    return cloths
