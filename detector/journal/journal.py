"""scan.db: what was looked at and what was seen; the one truth, from which a scan goes on and tables come."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from detector.errors import RecordError
from detector.formats import NOT_OPENED, Kind
from detector.journal.chain import add_forgotten, add_result, add_scan
from detector.journal.database import lock_database, prepare_tables, read_database
from detector.journal.parts import merge_part, write_part
from detector.sources import Media, name_before

if TYPE_CHECKING:
    from detector.worker import FileResult  # whose libraries a journal does not need

PAGE = 1000  # inputs read at once
NOT_RECORDED = (
    *(sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError),
    *(ArithmeticError, ValueError, TypeError, LookupError, AttributeError),
)
DETECTION_COLUMNS = 21
PICTURES = """
SELECT sha256, annotated AS name, annotated_sha256 AS digest FROM detections WHERE annotated != ''
UNION SELECT sha256, crop, crop_sha256 FROM detections WHERE crop != ''
UNION SELECT sha256, 'plain/' || substr(annotated, instr(annotated, '/') + 1), plain_sha256 FROM detections
WHERE annotated != ''
"""
IS_AS_LISTED = "version != '' AND version = excluded.version AND sha256 != ''"
RENEWED = ", ".join(
    f"{column} = iif({IS_AS_LISTED}, {column}, {otherwise})"
    for column, otherwise in (
        *(("kind", "excluded.kind"), ("bytes", "0"), ("sha256", "''")),
        *(("status", "''"), ("reason", "''")),
    )
)
DERIVED = ("posts", "pictures", "copies", "events", "known", "parts")


@dataclass(frozen=True, slots=True)
class Tally:
    """What the journal knows of a report's inputs, or of those of its newest run."""

    found: int
    looked_at: int
    failed: int
    not_read: int
    """Known media of kinds not read here, and what is not opened, as hidden files."""
    earlier: int
    """Files of earlier runs that belong to the report."""
    left_out: int
    """Files of earlier runs that do not belong to the report any more."""


@dataclass(frozen=True, slots=True)
class Named:
    """How inputs are named that belong to a report by now."""

    roots: Mapping[Path, str]
    """Folders that names are relative to, each with how names under it begin."""
    firsts: frozenset[str]
    """The first folders of all names."""


