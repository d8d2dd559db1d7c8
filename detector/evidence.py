"""Results of all files in, what they mean together into the journal: posts, copies and events."""

import itertools
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import fields
from operator import itemgetter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.comparing import Looking
from detector.copies import (
    PICTURE_COLUMNS,
    Pictures,
    find_clusters,
    find_overlaps,
    join_pairs,
    read_pictures,
)
from detector.cutting import find_cut_out, find_painted_over
from detector.events import find_spells, gap_seconds
from detector.formats import claimed_kind
from detector.ids import ID_DIGITS, STREAM_FRAMES, detection_id, event_id, frame_id
from detector.journal import LATEST_POSTED, Journal, ReportInfo, define_views
from detector.posts import Post, PostMatch, Pseudonyms, is_sidecar, match_posts
from detector.regular import find_mode

CONTENTS_AT_ONCE = 50_000  # for memory
POST_FIELDS = tuple(field.name for field in fields(Post) if field.name != "aliases")


def gather_evidence(journal: Journal, looking: Looking, *, every_seconds: float, key: bytes) -> ReportInfo:
    """Finds posts, copies and events of the newest run's files, and defines the views that show them.

    With a key, authors get pseudonyms. When looking is to stop, no photo is told to be cut out of another.
    """
    remembered = journal.remember_posts()
    journal.replace_derived("posts", _find_posts(journal, key, looking.may_fetch, remembered=remembered))
    define_views(journal.connection)
    pictures, is_video = read_looked_at(journal.connection)
    labels = _find_labels(pictures)
    journal.replace_derived("pictures", _picture_rows(pictures, labels))
    journal.replace_derived("copies", _copy_rows(journal.connection, pictures, is_video, labels, looking))
    journal.replace_derived("events", _event_rows(journal.connection, every_seconds))
    return define_views(journal.connection)  # sizes of clusters are known only now


def read_looked_at(connection: sqlite3.Connection) -> tuple[Pictures, NDArray[np.bool_]]:
    """Every frame that was looked at in the report's files, and which of their contents are videos.

    The views are defined; contents are named by their sha256.
    """
    frames = connection.execute(
        f"SELECT sha256, {PICTURE_COLUMNS} FROM frames "
        "WHERE sha256 IN (SELECT sha256 FROM temp.files) ORDER BY sha256, frame_index"
    )
    pictures = read_pictures(frames)
    is_video = np.zeros(len(pictures.contents), np.bool_)
    videos = connection.execute("SELECT sha256 FROM results WHERE kind = 'video' ORDER BY sha256")
    while part := videos.fetchmany(CONTENTS_AT_ONCE):
        numbers = pictures.numbers([sha256 for (sha256,) in part])
        is_video[numbers[numbers >= 0]] = True
    return pictures, is_video


def renew_events(journal: Journal, every_seconds: float) -> None:
    """Finds events again, as after other thresholds; the views are defined."""
    journal.replace_derived("events", _event_rows(journal.connection, every_seconds))


# Posts


def _find_posts(
    journal: Journal, key: bytes, may_fetch: Callable[[Path], bool], *, remembered: bool
) -> Iterator[tuple[object, ...]]:
    """With `remembered`, posts that are set aside stand for files that are gone."""
    pseudonyms = Pseudonyms(key, _match(journal, may_fetch)) if key else None
    for match in _match(journal, may_fetch):
        if remembered and not match.rule and not find_mode(match.path):
            kept = journal.remembered_post(match.path)
            if kept:
                yield kept
                continue
        if not match.rule and not match.warning:
            continue
        told = pseudonyms.hide(match) if pseudonyms else match
        post = told.post
        others = [{name: getattr(other, name) for name in POST_FIELDS} for other in told.others]
        yield (
            *(os.fsencode(match.path), post.source_url, post.platform, post.author, post.posted_at),
            *(post.post_id, post.text, post.sidecar, post.forwarded_from, match.rule, told.warning),
            json.dumps(others, ensure_ascii=False) if others else "",
        )


def _match(journal: Journal, may_fetch: Callable[[Path], bool]) -> Iterator[PostMatch]:
    media = (
        (media, sha256)
        for media, sha256 in journal.inputs_with_hash()
        if media.kind != "other" or claimed_kind(media.path) != "other" or is_sidecar(media.path.name)
    )
    return match_posts(media, journal.roots(), may_fetch)


# Copies


def _find_labels(pictures: Pictures) -> NDArray[np.int64]:
    """For each picture the smallest row of its cluster."""
    count = len(pictures.content)
    both = (pictures.hashes, pictures.mirrored)
    no_margins = np.all(
        [(sides[:count].view(np.uint64) == sides[count:].view(np.uint64)).all(axis=1) for sides in both],
        axis=0,
    )
    usable = pictures.usable.copy()
    usable[count:] &= ~(no_margins & usable[:count])  # whole and inside are the same: asked once
    labels = find_clusters(
        pictures.hashes, pictures.mirrored, usable=usable, pictures=np.tile(np.arange(count), 2)
    )
    return np.where(usable[:count], labels[:count], labels[count:]) % max(count, 1)


def _picture_rows(pictures: Pictures, labels: NDArray[np.int64]) -> Iterator[tuple[object, ...]]:
    for begin in range(0, len(labels), CONTENTS_AT_ONCE):
        part = labels[begin : begin + CONTENTS_AT_ONCE]
        rows = np.arange(begin, begin + len(part))
        own, other = (pictures.names(pictures.content[one]) for one in (rows, part))
        names = map(frame_id, other, pictures.frame_index[part].tolist())
        yield from zip(own, pictures.frame_index[rows].tolist(), names, strict=True)


