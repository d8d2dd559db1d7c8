"""Collection and verdicts in, the numbers of the progress page out."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from detector.journal import CANNOT_TELL, DISPUTED, MISSED, NOTHING_ELSE, OURS, Settled, Verdict, settle
from detector.review.collection import Collection
from detector.review.measures import Share, cohens_kappa, share, suggest_threshold
from detector.review.store import Standing


@dataclass(frozen=True, slots=True)
class OfFlag:
    """What verdicts tell of one flag."""

    label: str
    shown: int
    """Detections at or above the threshold."""
    reviewed: Share
    """Of those, with a verdict that decides."""
    precision: Share
    """Of those with such a verdict, the ones on which this flag is."""
    drawn: int
    """Boxes drawn for it where the model saw nothing."""
    threshold: float
    suggested: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two reviewers who judged the same detections."""

    first: str
    second: str
    both: int
    same: int
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a review has come and what it tells."""

    reviewed: Share
    """Of the shown detections, with any verdict."""
    flags: tuple[OfFlag, ...]
    disputed: int
    cannot_tell: int
    sample: Share
    """Of the files of the sample that were checked, those in which a flag had been missed."""
    without_detection: int
    """Files in which nothing is shown, of which the sample was drawn."""
    checked_frames: int
    by_reviewer: dict[str, int]
    """Decisions of each that count."""
    agreements: tuple[Agreement, ...]


def measure_progress(collection: Collection, standing: Standing) -> Progress:
    """Counts what stands. Detections that leave the journal in a later scan are not counted."""
    settled = settle(standing.rows)
    shown = [one.id for one in collection.detections.values() if one.shown]
    of_ours = [one for name, one in settled.items() if name in collection.detections]
    by_reviewer: dict[str, int] = {}
    for row in standing.rows:
        by_reviewer[row.reviewer] = by_reviewer.get(row.reviewer, 0) + 1
    return Progress(
        reviewed=share(sum(name in settled for name in shown), len(shown)),
        flags=tuple(_measure_flag(collection, label, settled, standing) for label in collection.class_names),
        disputed=sum(one.verdict == DISPUTED for one in of_ours),
        cannot_tell=sum(one.verdict == CANNOT_TELL for one in of_ours),
        sample=_measure_sample(collection, standing),
        without_detection=collection.without_detection,
        checked_frames=sum(
            any(row.verdict == NOTHING_ELSE for row in rows) for rows in standing.on_frame.values()
        ),
        by_reviewer=dict(sorted(by_reviewer.items())),
        agreements=_measure_agreement(standing.rows),
    )


def _measure_flag(
    collection: Collection, label: str, settled: dict[str, Settled], standing: Standing
) -> OfFlag:
    shown, judged_shown, right_shown = 0, 0, 0
    judged: list[tuple[float, bool]] = []
    for one in collection.detections.values():
        if one.label != label:
            continue
        shown += one.shown
        verdict = settled.get(one.id)
        if not verdict or verdict.verdict in (DISPUTED, CANNOT_TELL):
            continue
        right = verdict.verdict in OURS and verdict.verdict_label == label
        judged.append((one.confidence, right))
        judged_shown += one.shown
        right_shown += one.shown and right
    drawn = sum(row.verdict == MISSED and row.label == label for row in standing.rows)
    return OfFlag(
        label=label,
        shown=shown,
        reviewed=share(judged_shown, shown),
        precision=share(right_shown, judged_shown),
        drawn=drawn,
        threshold=collection.thresholds[label],
        suggested=suggest_threshold(judged, drawn),
    )


def _measure_sample(collection: Collection, standing: Standing) -> Share:
    """A file counts once somebody has found nothing else in its frame, or a missed flag."""
    checked, missed = 0, 0
    for name in collection.sample:
        frame = collection.frames[name]
        rows = standing.on_frame.get((frame.sha256, frame.frame_index), ())
        almost = [
            row for one in collection.in_frame.get(name, ()) for row in standing.on_detection.get(one, ())
        ]
        checked += bool(rows)
        missed += bool(rows) and any(row.verdict in (MISSED, *OURS) for row in (*rows, *almost))
    return share(missed, checked)


def _measure_agreement(rows: Sequence[Verdict]) -> tuple[Agreement, ...]:
    by_reviewer: dict[str, dict[str, str]] = {}
    for row in rows:
        if row.detection_id:
            said = row.verdict if row.verdict not in OURS else f"flag {row.label}"
            by_reviewer.setdefault(row.reviewer, {})[row.detection_id] = said
    agreements = []
    for first, second in itertools.combinations(sorted(by_reviewer), 2):
        of_first, of_second = by_reviewer[first], by_reviewer[second]
        pairs = [(of_first[name], of_second[name]) for name in of_first if name in of_second]
        if pairs:
            same = sum(a == b for a, b in pairs)
            agreements.append(Agreement(first, second, len(pairs), same, cohens_kappa(pairs)))
    return tuple(agreements)
