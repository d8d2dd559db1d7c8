"""Pictures and an archive in, which of the archive's contents look the same out."""

import itertools
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from detector.copies import (
    PICTURE_COLUMNS,
    Pictures,
    Windows,
    distances,
    find_matches,
    find_overlaps,
    read_pictures,
)
from detector.errors import ArchiveError

MIN_SHARED_PICTURES = 3  # of two videos; `find_overlaps` looks closer
PICTURES_AT_ONCE = 500_000  # of an archive, for memory
SAME_BYTES, SAME_PICTURE, MIRRORED = "same bytes", "same picture", "mirrored"
INSIDE = "inside bars or a caption"
ALIKE = 0
CROPPED_HERE, CROPPED_THERE = 1, 2  # what is asked for, or what is in the archive
TURNED, PERHAPS = 2, 4  # more: for mirror images, and where only hashes were compared
CROPPED = (
    "",
    *(
        f"{maybe}cropped {where}{turned}{unseen}"
        for maybe, unseen in (("", ""), ("perhaps ", ", not looked at"))
        for turned in ("", ", mirrored")
        for where in ("here", "there")
    ),
)
FRAME_OF_VIDEO, SHOWN_IN_VIDEO, PART_OF_CLIP = "frame of a video", "shown in this video", "part of a clip"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for in an archive."""

    pictures: Pictures
    """Contents are named by their sha256."""
    is_video: NDArray[np.bool_]
    """For each of their contents."""
    windows: Windows
    """Of the photos of which larger and smaller ones are looked for, too."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Pairs of contents that look the same, one row each; the nearest of their pictures stand for them."""

    asked: NDArray[np.int64]
    """Number of the content among those asked for."""
    content: NDArray[np.int64]
    """Number in the archive."""
    picture: NDArray[np.int64]
    """Row of the picture among those asked for."""
    frame_index: NDArray[np.int64]
    """Of the archive's picture."""
    distance: NDArray[np.int64]
    """Bits of 256; 0 for the same bytes."""
    cropped: NDArray[np.int64]
    """`ALIKE`, or which of the two is cut out of the other, if any: a number of `CROPPED`."""

    def __len__(self) -> int:
        return len(self.asked)

    def take(self, rows: NDArray[np.int64]) -> "Matches":
        """Some of them."""
        return Matches(*(getattr(self, field.name)[rows] for field in fields(self)))


def join_matches(parts: list[Matches]) -> Matches:
    """All of them."""
    nothing = np.empty(0, np.int64)
    return Matches(
        *(
            np.concatenate([nothing, *(getattr(one, field.name) for one in parts)])
            for field in fields(Matches)
        )
    )


def find_in_archive(
    archive: sqlite3.Connection, asked: Asked, counted: NDArray[np.int64]
) -> Iterator[Matches]:
    """Every content of the archive that looks like one that is asked for, part by part of the archive.

    `counted` are the numbers of the contents that count. Videos match when they share a clip, a photo matches
    a video that shows it. Raises ArchiveError when the archive is damaged.
    """
    yield _find_same_bytes(archive, asked, counted)
    queries, of_query, _ = asked.pictures.stack(np.arange(len(asked.pictures.content)))
    for part in _read_parts(archive):
        numbers = np.array([int(one) for one in part.contents], np.int64)
        rows, of_row, _ = part.stack(np.arange(len(part.content)), mirrored=False)
        within = np.isin(numbers, counted)[part.content[of_row]]
        rows, of_row = rows[within], of_row[within]
        videos = _find_videos(archive, numbers)
        clips: list[NDArray[np.int64]] = []
        for left, right in find_matches(queries, rows):
            apart = distances(queries[left], rows[right]).astype(np.int64)
            pictures, others = of_query[left], of_row[right]
            both = asked.is_video[asked.pictures.content[pictures]] & videos[part.content[others]]
            clips.append(np.stack([pictures[both], others[both]]))
            found = _gather(asked, part, numbers, pictures[~both], others[~both], apart[~both])
            if len(found):
                yield found
        if any(one.size for one in clips):
            yield from _find_clips(asked, part, numbers, np.concatenate(clips, axis=1))


def describe_match(
    archive: sqlite3.Connection, asked: Asked, row: int, content: int, frame_index: int, cropped: int
) -> str:
    """How a picture that was asked for and one of the archive are alike, in words."""
    if cropped != ALIKE:
        return CROPPED[cropped]
    number = int(asked.pictures.content[row])
    name, is_video = asked.pictures.name(number), bool(asked.is_video[number])
    sha256, kind = archive.execute(
        "SELECT sha256, kind FROM contents WHERE content = ?", (content,)
    ).fetchone()
    if sha256 == name:
        return SAME_BYTES
    other = read_archived(
        archive.execute(
            f"SELECT content, {PICTURE_COLUMNS} FROM pictures WHERE content = ? AND frame_index = ?",
            (content, frame_index),
        )
    )
    _, mirrored, inside = asked.pictures.describe(row, other, 0)
    where = {
        (False, True): FRAME_OF_VIDEO,
        (True, False): SHOWN_IN_VIDEO,
        (True, True): PART_OF_CLIP,
    }.get((is_video, kind == "video"), "")
    said = [where, MIRRORED if mirrored else "", INSIDE if inside else ""]
    return ", ".join(filter(None, said)) or SAME_PICTURE