class Journal:
    """An open scan.db. Made by `open_journal`; holds the report folder's lock until closed."""

    def __init__(self, connection: sqlite3.Connection, run: int) -> None:
        self.connection = connection
        self.run = run

    def add_inputs(self, media: Iterable[Media]) -> None:
        """Notes what the run has found; what is known of a file's content is kept for `record` to renew.

        An object that the storage lists as it did before has the content that it had.
        """
        with self.connection:
            self.connection.executemany(
                "INSERT INTO inputs (path, root, name, kind, run, version, batch) "
                "VALUES (?, ?, ?, ?, ?, ?, (SELECT max(batch) FROM run)) "
                "ON CONFLICT (path) DO UPDATE SET root = excluded.root, name = excluded.name, "
                f"run = excluded.run, version = excluded.version, {RENEWED}, "
                "batch = iif(belongs, batch, excluded.batch), belongs = 1",
                (
                    (os.fsencode(one.path), os.fsencode(one.root), one.name, one.kind, self.run, one.version)
                    for one in media
                ),
            )

    def leave_out(self, places: Iterable[Path], *, recursive: bool) -> None:
        """Inputs of earlier runs that lie in places that this run looked in, and were not found there, do not
        belong to the report any more.
        """
        with self.connection:
            for place in places:
                inside = os.fsencode(os.path.join(place, ""))  # noqa: PTH118 (ends with a separator)
                self.connection.execute(
                    "UPDATE inputs SET belongs = 0 WHERE run != :run AND (path = :place OR "
                    "substr(path, 1, :length) = :inside AND "
                    "(:recursive OR NOT instr(substr(path, :length + 1), :separator)))",
                    {
                        "run": self.run,
                        "place": os.fsencode(place),
                        "inside": inside,
                        "length": len(inside),
                        "recursive": recursive,
                        "separator": os.sep.encode(),
                    },
                )

    def leave_out_earlier(self) -> None:
        """No input of an earlier run belongs to the report any more."""
        with self.connection:
            self.connection.execute("UPDATE inputs SET belongs = 0 WHERE run != ?", (self.run,))

    def named(self) -> Named:
        """How the inputs are named that belong to the report by now."""
        rows = self.connection.execute("SELECT root, path, name FROM inputs WHERE belongs GROUP BY root")
        roots = {
            Path(os.fsdecode(root)): name_before(name, Path(os.fsdecode(root)), Path(os.fsdecode(path)))
            for root, path, name in rows
        }
        firsts = self.connection.execute(
            "SELECT DISTINCT substr(name, 1, instr(name, '/') - 1) FROM inputs "
            "WHERE belongs AND instr(name, '/')"
        )
        return Named(roots, frozenset(first for (first,) in firsts))

    def inputs(self) -> Iterator[Media]:
        """The run's inputs in order of their paths, a page at a time, so that the journal may change."""
        return (media for media, _ in self._pages("run = :run"))

    def inputs_with_hash(self) -> Iterator[tuple[Media, str]]:
        """The report's inputs, each with its content's hash, "" while that is unknown."""
        return self._pages("belongs")

    def _pages(self, condition: str) -> Iterator[tuple[Media, str]]:
        last = b""
        roots: dict[bytes, Path] = {}
        while True:
            rows = self.connection.execute(
                f"SELECT path, root, name, kind, version, sha256 FROM inputs WHERE {condition} "
                "AND path > :last ORDER BY path LIMIT :page",
                {"run": self.run, "last": last, "page": PAGE},
            ).fetchall()
            roots |= {root: Path(os.fsdecode(root)) for root in {row[1] for row in rows} - roots.keys()}
            for path, root, name, kind, version, sha256 in rows:
                place = Path(os.fsdecode(path))
                yield Media(roots[root], name, cast("Kind", kind), place, version=version), sha256
            if len(rows) < PAGE:
                return
            last = rows[-1][0]

    def roots(self) -> list[Path]:
        """The folders that the names of the report's inputs are relative to."""
        rows = self.connection.execute("SELECT DISTINCT root FROM inputs WHERE belongs")
        return [Path(os.fsdecode(root)) for (root,) in rows]

    def remember_posts(self) -> bool:
        """Sets aside the posts of files that the run did not look for: their sidecars may be gone. Gives
        whether there are any."""
        self.connection.execute("DROP TABLE IF EXISTS temp.remembered")
        self.connection.execute(
            "CREATE TEMP TABLE remembered AS SELECT p.* FROM posts p JOIN inputs USING (path) "
            "WHERE belongs AND run != ?",
            (self.run,),
        )
        self.connection.execute("CREATE INDEX temp.remembered_by_path ON remembered (path)")
        return self.connection.execute("SELECT 1 FROM temp.remembered").fetchone() is not None

    def remembered_post(self, path: Path) -> tuple[object, ...] | None:
        """The row of a post set aside, None where there is none."""
        kept = self.connection.execute("SELECT * FROM temp.remembered WHERE path = ?", (os.fsencode(path),))
        row: tuple[object, ...] | None = kept.fetchone()
        return row

    def paths_of(self, sha256: str) -> list[Path]:
        """Where files of this content were."""
        rows = self.connection.execute("SELECT path FROM inputs WHERE sha256 = ? ORDER BY path", (sha256,))
        return [Path(os.fsdecode(path)) for (path,) in rows]

    def knows_size(self, size: int) -> bool:
        """Whether a finished content has this many bytes: only then is a file worth hashing ahead."""
        row = self.connection.execute("SELECT 1 FROM results WHERE bytes = ? LIMIT 1", (size,)).fetchone()
        return row is not None

    def knows_object(self, media: Media) -> bool:
        """Whether an object that is unchanged since then, as its storage lists it, is finished."""
        row = self.connection.execute(
            "SELECT 1 FROM inputs i LEFT JOIN results r USING (sha256) "
            "WHERE path = ? AND sha256 != '' AND (i.status != '' OR r.sha256 IS NOT NULL)",
            (os.fsencode(media.path),),
        ).fetchone()
        return bool(media.version) and row is not None

    def recall(self, media: Media, sha256: str, size: int) -> bool:
        """Whether this content is finished; if so, the input is noted as having it."""
        if not self.connection.execute("SELECT 1 FROM results WHERE sha256 = ?", (sha256,)).fetchone():
            return False
        with self.connection:
            self._link(media, sha256, size, "", "")
        return True

    def record(self, result: FileResult) -> None:
        """Notes a result in one transaction; its pictures are on disk by now.

        Raises RecordError when something in it cannot be noted: then nothing is.
        """
        by_name = result.media.kind in ("other", *NOT_OPENED) or not result.sha256
        status, reason = (result.status, result.reason) if by_name else ("", "")
        try:
            with self.connection:
                self._link(result.media, result.sha256, result.bytes, status, reason)
                if not by_name:
                    self._add_result(result)
        except NOT_RECORDED as error:  # all others are about the disk or the journal, and concern all files
            raise RecordError(f"its result cannot be recorded: {error}") from error

    def pictures_of(self, sha256: str) -> set[str]:
        """The pictures that a content's detections name."""
        rows = self.connection.execute(f"SELECT name FROM ({PICTURES}) WHERE sha256 = ?", (sha256,))
        return {name for (name,) in rows}

    def pictures(self) -> Iterator[tuple[str, str]]:
        """Every picture that detections name, with the hash that it was written with, in order of name."""
        yield from self.connection.execute(f"SELECT name, digest FROM ({PICTURES}) ORDER BY name")

    def forget_failed(self) -> None:
        """Makes failed contents count as not looked at."""
        with self.connection:
            self.connection.execute("BEGIN IMMEDIATE")  # a review may add links beside
            failed = "SELECT sha256 FROM results WHERE status = 'failed' ORDER BY sha256"
            for (sha256,) in self.connection.execute(failed).fetchall():
                add_forgotten(self.connection, sha256)
            for table in ("detections", "frames"):
                self.connection.execute(
                    f"DELETE FROM {table} WHERE sha256 IN "
                    "(SELECT sha256 FROM results WHERE status = 'failed')"
                )
            self.connection.execute("DELETE FROM results WHERE status = 'failed'")

    def write_part(self, target: Path, identity: Mapping[str, str], paths: Iterable[bytes]) -> str:
        """Writes what is known of these inputs as a part (see `parts`); gives the name that it goes by."""
        return write_part(self.connection, target, identity, paths)

    def merge_part(self, part: Path, identity: Mapping[str, str]) -> None:
        """Takes over what a part knows. Raises ReportFolderError."""
        merge_part(self.connection, part, identity)

    def seal(self) -> None:
        """Adds to the chain what tables are made from besides results and verdicts; they are written next."""
        self.connection.commit()  # of the temporary tables that views are made of
        with self.connection:
            self.connection.execute("BEGIN IMMEDIATE")  # a review may add links beside
            add_scan(self.connection, self.run)

    def complete(self) -> None:
        """Notes that all of the run's inputs were looked at: what the next run adds is another batch."""
        with self.connection:
            self.connection.execute("UPDATE run SET complete = 1 WHERE number = ?", (self.run,))

    def batches(self) -> list[tuple[int, str, int]]:
        """The scans that the report's inputs came with: number, when begun, files."""
        return self.connection.execute(
            "SELECT batch, begun, count(*) FROM inputs JOIN "
            "(SELECT batch, min(started_at) AS begun FROM run GROUP BY batch) USING (batch) "
            "WHERE belongs GROUP BY batch ORDER BY batch"
        ).fetchall()

    def tally(self) -> Tally:
        """Counts over the report's inputs."""
        return self._count("i.belongs")

    def tally_of_run(self) -> Tally:
        """Counts over the newest run's inputs."""
        return self._count("i.run = :run")

    def _count(self, condition: str) -> Tally:
        counted = self.connection.execute(
            f"SELECT count(*) FILTER (WHERE {condition}), "
            f"count(*) FILTER (WHERE {condition} AND (i.status != '' OR r.sha256 IS NOT NULL)), "
            f"count(*) FILTER (WHERE {condition} AND 'failed' IN (i.status, r.status)), "
            f"count(*) FILTER (WHERE {condition} AND 'not_read' IN (i.status, r.status)), "
            "count(*) FILTER (WHERE i.belongs AND i.run != :run), count(*) FILTER (WHERE NOT i.belongs) "
            "FROM inputs i LEFT JOIN results r ON r.sha256 = i.sha256 AND i.status = ''",
            {"run": self.run},
        ).fetchone()
        return Tally(*counted)

    def replace_derived(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        """Replaces all rows of one of the `DERIVED` tables; rows have its columns in order."""
        with self.connection:
            self.connection.execute(f"DELETE FROM {table}")
            width = len(self.connection.execute(f"SELECT * FROM {table} LIMIT 0").description)
            self.connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", rows)

    def _link(self, media: Media, sha256: str, size: int, status: str, reason: str) -> None:
        self.connection.execute(
            "UPDATE inputs SET sha256 = ?, bytes = ?, status = ?, reason = ?, kind = ? WHERE path = ?",
            (sha256, size, status, reason, media.kind, os.fsencode(media.path)),
        )

    def _add_result(self, result: FileResult) -> None:
        sha256, coverage = result.sha256, result.coverage
        kept = self.connection.execute("SELECT status FROM results WHERE sha256 = ?", (sha256,)).fetchone()
        if kept and (kept[0] != "failed" or result.status == "failed"):
            return  # an exact copy was looked at at the same time
        for table in ("detections", "frames"):
            self.connection.execute(f"DELETE FROM {table} WHERE sha256 = ?", (sha256,))
        self.connection.execute(
            "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(sha256, result.bytes, coverage.kind, result.status, result.reason),
                *(coverage.width, coverage.height, coverage.frames_read, coverage.frames_unreadable),
                *(coverage.read_seconds, coverage.declared_seconds, coverage.captured_at),
            ),
        )
        self.connection.executemany(
            "INSERT INTO frames VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    *(sha256, frame.frame_index, frame.time_seconds),
                    *(*astuple(frame.whole), *astuple(frame.inside), frame.windows, frame.edges),
                )
                for frame in result.frames
            ),
        )
        self.connection.executemany(
            f"INSERT INTO detections VALUES ({', '.join('?' * DETECTION_COLUMNS)})",
            ((sha256, *row) for row in _detection_rows(result)),
        )
        add_result(self.connection, sha256)


