"""A model and photos held out from its training in, what confidences mean out: the numbers of flags.toml."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from detector.frames import read_image
from detector.model import (
    EITHER,
    NMS_IOU,
    NetworkModel,
    TwoLooks,
    are_ambiguous,
    find_leads,
    log_odds,
    split_kinds,
    suppress,
)
from detector.training.measuring.evaluate import (
    MATCH_IOU,
    Seen,
    class_ids,
    confidences,
    find_on_truth,
    find_truth,
    is_ambiguous,
    overlap_truth,
    rival_confidences,
)
from detector.training.photos import GENERATED, Photo

PREVALENCE = 0.2  # of photos with a target flag, for which confidences and thresholds are made
MIN_RIGHT = 0.4  # of detections at the threshold: a miss counts half as much again as a false one
MAX_HITS = 0.008  # of negative photos
MAX_NAMED = 0.02  # of bands without emblem
MAX_DOUBTED = 0.15  # of flags that are found, some of which hide their emblem
APART_IOU = 0.15  # below it a box is not on the flag at all


def fit_joining(unseen: Sequence[tuple[NetworkModel, Sequence[Photo]]]) -> tuple[float, float, float]:
    """A constant and the weights of both looks' log-odds, so that confidences are shares of right detections.

    Each model looks at its own photos, unseen in training. Logistic regression (Platt 1999) over what is
    left when boxes on the same place are suppressed.
    """
    pairs = []
    for model, photo in ((model, photo) for model, photos in unseen for photo in photos):
        (look,) = model.look_twice([read_image(photo.path)])
        kept = suppress(look.xyxy, look.confidence * (1 - look.kinds[:, -1]), NMS_IOU)
        kept &= look.kinds.argmax(axis=1) != len(model.info.class_names)  # bands without emblem: ambiguous
        pairs.append(_judge(look, kept, photo, model.info.class_names))
    odds, right = (np.concatenate(column) for column in zip(*pairs, strict=True))
    shares = np.repeat(
        _weigh([photo for _, photos in unseen for photo in photos]), [len(one) for one, _ in pairs]
    )
    if not 0 < right.sum() < len(right):
        raise ValueError("to calibrate, photos with flags and without are needed")
    constant, first, second = _fit_logistic(odds, right, shares, start=[0, 0.5, 0.5])
    return constant, first, second


def _fit_logistic(
    odds: NDArray[np.float64],
    right: NDArray[np.bool_],
    shares: NDArray[np.float64],
    *,
    start: Sequence[float],
) -> list[float]:
    """A constant and a weight for each column of log-odds (n, columns); rows count by their share (n,)."""
    inputs = np.column_stack([np.ones(len(odds)), odds])

    def cost(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        believed = inputs @ weights
        loss = np.logaddexp(0, believed) - right * believed
        wrong_by = expit(believed) - right
        return float((shares * loss).mean()), inputs.T @ (shares * wrong_by) / len(right)

    return [float(weight) for weight in minimize(cost, np.array(start), jac=True).x]


def _weigh(photos: Sequence[Photo]) -> NDArray[np.float64]:
    """How much each photo counts (n,), so that `PREVALENCE` of all have a flag.

    Real photos with a flag count as much, together, as generated pictures with one; those without likewise.
    """
    holds = np.array([bool(photo.labels) for photo in photos])
    real = np.array([photo.kind != GENERATED for photo in photos])
    weights = np.zeros(len(photos))
    for chosen, share in ((holds, PREVALENCE), (~holds, 1 - PREVALENCE)):
        groups = [group for group in (chosen & real, chosen & ~real) if group.any()]
        for group in groups:
            weights[group] = share / len(groups) / group.sum()
    return np.asarray(weights * holds.sum() / PREVALENCE, np.float64)


def _judge(
    look: TwoLooks, kept: NDArray[np.bool_], photo: Photo, class_names: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Log-odds of a target flag in both looks (n, 2); which boxes are right in the class favoured (n,)."""
    favoured, boxes = split_kinds(look.kinds[kept]).argmax(axis=1), look.xyxy[kept]
    labels = np.array([class_names.index(label) for label in photo.labels], int)
    overlap = np.zeros((len(boxes), 0))
    if len(boxes) and len(labels):
        overlap = np.where(favoured[:, None] == labels, sv.box_iou_batch(boxes, photo.xyxy), 0)
    right = overlap.max(axis=1, initial=0) >= MATCH_IOU
    both = [look.confidence[kept], 1 - look.kinds[kept, -1]]
    return np.column_stack([log_odds(one) for one in both]), right


