"""A model and photos held out from its training in, what confidences mean out: the numbers of flags.toml."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from scipy.optimize import minimize

from detector.classifier import log_odds, share_plain
from detector.frames import read_image
from detector.model import NMS_IOU, NetworkModel, TwoLooks, suppress
from detector.training.evaluate import MATCH_IOU, Seen, class_ids, confidences, match_boxes
from detector.training.truth import Photo

MAX_HITS = 0.008  # of negative photos


def fit_joining(model: NetworkModel, photos: Sequence[Photo]) -> tuple[float, float, float]:
    """A constant and the weights of both looks' log-odds, so that confidences are shares of right detections.

    Logistic regression (Platt 1999) over what is left when boxes on the same place are suppressed.
    """
    pairs = []
    for photo in photos:
        (look,) = model.look_twice([read_image(photo.path)])
        kept = suppress(look.xyxy, look.confidence * (1 - look.kinds[:, -1]), NMS_IOU)
        pairs.append(_judge(look, kept, photo, model.info.class_names))
    odds, right = (np.concatenate(column) for column in zip(*pairs, strict=True))
    if not 0 < right.sum() < len(right):
        raise ValueError("to calibrate, photos with flags and without are needed")
    inputs = np.column_stack([np.ones(len(odds)), odds])

    def cost(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        believed = inputs @ weights
        loss = np.logaddexp(0, believed) - right * believed
        return float(loss.mean()), inputs.T @ (1 / (1 + np.exp(-believed)) - right) / len(right)

    constant, first, second = minimize(cost, np.array([0, 0.5, 0.5]), jac=True).x
    return float(constant), float(first), float(second)


def _judge(
    look: TwoLooks, kept: NDArray[np.bool_], photo: Photo, class_names: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Log-odds of both looks (n, 2) in the class they favour, and which boxes are right (n,)."""
    classes = share_plain(look.kinds[kept])
    favoured, boxes = classes.argmax(axis=1), look.xyxy[kept]
    labels = np.array([class_names.index(label) for label in photo.labels], int)
    overlap = np.zeros((len(boxes), 0))
    if len(boxes) and len(labels):
        overlap = np.where(favoured[:, None] == labels, sv.box_iou_batch(boxes, photo.xyxy), 0)
    right = overlap.max(axis=1, initial=0) >= MATCH_IOU
    both = [look.confidence[kept], classes[np.arange(len(favoured)), favoured]]
    return np.column_stack([log_odds(one) for one in both]), right


def choose_thresholds(
    seen: Sequence[Seen], class_names: Sequence[str], *, max_hits: float = MAX_HITS
) -> list[float]:
    """For each class the best F2 over boxes, where at most ``max_hits`` of negative photos are hit.

    F2 counts a miss for more than a false hit (van Rijsbergen 1979): a person looks at what is reported, at
    what is not nobody does.

    Real photos decide about hits where there are any: generated negatives are harder than life.
    """
    chosen = []
    grid = np.round(np.arange(0.1, 0.91, 0.01), 2)
    negatives = [one for one in seen if not one.photo.labels]
    negatives = [one for one in negatives if one.photo.kind != "generated"] or negatives
    for number, label in enumerate(class_names):
        worst = np.array([confidences(one)[class_ids(one) == number].max(initial=0) for one in negatives])
        found, wrong, total = match_boxes(seen, number, label)
        best, best_score = float(grid[-1]), -1.0
        for threshold in grid:
            true, false = int((found >= threshold).sum()), int((wrong >= threshold).sum())
            score = 5 * true / max(4 * total + true + false, 1)
            allowed = len(worst) == 0 or float((worst >= threshold).mean()) <= max_hits
            if allowed and score > best_score:
                best, best_score = float(threshold), score
        chosen.append(best)
    return chosen
