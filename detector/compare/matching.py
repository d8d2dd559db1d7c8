"""A content's detections in two reports in, which are the same and which are not out."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SAME_PLACE = 0.5  # IoU from which two boxes are of the same thing
SAME_MOMENT_SECONDS = 0.5


class Detection(NamedTuple):
    """One of a content's detections."""

    id: str
    frame_index: int
    time_seconds: float
    label: str
    confidence: float
    ambiguous: bool
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Matching:
    """The detections of one content in two reports."""

    pairs: list[tuple[Detection, Detection, float]]
    """A's, B's, IoU."""
    lost: list[Detection]
    """Of A, with none like it in B."""
    gained: list[Detection]
    kept: int
    """Of A, those that are not lost."""


def match_detections(
    a: list[Detection], b: list[Detection], looked_at_a: frozenset[int], looked_at_b: frozenset[int]
) -> Matching:
    """Pairs each detection with one of the other report: same frame or half a second apart, IoU ≥ 0.5.

    One at a moment that the other report did not look at is kept, not lost or gained, when the other saw the
    same label there within half a second. `looked_at_a`, `looked_at_b` are the frames' indices.
    """
    pairs: list[tuple[Detection, Detection, float]] = []
    taken_a, taken_b = set[int](), set[int]()
    near_a, near_b = set[int](), set[int]()
    for row, other, iou in _candidates(a, b):
        if row not in taken_a and other not in taken_b:
            pairs.append((a[row], b[other], iou))
            taken_a.add(row)
            taken_b.add(other)
        elif a[row].label == b[other].label:
            near_a.add(row)
            near_b.add(other)
    near_a = {row for row in near_a if a[row].frame_index not in looked_at_b}
    near_b = {row for row in near_b if b[row].frame_index not in looked_at_a}
    lost = [one for row, one in enumerate(a) if row not in taken_a | near_a]
    gained = [one for row, one in enumerate(b) if row not in taken_b | near_b]
    return Matching(pairs, lost, gained, len(a) - len(lost))


def overlaps(one: Detection, other: Detection) -> float:
    """Intersection over union of two detections' boxes."""
    return float(_iou(_boxes([one]), _boxes([other]))[0])


def _candidates(a: list[Detection], b: list[Detection]) -> list[tuple[int, int, float]]:
    """Rows of A and B that may be the same thing, with their IoU, the likeliest first."""
    if not a or not b:
        return []
    times_a, times_b = (np.array([one.time_seconds for one in found]) for found in (a, b))
    first = np.searchsorted(times_b, times_a - SAME_MOMENT_SECONDS, "left")
    count = np.searchsorted(times_b, times_a + SAME_MOMENT_SECONDS, "right") - first
    rows = np.repeat(np.arange(len(a)), count)
    others = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    iou = _iou(_boxes(a)[rows], _boxes(b)[others])
    near = iou >= SAME_PLACE
    rows, others, iou = rows[near], others[near], iou[near]
    other_label = np.array([a[row].label != b[other].label for row, other in zip(rows, others, strict=True)])
    apart = np.abs(times_a[rows] - times_b[others])
    order = np.lexsort((-iou, other_label, apart))
    return list(zip(rows[order].tolist(), others[order].tolist(), iou[order].tolist(), strict=True))


def _boxes(found: list[Detection]) -> NDArray[np.float64]:
    return np.array([(one.left, one.top, one.right, one.bottom) for one in found])


def _iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union (n,) of boxes row by row; supervision has it only of all with all."""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    either = np.prod(a[:, 2:] - a[:, :2], axis=1) + np.prod(b[:, 2:] - b[:, :2], axis=1) - shared
    return np.asarray(shared / np.maximum(either, np.finfo(float).tiny))