def choose_margin(seen: Sequence[Seen], class_names: Sequence[str]) -> float:
    """By which share of both a detection must lead its rival to be one flag and not ambiguous.

    The smallest margin with which at most ``MAX_NAMED`` of the bands without emblem are named as a flag,
    unless more than ``MAX_DOUBTED`` of the flags that are found would then be ambiguous: the largest that
    leaves those. Real photos and generated pictures count alike.
    """
    grid = np.round(np.arange(0.1, 0.96, 0.01), 2)
    named, doubted = [], []
    for made in (True, False):
        judged = [_judge_leads(one, class_names) for one in seen if (one.photo.kind == GENERATED) == made]
        of_bands, of_flags = (np.concatenate([np.zeros(0), *(one[k] for one in judged)]) for k in (0, 1))
        named += [(of_bands[:, None] >= grid).mean(axis=0)] if len(of_bands) else []
        doubted += [(of_flags[:, None] < grid).mean(axis=0)] if len(of_flags) else []
    enough = grid[np.mean(named, axis=0) <= MAX_NAMED] if named else grid
    harmless = grid[np.mean(doubted, axis=0) <= MAX_DOUBTED] if doubted else grid
    return float(min(enough.min(initial=1), harmless.max(initial=grid[0])))


def _judge_leads(one: Seen, class_names: Sequence[str]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """By which share detections lead their rivals: those on bands without emblem (0 where there is none), and
    those that name a flag rightly."""
    lead = np.append(find_leads(confidences(one), rival_confidences(one)), 0)
    names = [*(class_names[number] for number in class_ids(one)), ""]
    on_truth = find_on_truth(overlap_truth(one))
    labels = (*one.photo.labels, *one.photo.other_labels)
    of_bands = [n for n, label in zip(on_truth, labels, strict=True) if label == EITHER]
    right = [n for n, label in zip(on_truth, labels, strict=True) if label == names[n]]
    return lead[of_bands], lead[right]


def judge_anew(seen: Sequence[Seen], margin: float) -> list[Seen]:
    """The same with what is ambiguous at another margin."""
    changed = []
    for one in seen:
        detections = copy(one.detections)
        ambiguous = are_ambiguous(confidences(one), rival_confidences(one), margin)
        detections.data = detections.data | {"ambiguous": ambiguous}
        changed.append(replace(one, detections=detections))
    return changed


def choose_thresholds(
    seen: Sequence[Seen], class_names: Sequence[str], *, max_hits: float = MAX_HITS
) -> list[float]:
    """For each class the confidence from which at least ``MIN_RIGHT`` of detections are on such a flag.

    By logistic regression over all classes, whose confidences mean the same, where ``PREVALENCE`` of photos
    have a flag; or the confidence from which at most ``max_hits`` of negative photos are hit, if that is
    higher. Real photos decide about hits where there are any: made ones are harder than life.
    """
    negatives = [one for one in seen if not one.photo.labels and EITHER not in one.photo.other_labels]
    negatives = [one for one in negatives if one.photo.kind != GENERATED] or negatives
    judged = [_judge_detections(one, *each) for each in enumerate(class_names) for one in seen]
    values, right = (np.concatenate(column) for column in zip(*judged, strict=True))
    weights = np.tile(_weigh([one.photo for one in seen]), len(class_names))
    counts = np.repeat(weights, [len(one) for one, _ in judged])
    likely = 0.0
    if 0 < right.sum() < len(right):
        constant, weight = _fit_logistic(log_odds(values)[:, None], right, counts, start=[0, 1])
        likely = float(expit((log_odds(np.array(MIN_RIGHT)) - constant) / max(weight, 0.1)))
    grid = np.round(np.arange(0.1, 0.91, 0.01), 2)
    chosen = []
    for number in range(len(class_names)):
        worst = np.array([confidences(one)[class_ids(one) == number].max(initial=0) for one in negatives])
        allowed = (worst[:, None] >= grid).mean(axis=0) <= max_hits if len(worst) else grid > 0
        good = grid[allowed & (grid > likely - 0.005)]
        chosen.append(float(good[0]) if len(good) else float(grid[-1]))
    return chosen


def _judge_detections(one: Seen, number: int, label: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Confidences of a class's detections (n,), and which are on a flag of the class (n,).

    Left out are ambiguous ones, and those on a part of such a flag: they claim none where none is.
    """
    truth = find_truth(one, label, number).xyxy
    chosen = (class_ids(one) == number) & ~is_ambiguous(one)
    boxes, overlap = one.detections.xyxy[chosen], np.zeros(int(chosen.sum()))
    if len(boxes) and len(truth):
        overlap = np.asarray(sv.box_iou_batch(boxes, truth).max(axis=1))
    clear = (overlap >= MATCH_IOU) | (overlap < APART_IOU)
    return confidences(one)[chosen][clear], (overlap >= MATCH_IOU)[clear]