@contextmanager
def open_journal(folder: Path, identity: Mapping[str, str], started_at: str) -> Iterator[Journal]:
    """The journal of a report folder, made when the folder is new or empty, with a new run begun.

    `identity` says what the results depend on. Raises ReportFolderError when the folder holds something else,
    was made with another identity, is in use by another scan or cannot be written.
    """
    with lock_database(folder, wait_seconds=0) as connection:
        prepare_tables(connection, folder, identity)
        with connection:
            run = connection.execute(
                "INSERT INTO run (started_at, batch) "
                "SELECT ?, coalesce((SELECT batch + complete FROM run ORDER BY number DESC LIMIT 1), 1)",
                (started_at,),
            ).lastrowid
            # What says to be found by a run that was not yet would pass for found by this one.
            connection.execute("UPDATE inputs SET run = 0 WHERE run >= ?", (run,))
        yield Journal(connection, run or 0)


@contextmanager
def reopen_journal(folder: Path, wait_seconds: float) -> Iterator[Journal]:
    """The journal as its newest run left it, for writing the tables again.

    Raises ReportFolderError as `read_database` does, and when a scan is still writing after `wait_seconds`.
    """
    with read_database(folder):
        pass
    with lock_database(folder, wait_seconds) as connection:
        (run,) = connection.execute("SELECT coalesce(max(number), 0) FROM run").fetchone()
        yield Journal(connection, run)


def _detection_rows(result: FileResult) -> Iterator[tuple[object, ...]]:
    found = result.detections
    columns = found.data | {"class_id": found.class_id, "confidence": found.confidence}
    columns |= dict(zip(("left", "top", "right", "bottom"), found.xyxy.T, strict=True))
    names = ["frame_index", "rank", "time_seconds", "class_id", "confidence", "rival_class_id"]
    names += ["rival_confidence", "ambiguous", "left", "top", "right", "bottom"]
    names += ["page", "frame_width", "frame_height"]
    names += ["annotated", "crop", "annotated_sha256", "crop_sha256", "plain_sha256"]
    return zip(*(np.asarray(columns[name]).tolist() for name in names), strict=True)


def identity_text(values: Mapping[str, object]) -> dict[str, str]:
    """Settings as texts that are the same whenever the settings are."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}


def utc_now() -> str:
    """The present as ISO 8601 with `Z`, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
