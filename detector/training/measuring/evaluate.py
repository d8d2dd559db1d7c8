"""A model and photos with truth in, measured accuracy out: the figures of the model card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from supervision.metrics import MeanAveragePrecision, MeanAveragePrecisionResult

from detector.frames import read_image
from detector.model import Model
from detector.training.photos import Photo

MATCH_IOU = 0.5
SIZE_EDGES = (0, 24, 48, 96, 1_000_000)  # pixels of a box's shorter side in the photo
BOOTSTRAP_ROUNDS = 1000
CONFIDENCE_EDGES = (0.05, 0.2, 0.4, 0.6, 0.8, 1.0)
CONFUSION_FLOOR = 0.3  # overlap from which a box counts as being on another one


@dataclass(frozen=True, slots=True)
class Seen:
    """A photo and what the model saw in it, down to the floor."""

    photo: Photo
    detections: sv.Detections


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Accuracy for one class."""

    label: str
    threshold: float
    boxes: int
    ap50: float
    ap50_interval: tuple[float, float]
    """95 %, by drawing sources anew."""
    ap50_95: float
    ap50_by_area: tuple[float, float, float]
    """Of boxes under 32² pixels of the photo, to 96², and larger (COCO's sizes); -1 where there are none."""
    box_recall: float
    recall_by_size: Mapping[str, tuple[int, int]]
    """Found and all, by shorter side in pixels of the photo."""
    photo_recall: tuple[float, float, float]
    """Share of photos with the flag in which it is reported, with its 95 % interval over sources."""
    photo_precision: tuple[float, float, float]
    """Share of photos reported for it that hold it, with its 95 % interval over sources."""
    by_source: Mapping[str, tuple[int, int]]
    """Photos found and all."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything measured."""

    classes: tuple[ClassFigures, ...]
    negatives: int
    negatives_hit: int
    hits_by_kind: Mapping[str, tuple[int, int]]
    """Negative photos hit and all."""
    confusion: Mapping[tuple[str, str], int]
    """Boxes by (truth, reported), a class or ``ambiguous``; ``none`` where one has no counterpart."""
    reliability: Mapping[str, tuple[int, int]]
    """By range of confidence, of all classes: detections that are right, and all."""


def look(model: Model, photos: Sequence[Photo], *, floor: float) -> list[Seen]:
    """Runs the model over photos exactly as a scan does."""
    seen = []
    for photo in photos:
        image = read_image(photo.path)
        (detections,) = model.detect([image], floor)
        seen.append(Seen(photo, detections))
    return seen


def measure(
    seen: Sequence[Seen], class_names: Sequence[str], thresholds: Sequence[float], rng: np.random.Generator
) -> Figures:
    """All figures at these thresholds (one a class)."""
    negatives = [one for one in seen if not one.photo.labels]
    limits = np.array(thresholds)
    hit = [one for one in negatives if (confidences(one) >= limits[class_ids(one)]).any()]
    kinds = sorted({one.photo.kind for one in negatives})
    return Figures(
        classes=tuple(
            _measure_class(seen, class_names, k, thresholds[k], rng) for k in range(len(class_names))
        ),
        negatives=len(negatives),
        negatives_hit=len(hit),
        hits_by_kind={
            kind: (
                sum(one.photo.kind == kind for one in hit),
                sum(one.photo.kind == kind for one in negatives),
            )
            for kind in kinds
        },
        confusion=_count_confusion(seen, class_names, limits),
        reliability=_count_reliability(seen, class_names),
    )


def _measure_class(
    seen: Sequence[Seen], class_names: Sequence[str], number: int, threshold: float, rng: np.random.Generator
) -> ClassFigures:
    label = class_names[number]
    precision = MeanAveragePrecision()
    for one in seen:
        precision.update(_select(one, number), find_truth(one, label, number))
    result = precision.compute()
    found, _, total = _match(seen, number, label)
    holds = np.array([label in one.photo.labels for one in seen])
    reported = np.array([(confidences(one)[class_ids(one) == number] >= threshold).any() for one in seen])
    source = np.array(_name_sources(seen))
    named = np.array([one.photo.source for one in seen])
    by_source = {
        name: (int((reported & holds & (named == name)).sum()), int((holds & (named == name)).sum()))
        for name in sorted(set(named[holds]))
    }
    return ClassFigures(
        label=label,
        threshold=threshold,
        boxes=total,
        ap50=max(float(result.map50), 0.0),
        ap50_interval=_find_ap_interval(seen, number, label, rng),
        ap50_95=max(float(result.map50_95), 0.0),
        ap50_by_area=_find_ap50_by_area(result),
        box_recall=float((found >= threshold).sum() / max(total, 1)),
        recall_by_size=_recall_by_size(seen, number, label, threshold),
        photo_recall=_interval(reported[holds], source[holds], rng),
        photo_precision=_interval(holds[reported], source[reported], rng),
        by_source=by_source,
    )


