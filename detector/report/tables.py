"""Journal in, tables, summary and manifest out."""

import hashlib
import importlib.metadata
import json
import os
import platform
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from detector import __version__
from detector.errors import ReportFolderError
from detector.journal import (
    FILE_NAME,
    LOCK_NAME,
    Journal,
    ReportInfo,
    define_views,
    read_verdicts,
    reopen_journal,
)
from detector.model import WeightsInfo
from detector.report.page import draw_page
from detector.report.summary import Summary, summarise
from detector.settings import WorkerSettings

ROWS_AT_ONCE = 20_000
LOCK_SECONDS = (
    60.0  # that tables wait for others who write them; a scan may take longer, and writes them itself
)
SPREADSHEET_TRIGGERS = ("=", "+", "-", "@", "\t", "\r")  # OWASP, CSV Injection
VERSIONED = (
    "av",
    "numpy",
    "onnxruntime",
    "opencv-python",
    "pandas",
    "pillow",
    "pillow-heif",
    "supervision",
)

DETECTION_COLUMNS = tuple(
    "id file sha256 kind frame_index time_seconds label confidence rival_label rival_confidence ambiguous "  # noqa: SIM905
    "left top right bottom x y width height frame_width frame_height annotated crop both_in_frame picture "
    "source_url platform author posted_at verdict verdict_label reviewer reviewed_at note".split()
)
FILE_COLUMNS = tuple(
    "file sha256 bytes kind status reason width height duration_seconds frames_read frames_unreadable "  # noqa: SIM905
    "read_seconds declared_seconds detections ambiguous_detections".split()
)  # then a column for each class, then
EVIDENCE_COLUMNS = tuple(
    "both both_in_frame cluster cluster_size cluster_distance representative captured_at source_url platform "  # noqa: SIM905
    "author posted_at post_id post_text sidecar post_rule post_warning other_posts".split()
)
EVENT_COLUMNS = tuple(
    "event_id file label start_seconds end_seconds best_detection max_confidence median_confidence "  # noqa: SIM905
    "frames_hit frames_sampled ambiguous".split()
)
REVIEW_COLUMNS = tuple(
    "number at reviewer verdict label counts undoes detection_id file sha256 frame_index time_seconds "  # noqa: SIM905
    "left top right bottom note".split()
)
FROM_STRANGERS = (  # texts a spreadsheet might run
    *("file", "reason", "representative", *EVIDENCE_COLUMNS[7:]),
    *("label", "verdict_label", "reviewer", "note"),
)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The circumstances of a report."""

    weights: WeightsInfo
    settings: WorkerSettings
    started_at: str
    ended_at: str
    complete: bool
    """Whether every input was looked at."""


def write_report(journal: Journal, folder: Path, run: RunInfo, info: ReportInfo) -> Summary:
    """Writes tables, page, `summary.json`, `run.json` and `manifest.sha256`; each file whole or not at all.

    The views read here are defined (`define_views`).
    """
    description = _describe_run(run)
    _write_json(description, folder / "run.json")
    return _write_outputs(journal, folder, description, info)


def rewrite_report(folder: Path) -> None:
    """Writes all that comes from the journal again, as after a review; `run.json` is kept.

    Raises ReportFolderError when the newest scan has not ended: it writes everything itself.
    """
    with reopen_journal(folder, LOCK_SECONDS) as journal:
        description = read_description(folder, journal.connection)
        _write_outputs(journal, folder, description, define_views(journal.connection))


def read_description(folder: Path, connection: sqlite3.Connection) -> dict[str, Any]:
    """What `run.json` says. Raises ReportFolderError when it is not of the journal's newest run."""
    newest = connection.execute("SELECT started_at FROM run ORDER BY number DESC LIMIT 1").fetchone()
    try:
        description: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        if newest == (description["started_at"],):
            return description
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise ReportFolderError(f"the last scan into {folder} did not come to its end; run it again")


def _write_outputs(journal: Journal, folder: Path, description: dict[str, Any], info: ReportInfo) -> Summary:
    _write_detections(journal, folder)
    _write_files(journal, folder, info.class_names)
    _write_events(journal, folder)
    _write_reviews(journal, folder)
    summary = summarise(journal, info)
    _write_json(asdict(summary), folder / "summary.json")
    with replacing(folder / "index.html") as file:
        file.write(draw_page(journal.connection, summary, description))
    _write_manifest(journal, folder)
    return summary


