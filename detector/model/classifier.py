"""Boxes on an image in, what each of them shows out: the second look at what the detector proposes.

Each box is cut out of the image with some of its surroundings, so that a distant flag is seen with all its
pixels and not as small as the detector saw it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.errors import WeightsError
from detector.model.letterbox import PADDING_GREY
from detector.regular import read_regular

Image = NDArray[np.uint8]
Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Crops (n, 3, size, size), RGB in 0..1, in; a probability for each kind (n, kinds) out."""

MIN_SIDE = 4.0  # pixels of a cut square: smaller boxes are cut with more around them
SUREST = 1 - 1e-4  # no network is surer than that
BATCH_CROPS = 8
# How likely anything else is where the mirror image is not asked: 1,016 development boxes were as likely
# something else, and none of these had more than 0.04 after both looks, whatever its mirror image showed.
SURELY_OTHER = 0.9
EITHER = "plain"  # the flags' bands without an emblem: one flag or the other
OTHER = "other"  # anything else


@dataclass(frozen=True, slots=True)
class ClassifierInfo:
    """What a classifier is; read from the section `classifier` of the weights' .toml."""

    path: Path
    sha256: str
    kinds: tuple[str, ...]
    """The classes that are reported, then `EITHER` and `OTHER`."""
    input_size: int
    """Pixels of a crop's side."""
    context: float
    """Side of the square that is cut out, in longer sides of the box."""
    candidate_floor: float
    """Confidence of the detector from which a box is looked at again."""
    joining: tuple[float, float, float]
    """How both looks are joined, see `weigh`: a constant, the detector's weight and the classifier's.

    A logistic regression on the log-odds of both (`training.calibrate` fits it), so that of detections with
    confidence 0.8 about 80 % are right.
    """


def read_classifier_info(
    weights: Path, section: dict[str, Any], class_names: tuple[str, ...]
) -> ClassifierInfo:
    """What the classifier beside the weights is. Raises WeightsError, KeyError, TypeError or ValueError."""
    path = weights.with_name(Path(section["file"]).name)
    try:
        sha256 = hashlib.sha256(read_regular(path)).hexdigest()
    except OSError as error:
        raise WeightsError(
            f"no classifier at {path} ({error.strerror}), which the settings of {weights} name"
        ) from error
    if section["sha256"] != sha256:
        raise WeightsError(f"the settings of {weights} were written for another classifier than {path}")
    return ClassifierInfo(
        path=path,
        sha256=sha256,
        kinds=(*class_names, EITHER, OTHER),
        input_size=int(section["input_size"]),
        context=float(section["context"]),
        candidate_floor=float(section["candidate_floor"]),
        joining=_read_joining(section["joining"]),
    )


def _read_joining(values: list[float]) -> tuple[float, float, float]:
    constant, first, second = values
    return float(constant), float(first), float(second)


class Classifier:
    """A network that tells what a box shows."""

    def __init__(self, info: ClassifierInfo, network: Network, known: Sequence[str] = ()) -> None:
        """``known`` names what the network tells apart; those kinds, if it is left out."""
        self.info = info
        self._network = network
        self._known = tuple(known) or info.kinds

    def classify(self, image: Image, xyxy: NDArray[np.floating]) -> NDArray[np.float32]:
        """The probability of each kind, (n, kinds), for boxes (n, 4) in pixels of an RGB image.

        The mean of each crop and its mirror image, for a flag is also seen from behind; of a crop that surely
        shows something else, of that alone.
        """
        found = [np.empty((0, len(self.info.kinds)), np.float32)]
        for start in range(0, len(xyxy), BATCH_CROPS):
            crops = [
                cut_square(image, box, size=self.info.input_size, context=self.info.context)
                for box in xyxy[start : start + BATCH_CROPS]
            ]
            images = np.asarray(cv2.dnn.blobFromImages(crops, 1 / 255), np.float32)
            kinds = self._ask(images)
            unsure = kinds[:, -1] < SURELY_OTHER
            if unsure.any():
                kinds[unsure] = (kinds[unsure] + self._ask(images[unsure][..., ::-1])) / 2
            found.append(kinds)
        return np.concatenate(found)

    def _ask(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        seen = self._network(np.ascontiguousarray(images))
        expected = (len(images), len(self._known))
        if seen.shape != expected:
            raise WeightsError(f"{self.info.path} gives {seen.shape}, not {expected}")
        return fold_kinds(seen, self._known, self.info.kinds)


def fold_kinds(
    probabilities: NDArray[np.floating], known: Sequence[str], kinds: Sequence[str]
) -> NDArray[np.float32]:
    """The probabilities (n, known) of the kinds that count (n, kinds); all others count as the last."""
    columns = [known.index(kind) for kind in kinds]
    folded = probabilities[:, columns].astype(np.float32)
    rest = [number for number, name in enumerate(known) if name not in kinds]
    folded[:, -1] += probabilities[:, rest].sum(axis=1)
    return folded


def cut_square(image: Image, box: NDArray[np.floating], *, size: int, context: float) -> Image:
    """The square (size, size, 3) around a box, its side `context` times the box's longer side.

    What lies outside the image is grey.
    """
    left, top, right, bottom = (float(edge) for edge in box)
    side = max(right - left, bottom - top, MIN_SIDE) * context
    x, y = math.floor((left + right - side) / 2), math.floor((top + bottom - side) / 2)
    side = math.ceil(side)
    height, width = image.shape[:2]
    part = image[max(y, 0) : max(min(y + side, height), 0), max(x, 0) : max(min(x + side, width), 0)]
    square: Image = np.full((size, size, 3), PADDING_GREY, np.uint8)
    if part.size == 0:
        return square
    scale = size / side
    column, row = round(max(-x, 0) * scale), round(max(-y, 0) * scale)
    columns, rows = (max(round(extent * scale), 1) for extent in part.shape[1::-1])
    row, column = min(row, size - 1), min(column, size - 1)
    rows, columns = min(rows, size - row), min(columns, size - column)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    square[row : row + rows, column : column + columns] = cv2.resize(part, (columns, rows), interpolation=how)
    return square


def weigh(
    confidence: NDArray[np.floating], kinds: NDArray[np.floating], joining: tuple[float, float, float]
) -> NDArray[np.float32]:
    """The confidence in each class (n, classes), from the detector's (n,) and the classifier's (n, kinds).

    How likely a target flag is here comes from both looks, which of them it is from the second alone.
    """
    constant, first, second = joining
    odds = constant + first * log_odds(confidence) + second * log_odds(1 - kinds[:, -1])
    return np.asarray(split_kinds(kinds) / (1 + np.exp(-odds))[:, None], np.float32)


def split_kinds(kinds: NDArray[np.floating]) -> NDArray[np.floating]:
    """How likely each class is (n, classes) if it is one of them, of the kinds' probabilities (n, kinds).

    Bands without emblem count half for each class, so that they end as ambiguous.
    """
    classes = kinds[:, :-2] + kinds[:, -2:-1] / 2
    split: NDArray[np.floating] = classes / np.maximum(classes.sum(axis=1, keepdims=True), 1 - SUREST)
    return split


def log_odds(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """Of probabilities of any shape; those beyond `SUREST` count as that."""
    sure = np.clip(probability, 1 - SUREST, SUREST)
    return np.asarray(np.log(sure / (1 - sure)), np.float64)
