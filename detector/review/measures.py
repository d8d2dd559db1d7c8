"""Verdicts in, what they tell out: precision, what is missed, a threshold, agreement between reviewers."""

from collections import Counter
from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

Z_95 = 1.959964  # standard normal deviate of a two-sided 95 % interval
MIN_FOR_THRESHOLD = 20  # verdicts of which each kind has at least MIN_OF_EACH; with fewer it would be a guess
MIN_OF_EACH = 3


class Share(NamedTuple):
    """A share of a count, with its 95 % interval."""

    part: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share itself; 0 where there is nothing to share."""
        return self.part / self.total if self.total else 0.0


def share(part: int, total: int) -> Share:
    """The share with Wilson's score interval, without continuity correction.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal of the
    American Statistical Association 22 (1927), 209-212.
    """
    if not total:
        return Share(0, 0, 0.0, 1.0)
    p, z2 = part / total, Z_95 * Z_95
    centre = (p + z2 / (2 * total)) / (1 + z2 / total)
    half = Z_95 / (1 + z2 / total) * sqrt(p * (1 - p) / total + z2 / (4 * total * total))
    low = 0.0 if part == 0 else centre - half  # exactly, where rounding would leave 1e-18
    return Share(part, total, low, 1.0 if part == total else centre + half)


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Agreement of two reviewers beyond chance over what both have judged: 1 full, 0 as by chance.

    None where chance alone would give full agreement, or nothing was judged by both. J. Cohen, A coefficient
    of agreement for nominal scales, Educational and Psychological Measurement 20 (1960), 37-46.
    """
    if not pairs:
        return None
    total = len(pairs)
    observed = sum(a == b for a, b in pairs) / total
    first, second = (Counter(pair[one] for pair in pairs) for one in (0, 1))
    expected = sum(first[name] * second[name] for name in first) / total**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def suggest_threshold(judged: Sequence[tuple[float, bool]], missed: int) -> float | None:
    """The confidence from which on detections are to be shown for the highest F1 (C. J. van Rijsbergen,
    Information Retrieval, 1979, chapter 7: the harmonic mean of precision and recall) over these verdicts.

    `judged` holds confidence and whether it was right; `missed` counts drawn boxes, which no threshold finds.
    None where verdicts are too few, or all of one kind.
    """
    right = sum(is_right for _, is_right in judged)
    if len(judged) < MIN_FOR_THRESHOLD or min(right, len(judged) - right) < MIN_OF_EACH:
        return None
    best, best_f1, true, seen = 0.0, -1.0, 0, 0
    ordered = sorted(judged, reverse=True)
    for place, (confidence, is_right) in enumerate(ordered):
        true, seen = true + is_right, seen + 1
        if place + 1 < len(ordered) and ordered[place + 1][0] == confidence:
            continue  # the same confidence is above or below the threshold together
        f1 = 2 * true / (seen + right + missed)
        if f1 > best_f1:
            best, best_f1 = confidence, f1
    return best