def _copy_rows(
    connection: sqlite3.Connection,
    pictures: Pictures,
    is_video: NDArray[np.bool_],
    labels: NDArray[np.int64],
    looking: Looking,
) -> Iterator[tuple[object, ...]]:
    """Each content's cluster: photos that look the same, videos that share a clip."""
    count = len(pictures.contents)
    links = np.concatenate(
        [
            _photo_links(pictures, is_video, labels),
            _video_links(pictures, is_video),
            find_cut_out(connection, pictures, is_video, labels, looking),
            find_painted_over(connection, pictures, is_video, labels, looking),
        ]
    )
    clusters = join_pairs(links[:, 0], links[:, 1], count)
    order = _standing(connection, pictures)
    _, firsts, member = np.unique(clusters[order], return_index=True, return_inverse=True)
    heads = np.empty(count, np.int64)
    heads[order] = order[firsts][member]
    first_row = np.unique(pictures.content, return_index=True)[1]
    for begin in range(0, count, CONTENTS_AT_ONCE):
        rows = np.arange(begin, min(count, begin + CONTENTS_AT_ONCE))
        apart = pictures.distances_between(first_row[rows], pictures, first_row[heads[rows]])
        is_clip = is_video[rows] & (rows != heads[rows])
        known = [None if clip else far for clip, far in zip(is_clip.tolist(), apart.tolist(), strict=True)]
        names = pictures.names(heads[rows])
        files = _first_files(connection, names)
        for name, head, distance in zip(pictures.names(rows), names, known, strict=True):
            yield name, head[:ID_DIGITS], distance, files[head]


def _standing(connection: sqlite3.Connection, pictures: Pictures) -> NDArray[np.int64]:
    """Numbers (n,) of the contents, the first to represent a cluster in front.

    It is posted first, else largest, else of the first name.
    """
    names = connection.execute(
        f"SELECT sha256 FROM temp.files WHERE sha256 != '' GROUP BY sha256 "
        f"ORDER BY min({LATEST_POSTED}), max(width * height) DESC, min(file)"
    )
    parts = [np.empty(0, np.int64)]
    while part := names.fetchmany(CONTENTS_AT_ONCE):
        parts.append(pictures.numbers([sha256 for (sha256,) in part]))
    order = np.concatenate(parts)
    return order[order >= 0]


def _first_files(connection: sqlite3.Connection, names: list[str]) -> dict[str, str]:
    """The first file of each of these contents."""
    found = connection.execute(
        "SELECT sha256, min(file) FROM temp.files WHERE sha256 IN (SELECT value FROM json_each(?)) "
        "GROUP BY sha256",
        (json.dumps(names),),
    )
    return dict(found.fetchall())


def _photo_links(
    pictures: Pictures, is_video: NDArray[np.bool_], labels: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Pairs (m, 2) of contents, both photos, that hold a picture of the same cluster."""
    rows = np.flatnonzero(~is_video[pictures.content])
    _, first, member = np.unique(labels[rows], return_index=True, return_inverse=True)
    heads = pictures.content[rows[first]][member]
    return np.stack([heads, pictures.content[rows]], axis=1).reshape(-1, 2)


def _video_links(pictures: Pictures, is_video: NDArray[np.bool_]) -> NDArray[np.int64]:
    rows = np.flatnonzero(is_video[pictures.content])
    inside = len(pictures.content) + rows  # of one clip, with bars here and without there
    overlaps = find_overlaps(
        pictures.hashes[inside],
        pictures.mirrored[inside],
        pictures.content[rows],
        pictures.time_seconds[rows],
        usable=pictures.usable[inside],
    )
    return np.array([(one.first, one.second) for one in overlaps], np.int64).reshape(-1, 2)


# Events


def _event_rows(connection: sqlite3.Connection, every_seconds: float) -> Iterator[tuple[object, ...]]:
    hits = connection.execute(
        f"SELECT sha256, frame_index / {STREAM_FRAMES} AS stream, class_id, frame_index, time_seconds, rank, "
        "confidence, ambiguous FROM temp.shown "
        "WHERE sha256 IN (SELECT sha256 FROM temp.files WHERE kind = 'video') "
        "ORDER BY sha256, stream, class_id, time_seconds, frame_index, confidence DESC"
    )
    for (sha256, stream), of_stream in itertools.groupby(hits, itemgetter(0, 1)):
        sampled = _sampled_seconds(connection, sha256, stream)
        gap = gap_seconds(sampled, every_seconds)
        for class_id, seen in itertools.groupby(of_stream, itemgetter(2)):
            # the most confident of each frame
            frames = [next(of_frame) for _, of_frame in itertools.groupby(seen, itemgetter(3))]
            index, seconds, rank, confidence, ambiguous = map(
                np.array, zip(*(row[3:] for row in frames), strict=True)
            )
            for spell in find_spells(seconds.astype(float), sampled, gap):
                part = slice(spell.first, spell.last + 1)
                start, end = float(seconds[spell.first]), float(seconds[spell.last])
                best = spell.first + int(confidence[part].argmax())
                yield (
                    event_id(sha256, class_id, int(index[spell.first])),
                    *(sha256, class_id, start, end),
                    detection_id(sha256, int(index[best]), int(rank[best])),
                    *(float(confidence[best]), float(np.median(confidence[part]))),
                    spell.last + 1 - spell.first,
                    int(((sampled >= start) & (sampled <= end)).sum()),
                    int(ambiguous[part].all()),
                )


def _sampled_seconds(connection: sqlite3.Connection, sha256: str, stream: int) -> NDArray[np.float64]:
    rows = connection.execute(
        "SELECT time_seconds FROM frames WHERE sha256 = ? AND frame_index / ? = ? ORDER BY time_seconds",
        (sha256, STREAM_FRAMES, stream),
    )
    return np.array([seconds for (seconds,) in rows], float)
