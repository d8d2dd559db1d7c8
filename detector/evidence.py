"""Results of all files in, what they mean together into the journal: posts, copies and events."""

import itertools
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import fields
from operator import itemgetter

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

CONTENTS_AT_ONCE = 50_000  # for memory
POST_FIELDS = tuple(field.name for field in fields(Post) if field.name != "aliases")


def gather_evidence(journal: Journal, looking: Looking, *, every_seconds: float, key: bytes) -> ReportInfo:
    """Finds posts, copies and events of the newest run's files, and defines the views that show them.

    With a key, authors get pseudonyms. When looking is to stop, no photo is told to be cut out of another.
    """
    journal.remember_posts()
    journal.replace_derived("posts", _find_posts(journal, key))
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
    videos = {sha256 for (sha256,) in connection.execute("SELECT sha256 FROM results WHERE kind = 'video'")}
    return pictures, np.array([sha256 in videos for sha256 in pictures.contents], bool)


def renew_events(journal: Journal, every_seconds: float) -> None:
    """Finds events again, as after other thresholds; the views are defined."""
    journal.replace_derived("events", _event_rows(journal.connection, every_seconds))


# Posts


def _find_posts(journal: Journal, key: bytes) -> Iterator[tuple[object, ...]]:
    pseudonyms = Pseudonyms(key, _match(journal)) if key else None
    for match in _match(journal):
        if not match.rule and not match.path.exists() and (kept := journal.remembered_post(match.path)):
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


def _match(journal: Journal) -> Iterator[PostMatch]:
    media = (
        (media, sha256)
        for media, sha256 in journal.inputs_with_hash()
        if media.kind != "other" or claimed_kind(media.path) != "other" or is_sidecar(media.path.name)
    )
    return match_posts(media, journal.roots())


# Copies


def _find_labels(pictures: Pictures) -> NDArray[np.int64]:
    """For each picture the smallest row of its cluster."""
    count = len(pictures.content)
    both = (pictures.hashes, pictures.mirrored)
    no_margins = np.all([(sides[:count] == sides[count:]).all(axis=1) for sides in both], axis=0)
    usable = pictures.usable.copy()
    usable[count:] &= ~(no_margins & usable[:count])  # whole and inside are the same: asked once
    labels = find_clusters(
        pictures.hashes, pictures.mirrored, usable=usable, pictures=np.tile(np.arange(count), 2)
    )
    return np.where(usable[:count], labels[:count], labels[count:]) % max(count, 1)


def _picture_rows(pictures: Pictures, labels: NDArray[np.int64]) -> Iterator[tuple[object, ...]]:
    for row, label in enumerate(labels.tolist()):
        name = frame_id(pictures.contents[pictures.content[label]], int(pictures.frame_index[label]))
        yield pictures.contents[pictures.content[row]], int(pictures.frame_index[row]), name


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
    order, files = _standing(connection, pictures.contents)
    _, firsts, member = np.unique(clusters[order], return_index=True, return_inverse=True)
    heads = np.empty(count, np.int64)
    heads[order] = order[firsts][member]
    first_row = np.unique(pictures.content, return_index=True)[1]
    for begin in range(0, count, CONTENTS_AT_ONCE):
        rows = np.arange(begin, min(count, begin + CONTENTS_AT_ONCE))
        apart = pictures.distances_between(first_row[rows], pictures, first_row[heads[rows]])
        for row, head, distance in zip(*(one.tolist() for one in (rows, heads[rows], apart)), strict=True):
            known = None if is_video[row] and row != head else distance
            yield pictures.contents[row], pictures.contents[head][:ID_DIGITS], known, files[head]


def _standing(connection: sqlite3.Connection, contents: list[str]) -> tuple[NDArray[np.int64], list[str]]:
    """Rows (n,) of contents, the first to represent a cluster in front, and the first file of each content.

    It is posted first, else largest, else of the first name.
    """
    rows = dict(zip(contents, range(len(contents)), strict=True))
    files = [""] * len(contents)
    order = []
    for sha256, file in connection.execute(
        f"SELECT sha256, min(file) FROM temp.files WHERE sha256 != '' GROUP BY sha256 "
        f"ORDER BY min({LATEST_POSTED}), max(width * height) DESC, min(file)"
    ):
        if sha256 in rows:
            order.append(rows[sha256])
            files[rows[sha256]] = file
    return np.array(order, np.int64), files


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
