"""A report's views and an archive in, for each content where it was seen before out.

Never more certain than the dates: what counts is the earliest time by which a post was surely there. A bare
day ends when it has ended everywhere; a camera's clock may be wrong and says only what is possible.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
from numpy.typing import NDArray

from detector.archive.cropping import find_likely, look_at_likely
from detector.archive.matching import (
    Asked,
    Matches,
    describe_match,
    find_in_archive,
    join_matches,
    keep_nearest,
)
from detector.comparing import Looking, find_photo
from detector.journal import EARLIEST_POSTED, LATEST_POSTED
from detector.sources import printable
from detector.storage import is_here

NEVER = "~"  # after all times
ZONES = timedelta(hours=14)  # by which a clock of unknown zone may be ahead of UTC
FIRST_YEAR = 1000  # of four digits
DAY_LENGTH = len("2024-05-14")
MAX_TEXT = 500
MAX_LIKELY = 2  # archived photos that are looked at for each that is asked for: the nearest, and the earliest
DIGIT = "[0-9]"
DAY = "-".join((4 * DIGIT, 2 * DIGIT, 2 * DIGIT))
TIME = ":".join((2 * DIGIT,) * 3)
# Places that are not the report's own files. When one was posted is text of strangers: what is no time counts
# as none.
PLACES = f"""
CREATE TEMP VIEW told AS
SELECT p.content, CAST(p.path AS BLOB) AS path, p.file, p.source_url, s.name,
       CASE WHEN p.posted_at GLOB '{DAY}' OR p.posted_at GLOB '{DAY}T{TIME}Z'
            THEN CAST(p.posted_at AS TEXT) ELSE '' END AS posted_at
FROM places p JOIN sources s USING (source) JOIN contents USING (content)
WHERE p.path NOT IN (SELECT path FROM temp.own)
"""
TIMES = f"""
SELECT content, coalesce(min({LATEST_POSTED}), '{NEVER}'), coalesce(min({EARLIEST_POSTED}), '{NEVER}'),
       (SELECT captured_at FROM contents c WHERE c.content = t.content)
FROM temp.told t GROUP BY content ORDER BY content
"""
PLACE = """
SELECT file, source_url, name, posted_at, coalesce({time}, '~') FROM temp.told WHERE content = ?
ORDER BY 5, file, path LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What an archive knows of one content of a report."""

    sha256: str
    archived_sha256: str
    """Of the content that it looks like; the one that was surely posted first."""
    frame_index: int
    """Of the picture here that stands for the match."""
    archived_frame_index: int
    told: str
    """Report, file and address of the post."""
    since: str
    """When that was posted, or what its camera wrote; "" where neither is known."""
    precision: str
    """`second`, `day`, or `camera` for a camera's clock, which proves nothing."""
    distance: int
    """Bits of 256."""
    how: str
    possibly: str
    """A time that may be earlier, "" where there is none."""
    possibly_as: str
    surely_by: str
    """By when at least one of its likes was posted, `NEVER` where no time of posting is known, or where
    it is not sure that they are alike."""
    possibly_from: str


def find_known(
    journal: sqlite3.Connection,
    archive: sqlite3.Connection,
    asked: Asked,
    looking: Looking,
    *,
    hide_posts: bool,
) -> Iterator[Known]:
    """Every content of the report that the archive knows from elsewhere, in order of hash.

    The report's own files, by their paths, do not count. With `hide_posts` no address of a post is told.
    Raises ArchiveError when the archive is damaged.
    """
    archive.execute("CREATE TEMP TABLE own (path BLOB PRIMARY KEY) WITHOUT ROWID")
    archive.executemany("INSERT INTO own VALUES (?)", journal.execute("SELECT path FROM temp.files"))
    archive.execute(PLACES)
    contents, latest, earliest = _read_times(archive)
    surely, possibly = _Best(asked, contents, latest), _Best(asked, contents, earliest)
    for found in find_in_archive(archive, asked, contents):
        surely.renew(found)
        possibly.renew(found)
    likely = _find_earlier(archive, asked, surely, possibly)
    right, perhaps = look_at_likely(archive, asked, likely, partial(find_photo, journal, is_here), looking)
    surely.renew(right)
    possibly.renew(right)
    never, guessed = _Best(asked, contents, latest), _Best(asked, contents, earliest)
    guessed.renew(perhaps)
    return (
        _describe(archive, asked, number, *best, hide_posts=hide_posts)
        for number in np.argsort(asked.pictures.contents).tolist()
        for best in ((surely, possibly) if surely.content[number] >= 0 else (never, guessed),)
        if best[1].content[number] >= 0
    )


