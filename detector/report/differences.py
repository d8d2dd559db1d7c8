"""A report's views in, pairs of copies that do not show the same out, with pictures of what differs.

Each pair is made once: its pictures are named after both contents, and kept when the report is written anew.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.errors import MediaError
from detector.ids import ID_DIGITS, frame_id
from detector.journal import LATEST_POSTED, REJECTED, add_files, file_digest
from detector.originals import read_original
from detector.pictures import FRAME_LONG_SIDE, find_change, protect, register, shrink, write_jpeg
from detector.report.writing import replacing

Image = NDArray[np.uint8]

FOLDER = "differences"
MAX_PAIRS = 300  # a report; each takes about half a second
MAX_PER_CLUSTER = 3

SHOWN = f"""
SELECT f.cluster, f.sha256, f.kind, min({LATEST_POSTED}), min(f.file),
       coalesce((SELECT group_concat(key, '\n') FROM (
            SELECT c.key FROM temp.claimed c JOIN temp.classes l ON l.label = c.key
            WHERE c.sha256 = f.sha256 AND c.state != '{REJECTED}' ORDER BY l.class_id)), '') AS shows,
       coalesce((SELECT other_sha256 FROM parts WHERE parts.sha256 = f.sha256 AND differs), '') AS other
FROM temp.files f WHERE f.cluster IN (
    SELECT cluster FROM temp.files JOIN temp.claimed USING (sha256) WHERE cluster_size > 1)
GROUP BY f.cluster, f.sha256 ORDER BY f.cluster, 4, 5
"""
SAME_PICTURE = """
SELECT a.frame_index, b.frame_index FROM pictures a JOIN pictures b USING (picture)
WHERE a.sha256 = ? AND b.sha256 = ?
"""


@dataclass(frozen=True, slots=True)
class _Content:
    sha256: str
    kind: str
    shows: str
    differs_from: str
    """The content that it shows something else than in a part, "" for none."""


def find_differences(
    connection: sqlite3.Connection, folder: Path, *, show_faces: bool, may_fetch: Callable[[Path], bool]
) -> dict[str, list[dict[str, Any]]]:
    """For each cluster in which copies differ the pairs `a`, `b` (hashes) with `pictures` and `share`.

    `a` is of what was posted first, `b` of what shows something else; `why` says what hinders a comparison.
    What lies in a storage is compared only where it may be fetched.
    """
    clusters: dict[str, list[_Content]] = {}
    for cluster, sha256, kind, _, _, shows, differs_from in connection.execute(SHOWN).fetchall():
        clusters.setdefault(cluster, []).append(_Content(sha256, kind, shows, differs_from))
    found: dict[str, list[dict[str, Any]]] = {}
    made = 0
    for cluster, contents in clusters.items():
        for first, second in _pairs(contents):
            if made >= MAX_PAIRS:
                return found
            read = partial(_read, connection, show_faces=show_faces, may_fetch=may_fetch)
            pair = _compare(connection, folder, first, second, read)
            if pair:
                made += 1
                found.setdefault(cluster, []).append(pair)
    return found


def _pairs(contents: Sequence[_Content]) -> list[tuple[_Content, _Content]]:
    """The one posted first, with the first of each group that shows something else; and those that differ
    from the representative in a part, though the model sees the same.
    """
    firsts: dict[str, _Content] = {}
    for one in contents:
        firsts.setdefault(one.shows, one)
    first, *others = firsts.values()
    by_claims = [(first, other) for other in others[:MAX_PER_CLUSTER]]
    named = {one.sha256: one for one in contents}
    by_part = [
        (named[one.differs_from], one)
        for one in contents
        if one.differs_from in named
        and not {one.sha256, one.differs_from} <= {side.sha256 for pair in by_claims for side in pair}
    ]
    return by_claims + by_part[:MAX_PER_CLUSTER]


def _compare(
    connection: sqlite3.Connection,
    folder: Path,
    first: _Content,
    second: _Content,
    read: Callable[[str, int], Image],
) -> dict[str, Any] | None:
    """The pair, None for two videos of which no picture looks the same."""
    frames = connection.execute(
        f"{SAME_PICTURE} ORDER BY 1, 2 LIMIT 1", (first.sha256, second.sha256)
    ).fetchone()
    if not frames:
        if "video" in (first.kind, second.kind):
            return None
        frames = (0, 0)  # joined through a third picture that looks like both
    pair: dict[str, Any] = {"a": first.sha256, "b": second.sha256}
    name = f"{FOLDER}/{_short(first.sha256, frames[0])}_{_short(second.sha256, frames[1])}"
    readers = (
        partial(read, sha256, frame)
        for sha256, frame in zip((first.sha256, second.sha256), frames, strict=True)
    )
    return pair | lay_over(connection, folder, name, *readers)


def lay_over(
    journal: sqlite3.Connection,
    folder: Path,
    name: str,
    read_first: Callable[[], Image],
    read_second: Callable[[], Image],
) -> dict[str, Any]:
    """Pictures of the second image laid over the first, and what differs, kept under `name` in the folder.

    Gives `pictures` (names), `share` and `mirrored`, or `why` it cannot be done. What is there is kept; the
    journal's chain has the hashes of what was written, so that what is changed later passes for nothing else.
    """
    pictures = [f"{name}-{part}.jpg" for part in ("first", "second", "difference")]
    measured = folder / f"{name}.json"
    try:
        here = _hash(measured)
        if not here or here != file_digest(journal, f"{name}.json"):
            first, second = read_first(), read_second()
            registration = register(first, second)
            change = find_change(first, registration)
            images = first, registration.second, change.picture
            made = {
                path: write_jpeg(image, folder, path) for image, path in zip(images, pictures, strict=True)
            }
            with replacing(measured) as file:
                json.dump({"share": round(change.share, 5), "mirrored": registration.mirrored}, file)
            add_files(journal, made | {f"{name}.json": _hash(measured)})
        share: dict[str, Any] = json.loads(measured.read_text(encoding="utf-8"))
        return {"pictures": pictures} | share
    except (MediaError, OSError, ValueError) as error:
        return {"why": f"The two cannot be laid over each other: {error}"}


def _hash(path: Path) -> str:
    """ "" where there is nothing."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _short(sha256: str, frame_index: int) -> str:
    return frame_id(sha256[: ID_DIGITS // 2], frame_index)


def _read(
    connection: sqlite3.Connection,
    sha256: str,
    frame_index: int,
    *,
    show_faces: bool,
    may_fetch: Callable[[Path], bool],
) -> Image:
    paths = [
        Path(os.fsdecode(path))
        for (path,) in connection.execute("SELECT path FROM temp.files WHERE sha256 = ?", (sha256,))
    ]
    (seconds,) = connection.execute(
        "SELECT time_seconds FROM frames WHERE sha256 = ? AND frame_index = ?", (sha256, frame_index)
    ).fetchone()
    image = read_original(paths, sha256, frame_index, seconds, may_fetch=may_fetch)
    return protect(shrink(image, FRAME_LONG_SIDE), show_faces=show_faces)
