"""Collection and verdicts in, the order in which a reviewer looks at them out."""

from collections.abc import Callable
from dataclasses import dataclass

from detector.journal import DISPUTED, settle_one
from detector.review.collection import Collection, Detection
from detector.review.store import Standing

LAST = "~"  # sorts after every time of a day, and every date


@dataclass(frozen=True, slots=True)
class Queue:
    """A way through the report."""

    name: str
    title: str
    meaning: str
    order: Callable[[Collection, Standing, str], list[str]]
    """Ids of detections, or of frames, for a reviewer."""


def _uncertain(collection: Collection, _standing: Standing, _reviewer: str) -> list[str]:
    def margin(one: Detection) -> float:
        above = one.confidence - collection.thresholds[one.label]
        return min(above, one.confidence - one.rival_confidence) if one.ambiguous else above

    return _ids(sorted(_shown(collection), key=margin))


def _ambiguous(collection: Collection, _standing: Standing, _reviewer: str) -> list[str]:
    return _ids([one for one in _by_confidence(collection) if one.ambiguous])


def _both(collection: Collection, _standing: Standing, _reviewer: str) -> list[str]:
    return _ids([one for one in _shown(collection) if one.both_in_frame])


def _almost(collection: Collection, _standing: Standing, _reviewer: str) -> list[str]:
    almost = [one for one in collection.detections.values() if not one.shown]
    return _ids(sorted(almost, key=lambda one: -one.confidence))


def _sample(collection: Collection, _standing: Standing, _reviewer: str) -> list[str]:
    return list(collection.sample)


def _date(collection: Collection, _standing: Standing, _reviewer: str) -> list[str]:
    def dated(one: Detection) -> str:
        return f"{collection.contents[one.frame.sha256].dated}{LAST}"

    return _ids(sorted(_shown(collection), key=dated))


def _confidence(collection: Collection, _standing: Standing, _reviewer: str) -> list[str]:
    return _ids(_by_confidence(collection))


def _second(collection: Collection, standing: Standing, reviewer: str) -> list[str]:
    """What others have judged, also what the reviewer has by now: going back must be possible."""
    return [
        name
        for name in collection.detections
        if any(row.reviewer != reviewer for row in standing.on_detection.get(name, ()))
    ]


def _disputed(collection: Collection, standing: Standing, _reviewer: str) -> list[str]:
    return [
        name
        for name in collection.detections
        if name in standing.on_detection and settle_one(standing.on_detection[name]).verdict == DISPUTED
    ]


QUEUES = {
    queue.name: queue
    for queue in (
        Queue("uncertain", "Uncertain first", "nearest to the threshold first", _uncertain),
        Queue("confidence", "By confidence", "the surest first", _confidence),
        Queue("date", "By date", "posted, or else captured, first; those without a date last", _date),
        Queue("both", "Both together", "every flag in one picture", _both),
        Queue("ambiguous", "Ambiguous", "one flag or the other", _ambiguous),
        Queue("almost", "Almost", "below the threshold, the nearest first", _almost),
        Queue("sample", "Nothing found", "a random sample of files in which nothing is shown", _sample),
        Queue("second", "Second opinion", "what others have judged; their verdicts stay hidden", _second),
        Queue("disputed", "Disputed", "what reviewers see differently", _disputed),
    )
}


def _shown(collection: Collection) -> list[Detection]:
    return [one for one in collection.detections.values() if one.shown]


def _by_confidence(collection: Collection) -> list[Detection]:
    return sorted(_shown(collection), key=lambda one: -one.confidence)


def _ids(detections: list[Detection]) -> list[str]:
    return [one.id for one in detections]