def _find_earlier(archive: sqlite3.Connection, asked: Asked, surely: "_Best", possibly: "_Best") -> Matches:
    """Likely cropped copies that would tell of an earlier time: for each content the nearest and earliest."""
    likely = join_matches([])
    for found in find_likely(archive, asked, surely.contents):
        would_tell = surely.is_earlier(found) | possibly.is_earlier(found)
        likely = keep_nearest(join_matches([likely, found.take(np.flatnonzero(would_tell))]))
        nearest = _place(likely, likely.distance)
        earliest = _place(likely, likely.distance, possibly.ranks_of(likely), surely.ranks_of(likely))
        likely = likely.take(np.flatnonzero((nearest < MAX_LIKELY) | (earliest < MAX_LIKELY)))
    return likely.take(np.argsort(likely.distance, kind="stable"))


def _place(found: Matches, *keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of each among those of the same content that is asked for, in order of the last key, then of
    those before it."""
    order = np.lexsort((*keys, found.asked))
    contents = found.asked[order]
    place = np.empty_like(order)
    place[order] = np.arange(len(order)) - np.searchsorted(contents, contents)
    return place


def _read_times(
    archive: sqlite3.Connection,
) -> tuple[NDArray[np.int64], NDArray[np.bytes_], NDArray[np.bytes_]]:
    """Numbers of the contents that count, in order; by when each was surely posted, and from when on it may
    have been there, or `NEVER`.
    """
    contents, latest, earliest = [], [], []
    for content, surely, possibly, captured_at in archive.execute(TIMES):
        contents.append(content)
        latest.append(surely)
        earliest.append(min(possibly, _earliest_captured(captured_at)))
    return np.array(contents, np.int64), np.array(latest, "S20"), np.array(earliest, "S20")


def _earliest_captured(captured_at: object) -> str:
    try:
        taken = datetime.fromisoformat(str(captured_at))
        utc = taken.astimezone(UTC) if taken.tzinfo else taken.replace(tzinfo=UTC) - ZONES
        return utc.strftime("%Y-%m-%dT%H:%M:%SZ") if utc.year >= FIRST_YEAR else NEVER
    except (ValueError, OverflowError):
        return NEVER


class _Best:
    """For each content that is asked for the match with the earliest time, the nearest of those."""

    def __init__(self, asked: Asked, contents: NDArray[np.int64], times: NDArray[np.bytes_]) -> None:
        count = len(asked.pictures.contents)
        self.contents, self._times = contents, times
        self._ranks = np.unique(times, return_inverse=True)[1]
        self._rank = np.full(count, len(times))
        self.distance, self.content, self.picture, self.frame_index, self.cropped = np.full((5, count), -1)

    def ranks_of(self, found: Matches) -> NDArray[np.int64]:
        """How their times are ordered."""
        return self._ranks[np.searchsorted(self.contents, found.content)]

    def is_earlier(self, found: Matches) -> NDArray[np.bool_]:
        """Whether they are earlier than what was found until now."""
        return np.asarray(self.ranks_of(found) < self._rank[found.asked], np.bool_)

    def renew(self, found: Matches) -> None:
        """Takes what is better than what was found until now."""
        rank = self.ranks_of(found)
        order = np.lexsort((found.frame_index, found.content, found.distance, rank, found.asked))
        firsts = order[np.unique(found.asked[order], return_index=True)[1]]
        asked = found.asked[firsts]
        earlier = rank[firsts] < self._rank[asked]
        nearer = (rank[firsts] == self._rank[asked]) & (found.distance[firsts] < self.distance[asked])
        taken = firsts[earlier | nearer]
        asked = found.asked[taken]
        self._rank[asked] = rank[taken]
        self.distance[asked], self.content[asked] = found.distance[taken], found.content[taken]
        self.picture[asked], self.frame_index[asked] = found.picture[taken], found.frame_index[taken]
        self.cropped[asked] = found.cropped[taken]

    def time(self, number: int) -> str:
        """Of the content's match, `NEVER` where there is none."""
        if self.content[number] < 0:
            return NEVER
        return str(self._times[np.searchsorted(self.contents, self.content[number])].decode())


def _describe(
    archive: sqlite3.Connection,
    asked: Asked,
    number: int,
    surely: _Best,
    possibly: _Best,
    *,
    hide_posts: bool,
) -> Known:
    surely_by, possibly_from = surely.time(number), possibly.time(number)
    best = surely if surely_by != NEVER else possibly
    content, frame_index = int(best.content[number]), int(best.frame_index[number])
    sha256, captured_at = archive.execute(
        "SELECT sha256, captured_at FROM contents WHERE content = ?", (content,)
    ).fetchone()
    told, posted_at = _find_place(archive, content, LATEST_POSTED, hide_posts=hide_posts)
    since, precision = posted_at, "day" if len(posted_at) == DAY_LENGTH else "second"
    if not since:
        clock = _said(captured_at) if _earliest_captured(captured_at) != NEVER else ""
        since, precision = clock, "camera" if clock else ""
    maybe, maybe_as = "", ""
    if possibly_from < surely_by != NEVER:
        maybe, maybe_as = _find_possible(archive, int(possibly.content[number]), hide_posts=hide_posts)
    row = int(best.picture[number])
    return Known(
        sha256=asked.pictures.name(number),
        archived_sha256=sha256,
        frame_index=int(asked.pictures.frame_index[row]),
        archived_frame_index=frame_index,
        told=told,
        since=since,
        precision=precision,
        distance=int(best.distance[number]),
        how=describe_match(archive, asked, row, content, frame_index, int(best.cropped[number])),
        possibly="" if maybe == since else maybe,
        possibly_as="" if maybe == since else maybe_as,
        surely_by=surely_by,
        possibly_from=possibly_from,
    )


def _find_place(archive: sqlite3.Connection, content: int, time: str, *, hide_posts: bool) -> tuple[str, str]:
    """How tables are to call it, and when it was posted."""
    file, source_url, name, posted_at, _ = archive.execute(PLACE.format(time=time), (content,)).fetchone()
    post = f" ({source_url})" if source_url and not hide_posts else ""
    return _said(f"{name}: {file}{post}"), posted_at


def _find_possible(archive: sqlite3.Connection, content: int, *, hide_posts: bool) -> tuple[str, str]:
    """What may be earlier than what is certain: a post of a day without its time, or a camera's clock."""
    told, posted_at = _find_place(archive, content, EARLIEST_POSTED, hide_posts=hide_posts)
    (captured_at,) = archive.execute(
        "SELECT captured_at FROM contents WHERE content = ?", (content,)
    ).fetchone()
    captured = _earliest_captured(captured_at)
    (posted,) = archive.execute(
        f"SELECT coalesce({EARLIEST_POSTED}, ?) FROM (SELECT ? AS posted_at)", (NEVER, posted_at)
    ).fetchone()
    if captured < posted:
        return f"{_said(captured_at)} (a camera's clock)", told
    return posted_at, told


def _said(text: str) -> str:
    return printable(text)[:MAX_TEXT]