def _find_ap50_by_area(result: MeanAveragePrecisionResult) -> tuple[float, float, float]:
    small, medium, large = (
        float(part.map50) if part else -1.0
        for part in (result.small_objects, result.medium_objects, result.large_objects)
    )
    return small, medium, large


def _select(one: Seen, number: int) -> sv.Detections:
    mine = class_ids(one) == number
    return sv.Detections(
        xyxy=one.detections.xyxy[mine], confidence=confidences(one)[mine], class_id=class_ids(one)[mine]
    )


def confidences(one: Seen) -> NDArray[np.float32]:
    """Of its detections (n,)."""
    confidence = one.detections.confidence
    return np.zeros(0, np.float32) if confidence is None else np.asarray(confidence, np.float32)


def class_ids(one: Seen) -> NDArray[np.int64]:
    """Of its detections (n,)."""
    class_id = one.detections.class_id
    return np.zeros(0, np.int64) if class_id is None else np.asarray(class_id, np.int64)


def is_ambiguous(one: Seen) -> NDArray[np.bool_]:
    """Mask (n,) of its detections that are one flag or the other."""
    return np.asarray(one.detections.data.get("ambiguous", np.zeros(len(one.detections))), np.bool_)


def rival_confidences(one: Seen) -> NDArray[np.float32]:
    """Of its detections (n,), 0 for none."""
    none = np.zeros(len(one.detections), np.float32)
    return np.asarray(one.detections.data.get("rival_confidence", none), np.float32)


def overlap_truth(one: Seen) -> NDArray[np.float64]:
    """IoU of each true box, of targets, then of others, with each detection (boxes, n)."""
    truth = np.vstack([one.photo.xyxy, one.photo.other_xyxy])
    if not len(truth) or not len(one.detections):
        return np.zeros((len(truth), len(one.detections)))
    return np.asarray(sv.box_iou_batch(truth, one.detections.xyxy), np.float64)


def find_on_truth(overlap: NDArray[np.float64]) -> list[int]:
    """For each true box (a row) which detection (a column) lies on it best; -1 for none.

    A detection lies on the box it overlaps most, and on no neighbour of that.
    """
    overlap = np.where(overlap == overlap.max(axis=0, initial=0), overlap, 0)
    return [int(row.argmax()) if row.max(initial=0) >= CONFUSION_FLOOR else -1 for row in overlap]


def find_truth(one: Seen, label: str, number: int) -> sv.Detections:
    """The photo's true boxes of one class, with the class's number."""
    chosen = np.array([name == label for name in one.photo.labels], np.bool_)
    xyxy = one.photo.xyxy[chosen] if len(chosen) else np.zeros((0, 4), np.float32)
    return sv.Detections(xyxy=xyxy, class_id=np.full(len(xyxy), number))