def _read_parts(archive: sqlite3.Connection) -> Iterator[Pictures]:
    """All pictures, so many at once, a content's together."""
    last = -1
    while True:
        rows = archive.execute(
            f"SELECT content, {PICTURE_COLUMNS} FROM pictures WHERE content > ? "
            "ORDER BY content, frame_index",
            (last,),
        )
        part = read_archived(_until_full(rows))
        rows.close()
        if not len(part.contents):
            return
        last = int(part.contents[-1])
        yield part


def read_archived(rows: Iterator[tuple[object, ...]]) -> Pictures:
    """Pictures of an archive's rows. Raises ArchiveError when it is damaged."""
    try:
        return read_pictures(rows)
    except (ValueError, TypeError, OverflowError) as error:
        raise ArchiveError(f"the archive is damaged: {error}") from error


def _until_full(rows: Iterator[tuple[object, ...]]) -> Iterator[tuple[object, ...]]:
    """Rows up to the end of the content with which there are enough."""
    count = 0
    for _, of_content in itertools.groupby(rows, key=lambda row: row[0]):
        for row in of_content:
            count += 1
            yield row
        if count >= PICTURES_AT_ONCE:
            return


def _find_videos(archive: sqlite3.Connection, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    if not len(numbers):
        return np.empty(0, np.bool_)
    videos = archive.execute(
        "SELECT content FROM contents WHERE kind = 'video' AND content BETWEEN ? AND ?",
        (int(numbers.min()), int(numbers.max())),
    )
    return np.isin(numbers, [content for (content,) in videos])


def _find_same_bytes(archive: sqlite3.Connection, asked: Asked, counted: NDArray[np.int64]) -> Matches:
    first_row = np.unique(asked.pictures.content, return_index=True)[1]
    found = []
    for number, sha256 in enumerate(asked.pictures.contents):
        row = archive.execute(
            "SELECT content, (SELECT min(frame_index) FROM pictures p WHERE p.content = c.content) "
            "FROM contents c WHERE sha256 = ?",
            (sha256.decode(),),
        ).fetchone()
        if row:
            found.append((number, row[0], first_row[number], row[1] or 0, 0, ALIKE))
    same = Matches(*np.array(found, np.int64).reshape(-1, 6).T)
    return same.take(np.flatnonzero(np.isin(same.content, counted)))


def _gather(
    asked: Asked,
    part: Pictures,
    numbers: NDArray[np.int64],
    pictures: NDArray[np.int64],
    others: NDArray[np.int64],
    apart: NDArray[np.int64],
) -> Matches:
    """For each pair of contents its nearest pictures."""
    contents, archived = asked.pictures.content[pictures], numbers[part.content[others]]
    alike = np.full(len(pictures), ALIKE)
    return keep_nearest(Matches(contents, archived, pictures, part.frame_index[others], apart, alike))


def keep_nearest(found: Matches) -> Matches:
    """Of each pair of contents one match."""
    order = np.lexsort((found.cropped, found.frame_index, found.distance, found.content, found.asked))
    changes = np.ones(len(order), np.bool_)
    if len(order):
        changes[1:] = (np.diff(found.asked[order]) != 0) | (np.diff(found.content[order]) != 0)
    return found.take(order[changes])


def _find_clips(
    asked: Asked, part: Pictures, numbers: NDArray[np.int64], pairs: NDArray[np.int64]
) -> Iterator[Matches]:
    """Of pairs (2, m) of frames of videos those whose videos share a clip."""
    pairs = np.unique(pairs, axis=1)
    contents = np.stack([asked.pictures.content[pairs[0]], part.content[pairs[1]]])
    pairs, contents = (one[:, np.lexsort(contents)] for one in (pairs, contents))
    cuts = [0, *(np.flatnonzero(np.any(np.diff(contents, axis=1), axis=0)) + 1).tolist(), pairs.shape[1]]
    for start, end in itertools.pairwise(cuts):
        left, right = contents[:, start].tolist()
        if end - start >= MIN_SHARED_PICTURES and _share_clip(asked.pictures, left, part, right):
            pictures, others = pairs[:, start:end]
            apart = asked.pictures.distances_between(pictures, part, others).astype(np.int64)
            yield _gather(asked, part, numbers, pictures, others, apart)


def _share_clip(first: Pictures, left: int, second: Pictures, right: int) -> bool:
    """Whether a video of the first pictures shows what one of the second shows."""
    hashes, mirrored, usable, times, video = [], [], [], [], []
    for number, (pictures, content) in enumerate(((first, left), (second, right))):
        start, end = np.searchsorted(pictures.content, [content, content + 1])
        insides = slice(len(pictures.content) + start, len(pictures.content) + end)
        hashes.append(pictures.hashes[insides])
        mirrored.append(pictures.mirrored[insides])
        usable.append(pictures.usable[insides])
        times.append(pictures.time_seconds[start:end])
        video.append(np.full(end - start, number))
    found = find_overlaps(
        *map(np.concatenate, (hashes, mirrored, video, times)), usable=np.concatenate(usable)
    )
    return bool(found)
