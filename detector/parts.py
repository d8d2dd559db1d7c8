"""Copies that look the same in, which of them show something else in a part, and where, into the journal.

A flag painted into a picture changes few bits of its hash, so the doctored copy lies in the cluster of its
original.
"""

import sqlite3
from collections.abc import Iterator
from functools import partial

import numpy as np

from detector.comparing import Looking, find_photo, judge_pairs
from detector.ids import ID_DIGITS
from detector.journal import Journal
from detector.pictures import Part, find_part

MAX_COMPARED = 1000  # copies in a report; each takes about a tenth of a second of a processor
WITHIN_FLAG = 0.7  # of a part: then what differs is the flag, of which bands may have the same colours
# Photos that look the same as the representative of their cluster, where anything is seen in that cluster.
PAIRS = f"""
SELECT DISTINCT f.sha256, h.sha256 FROM temp.files f
JOIN copies h ON h.cluster = f.cluster AND substr(h.sha256, 1, {ID_DIGITS}) = h.cluster
JOIN results r ON r.sha256 = h.sha256
WHERE f.sha256 != h.sha256 AND f.cluster_size > 1 AND f.kind = 'photo' AND r.kind = 'photo'
AND f.cluster IN (SELECT cluster FROM temp.files
                  WHERE sha256 IN (SELECT sha256 FROM temp.claimed UNION SELECT sha256 FROM temp.almost))
ORDER BY f.sha256 LIMIT {MAX_COMPARED}
"""
FLAGS = """
SELECT "left" / frame_width, top / frame_height, "right" / frame_width, bottom / frame_height
FROM (SELECT * FROM temp.shown UNION ALL SELECT * FROM temp.almost) WHERE sha256 = ? AND frame_index = 0
"""
NOWHERE = (0.0, 0.0, 0.0, 0.0)


def mark_parts(journal: Journal, looking: Looking) -> None:
    """Compares each photo with the representative of its cluster; what was compared before is kept.

    The views are defined.
    """
    known = {row[:2]: row for row in journal.connection.execute("SELECT * FROM parts").fetchall()}
    journal.replace_derived("parts", list(_compare_all(journal.connection, known, looking)))


def _compare_all(
    connection: sqlite3.Connection, known: dict[tuple[str, str], tuple[object, ...]], looking: Looking
) -> Iterator[tuple[object, ...]]:
    pairs = sorted(connection.execute(PAIRS).fetchall(), key=lambda pair: pair[::-1])  # heads stay read
    yield from (known[pair] for pair in pairs if pair in known)
    new = [pair for pair in pairs if pair not in known]
    find = partial(find_photo, connection, looking.may_fetch)
    photos = [(find(first), find(second)) for first, second in new]
    answers = judge_pairs(photos, find_part, looking, "looking where copies differ")
    for (sha256, head), answer in zip(new, answers, strict=True):
        for part in answer:
            place = _place(connection, sha256, part) if part else NOWHERE
            yield sha256, head, int(part is not None), *place


def _place(connection: sqlite3.Connection, sha256: str, part: Part) -> tuple[float, float, float, float]:
    """The smallest flag that the part lies in, else the part itself."""
    box = (part.left, part.top, part.right, part.bottom)
    flags = np.array([box, *connection.execute(FLAGS, (sha256,)).fetchall()])
    low, high = np.maximum(flags[:, :2], box[:2]), np.minimum(flags[:, 2:], box[2:])
    within = np.prod(np.maximum(0, high - low), axis=1)
    sizes = np.prod(flags[:, 2:] - flags[:, :2], axis=1)
    holding = np.flatnonzero(within[1:] >= WITHIN_FLAG * sizes[0]) + 1
    best = holding[np.argmin(sizes[holding])] if len(holding) else 0
    left, top, right, bottom = flags[best].tolist()
    return left, top, right, bottom