def escape_cell(text: str) -> str:
    """The text so that no spreadsheet takes it for a formula."""
    return "'" + text if text.startswith(SPREADSHEET_TRIGGERS) else text


# Tables


def _write_detections(journal: Journal, folder: Path) -> None:
    chunks = _read(
        journal,
        "SELECT id, f.file, sha256, f.kind, frame_index, time_seconds, label, confidence, rival_label, "
        'rival_confidence, ambiguous, "left", top, "right", bottom, '
        '"left" / frame_width AS x, top / frame_height AS y, '
        '("right" - "left") / frame_width AS width, (bottom - top) / frame_height AS height, '
        "frame_width, frame_height, annotated, crop, both_in_frame, picture, "
        "source_url, platform, author, posted_at, coalesce(verdict, '') AS verdict, "
        "coalesce(verdict_label, '') AS verdict_label, coalesce(reviewer, '') AS reviewer, "
        "coalesce(reviewed_at, '') AS reviewed_at, coalesce(note, '') AS note "
        "FROM temp.files f JOIN temp.shown USING (sha256) LEFT JOIN temp.settled ON detection_id = id "
        "ORDER BY f.file, f.path, frame_index, rank",
    )
    decimals = dict.fromkeys(("left", "top", "right", "bottom"), 1)
    decimals |= dict.fromkeys(("x", "y", "width", "height"), 6)
    decimals |= {"time_seconds": 3, "confidence": 4, "rival_confidence": 4}
    _write_csv(chunks, DETECTION_COLUMNS, folder / "detections.csv", decimals)


def _write_files(journal: Journal, folder: Path, class_names: Sequence[str]) -> None:
    per_class = "".join(
        f", max(CASE WHEN class_id = {class_id} THEN confidence END) AS class_{class_id}"
        for class_id in range(len(class_names))
    )
    chunks = _read(
        journal,
        "SELECT f.*, coalesce(s.detections, 0) AS detections, "
        "coalesce(s.ambiguous_detections, 0) AS ambiguous_detections, "
        f"{', '.join(f's.class_{class_id}' for class_id in range(len(class_names)))}, "
        f"coalesce(s.clear_classes, 0) = {len(class_names)} AS both, "
        "coalesce(s.both_in_frame, 0) AS both_in_frame "
        f"FROM temp.files f LEFT JOIN (SELECT sha256, count(*) AS detections{per_class}, "
        "sum(ambiguous) AS ambiguous_detections, "
        "count(DISTINCT CASE WHEN NOT ambiguous THEN class_id END) AS clear_classes, "
        "max(both_in_frame) AS both_in_frame "
        "FROM temp.shown GROUP BY sha256) s ON s.sha256 = f.sha256 ORDER BY f.file, f.path",
    )
    names = {f"class_{class_id}": name for class_id, name in enumerate(class_names)}
    decimals = dict.fromkeys(("duration_seconds", "read_seconds", "declared_seconds"), 3)
    decimals |= dict.fromkeys(class_names, 4) | {"cluster_distance": 0}
    columns = (*FILE_COLUMNS, *class_names, *EVIDENCE_COLUMNS)
    _write_csv((chunk.rename(columns=names) for chunk in chunks), columns, folder / "files.csv", decimals)


def _write_events(journal: Journal, folder: Path) -> None:
    chunks = _read(
        journal,
        "SELECT event_id, f.file, c.label, start_seconds, end_seconds, best_detection, max_confidence, "
        "median_confidence, frames_hit, frames_sampled, ambiguous FROM temp.files f "
        "JOIN events USING (sha256) JOIN temp.classes c USING (class_id) "
        "ORDER BY f.file, f.path, start_seconds, class_id",
    )
    decimals = {"start_seconds": 3, "end_seconds": 3, "max_confidence": 4, "median_confidence": 4}
    _write_csv(chunks, EVENT_COLUMNS, folder / "events.csv", decimals)