def _match_photo(one: Seen, number: int, label: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each true box the confidence it is found with, or 0; confidences of boxes that match none."""
    truth = find_truth(one, label, number).xyxy
    mine = class_ids(one) == number
    boxes, confidence = one.detections.xyxy[mine], confidences(one)[mine]
    found = np.zeros(len(truth))
    wrong = []
    overlap = (
        sv.box_iou_batch(truth, boxes) if len(truth) and len(boxes) else np.zeros((len(truth), len(boxes)))
    )
    for column in np.argsort(-confidence, kind="stable"):
        free = np.where(found == 0, overlap[:, column], 0) if len(truth) else np.zeros(1)
        if len(truth) and free.max() >= MATCH_IOU:
            found[int(free.argmax())] = confidence[column]
        else:
            wrong.append(float(confidence[column]))
    return found, np.array(wrong)


def _match(
    seen: Sequence[Seen], number: int, label: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    pairs = [_match_photo(one, number, label) for one in seen]
    found = np.concatenate([np.zeros(0), *(pair[0] for pair in pairs)])
    return found[found > 0], np.concatenate([np.zeros(0), *(pair[1] for pair in pairs)]), len(found)


def _recall_by_size(
    seen: Sequence[Seen], number: int, label: str, threshold: float
) -> dict[str, tuple[int, int]]:
    sides, found = [np.zeros(0)], [np.zeros(0)]
    for one in seen:
        truth = find_truth(one, label, number).xyxy
        sides.append((truth[:, 2:] - truth[:, :2]).min(axis=1, initial=np.inf))
        found.append(_match_photo(one, number, label)[0])
    side, confidence = np.concatenate(sides), np.concatenate(found)
    counted = {}
    for low, high in pairwise(SIZE_EDGES):
        inside = (side >= low) & (side < high)
        name = f"<{high}" if low == 0 else f"≥{low}" if high == SIZE_EDGES[-1] else f"{low}–{high}"
        counted[name] = int((confidence[inside] >= threshold).sum()), int(inside.sum())
    return counted


def _find_ap_interval(
    seen: Sequence[Seen], number: int, label: str, rng: np.random.Generator
) -> tuple[float, float]:
    """Bootstrap (Efron 1979) over sources, since photos of one source are alike."""
    groups: dict[str, list[int]] = {}
    for index, source in enumerate(_name_sources(seen)):
        groups.setdefault(source, []).append(index)
    pairs = [_match_photo(one, number, label) for one in seen]
    if not sum(len(found) for found, _ in pairs):
        return 0.0, 1.0
    members, values = list(groups.values()), []
    for _ in range(BOOTSTRAP_ROUNDS):
        drawn = [index for group in rng.integers(0, len(members), len(members)) for index in members[group]]
        found, wrong = (np.concatenate([pairs[index][side] for index in drawn]) for side in (0, 1))
        values.append(find_average_precision(found, wrong))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _name_sources(seen: Sequence[Seen]) -> list[str]:
    """The source of each photo; where all are from one, each is its own."""
    sources = [one.photo.source for one in seen]
    return sources if len(set(sources)) > 1 else [one.photo.path.name for one in seen]


def find_average_precision(found: NDArray[np.float64], wrong: NDArray[np.float64]) -> float:
    """Of boxes by the confidence each is found with (0: missed), and of those that lie on none.

    The mean of the precision at 101 recalls, as COCO has it; 0 where there is no box.
    """
    hits = found[found > 0]
    order = np.argsort(-np.concatenate([hits, wrong]), kind="stable")
    right = np.repeat([1.0, 0.0], [len(hits), len(wrong)])[order].cumsum()
    if not len(found) or not len(hits):
        return 0.0
    precision = np.maximum.accumulate((right / np.arange(1, len(right) + 1))[::-1])[::-1]
    places = np.searchsorted(right / len(found), np.linspace(0, 1, 101) - 1e-9)
    return float(np.append(precision, 0.0)[places].mean())


def _count_confusion(
    seen: Sequence[Seen], class_names: Sequence[str], limits: NDArray[np.float64]
) -> dict[tuple[str, str], int]:
    counted: Counter[tuple[str, str]] = Counter()
    for one in seen:
        shown = confidences(one) >= limits[class_ids(one)]
        reported = [
            "ambiguous" if doubt else class_names[number]
            for number, doubt in zip(class_ids(one), is_ambiguous(one), strict=True)
        ]
        labels = (*one.photo.labels, *one.photo.other_labels)
        overlap = np.where(shown, overlap_truth(one), 0)
        for label, number in zip(labels, find_on_truth(overlap), strict=True):
            counted[label, reported[number] if number >= 0 else "none"] += 1
        apart = shown & (overlap.max(axis=0, initial=0) < CONFUSION_FLOOR)
        for number in np.flatnonzero(apart).tolist():
            counted["other" if one.photo.kind == "other_flags" else "none", reported[number]] += 1
    return counted


def _count_reliability(seen: Sequence[Seen], class_names: Sequence[str]) -> dict[str, tuple[int, int]]:
    matched = [_match(seen, number, label) for number, label in enumerate(class_names)]
    right = np.concatenate([found for found, _, _ in matched])
    wrong = np.concatenate([wrong for _, wrong, _ in matched])
    counted = {}
    for low, high in pairwise(CONFIDENCE_EDGES):
        good, bad = (int(((values >= low) & (values < high)).sum()) for values in (right, wrong))
        counted[f"{low}–{high}"] = good, good + bad
    return counted


def _interval(
    outcomes: NDArray[np.bool_], sources: NDArray[np.str_], rng: np.random.Generator
) -> tuple[float, float, float]:
    """The share of True, and its 95 % bootstrap interval over sources."""
    if len(outcomes) == 0:
        return 0.0, 0.0, 1.0
    names, group = np.unique(sources, return_inverse=True)
    good, every = np.bincount(group, outcomes), np.bincount(group)
    drawn = rng.integers(0, len(names), (BOOTSTRAP_ROUNDS, len(names)))
    low, high = np.percentile(good[drawn].sum(axis=1) / every[drawn].sum(axis=1), [2.5, 97.5])
    return float(outcomes.mean()), float(low), float(high)


def find_errors(
    seen: Sequence[Seen], class_names: Sequence[str], thresholds: Sequence[float]
) -> list[tuple[str, Seen]]:
    """Photos with a miss or a false hit, each with the word for it."""
    errors = []
    for one in seen:
        for number, label in enumerate(class_names):
            found, wrong = _match_photo(one, number, label)
            if (found < thresholds[number]).any():
                errors.append((f"miss-{label}", one))
            if (wrong >= thresholds[number]).any():
                errors.append((f"false-{label}", one))
    return errors