def _write_reviews(journal: Journal, folder: Path) -> None:
    """Every row of every reviewer, undone ones too; no table where nobody has reviewed."""
    if not read_verdicts(journal.connection):
        return
    chunks = _read(
        journal,
        "SELECT v.number, at, reviewer, verdict, label, s.number IS NOT NULL AS counts, undoes, "
        "detection_id, "
        "coalesce((SELECT min(f.file) FROM temp.files f WHERE f.sha256 = v.sha256), '') AS file, v.sha256, "
        "v.frame_index, (SELECT time_seconds FROM frames r WHERE r.sha256 = v.sha256 "
        "AND r.frame_index = v.frame_index) AS time_seconds, "
        '"left", top, "right", bottom, note '
        "FROM verdicts v LEFT JOIN temp.standing_numbers s USING (number) ORDER BY v.number",
    )
    decimals = dict.fromkeys(("left", "top", "right", "bottom"), 1) | {"time_seconds": 3}
    _write_csv(chunks, REVIEW_COLUMNS, folder / "reviews.csv", decimals)


def _read(journal: Journal, sql: str) -> Iterator[pd.DataFrame]:
    return pd.read_sql_query(sql, journal.connection, chunksize=ROWS_AT_ONCE)


def _describe_run(run: RunInfo) -> dict[str, Any]:
    settings = asdict(run.settings)
    del settings["out"]  # the report may be moved
    return {
        "tool": f"flag-detector {__version__}",
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "complete": run.complete,
        "weights_sha256": run.weights.sha256,
        "classifier_sha256": run.weights.classifier.sha256 if run.weights.classifier else "",
        "class_names": list(run.weights.class_names),
        "options": settings | {"weights": run.weights.path.name},
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in VERSIONED},
        },
    }


# Writing


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A text file that takes the place of `path` when all is written."""
    half = path.with_name(f".{path.name}")
    with half.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        yield file
    half.replace(path)


def _write_csv(
    chunks: Iterator[pd.DataFrame], columns: Sequence[str], path: Path, decimals: dict[str, int]
) -> None:
    with replacing(path) as file:
        pd.DataFrame(columns=list(columns)).to_csv(file, index=False, lineterminator="\n")
        for chunk in chunks:
            for name, places in decimals.items():
                numbers = chunk[name].astype(float)
                chunk[name] = ["" if isnan(number) else f"{number:.{places}f}" for number in numbers]
            for name in chunk.columns.intersection(list(FROM_STRANGERS)):
                chunk[name] = chunk[name].map(escape_cell)
            for name in chunk.columns.intersection(["ambiguous", "both", "both_in_frame", "counts"]):
                chunk[name] = chunk[name].map({0: "false", 1: "true"})
            chunk.to_csv(file, columns=list(columns), header=False, index=False, lineterminator="\n")


def _write_json(content: dict[str, Any], path: Path) -> None:
    with replacing(path) as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")


def _write_manifest(journal: Journal, folder: Path) -> None:
    """Hashes of all inputs and outputs; `sha256sum -c manifest.sha256` in the report folder checks them."""
    with replacing(folder / "manifest.sha256") as file:
        for path in sorted(_outputs(folder)):
            with path.open("rb") as output:
                digest = hashlib.file_digest(output, "sha256").hexdigest()
            file.write(_manifest_line(digest, path.relative_to(folder).as_posix()))
        for raw, digest in journal.connection.execute(
            "SELECT path, sha256 FROM temp.files WHERE sha256 != '' ORDER BY path"
        ):
            file.write(_manifest_line(digest, _relative(os.fsdecode(raw), folder)))


def _outputs(folder: Path) -> Iterator[Path]:
    apart = {FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", LOCK_NAME, "manifest.sha256"}
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in apart and not path.name.startswith("."):
            yield path


def _relative(path: str, folder: Path) -> str:
    try:
        return os.path.relpath(path, folder)
    except ValueError:  # another drive
        return path


def _manifest_line(digest: str, name: str) -> str:
    """A line as GNU sha256sum writes it: names with line breaks or backslashes are escaped and marked."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "\\" if escaped != name else ""
    return f"{mark}{digest}  {escaped}\n"
