"""A report's journal in, rows out: the views that tables, page, exports and review read.

Temporary views over the connection, so they also work on a journal opened only to read:

- `files`: one row an input that belongs to the report and has been looked at, with its post and its copies
- `shown`: one row a detection at or above its class's threshold
- `almost`: one row a detection below it that is near enough to have a picture
- `classes`: `class_id`, `label`, `threshold`
- `settled`, `standing_numbers`: what people said, see `verdicts.py`
- `claims`, `claimed`: what the report claims after people's word, see `claims.py`
"""

import json
import sqlite3
from dataclasses import dataclass

import numpy as np

from detector.ids import detection_id_sql
from detector.journal.claims import define_claims
from detector.journal.thresholds import read_thresholds
from detector.journal.verdicts import define_settled

FILES = """
CREATE TEMP VIEW files AS
SELECT i.path, i.name AS file, i.batch AS run, i.sha256, i.bytes, coalesce(r.kind, i.kind) AS kind,
       CASE WHEN r.status NOT IN ('ok', 'no_detection') THEN r.status
            WHEN r.status IS NULL THEN i.status
            WHEN EXISTS (SELECT 1 FROM detections d JOIN temp.classes k ON k.class_id = d.class_id
                         WHERE d.sha256 = r.sha256 AND d.confidence >= k.threshold) THEN 'ok'
            ELSE 'no_detection' END AS status, coalesce(r.reason, i.reason) AS reason,
       coalesce(r.width, 0) AS width, coalesce(r.height, 0) AS height,
       max(coalesce(r.declared_seconds, 0), coalesce(r.read_seconds, 0)) AS duration_seconds,
       coalesce(r.frames_read, 0) AS frames_read, coalesce(r.frames_unreadable, 0) AS frames_unreadable,
       coalesce(r.read_seconds, 0) AS read_seconds, coalesce(r.declared_seconds, 0) AS declared_seconds,
       coalesce(r.captured_at, '') AS captured_at,
       coalesce(p.source_url, '') AS source_url, coalesce(p.platform, '') AS platform,
       coalesce(p.author, '') AS author, coalesce(p.posted_at, '') AS posted_at,
       coalesce(p.post_id, '') AS post_id, coalesce(p.post_text, '') AS post_text,
       coalesce(p.sidecar, '') AS sidecar, coalesce(p.forwarded_from, '') AS forwarded_from,
       coalesce(p.post_rule, '') AS post_rule,
       coalesce(p.post_warning, '') AS post_warning, coalesce(p.other_posts, '') AS other_posts,
       coalesce(c.cluster, '') AS cluster, coalesce(z.size, 0) AS cluster_size,
       c.cluster_distance AS cluster_distance, coalesce(c.representative, '') AS representative,
       CASE t.differs WHEN 1 THEN 'yes' WHEN 0 THEN 'no' ELSE '' END AS differs_in_part,
       t."left" AS differs_left, t.top AS differs_top, t."right" AS differs_right, t.bottom AS differs_bottom,
       coalesce(n.known_since, '') AS known_since, coalesce(n.known_precision, '') AS known_precision,
       coalesce(n.known_as, '') AS known_as, n.known_distance AS known_distance,
       coalesce(n.known_how, '') AS known_how, coalesce(n.known_possibly, '') AS known_possibly,
       coalesce(n.known_possibly_as, '') AS known_possibly_as,
       coalesce(n.surely_by, '') AS surely_by, coalesce(n.possibly_from, '') AS possibly_from
FROM inputs i LEFT JOIN results r ON r.sha256 = i.sha256 AND i.status = ''
LEFT JOIN posts p ON p.path = i.path
LEFT JOIN copies c ON c.sha256 = i.sha256 AND i.status = ''
LEFT JOIN parts t ON t.sha256 = i.sha256 AND i.status = ''
LEFT JOIN known n ON n.sha256 = i.sha256 AND i.status = ''
LEFT JOIN temp.cluster_sizes z ON z.cluster = c.cluster
WHERE i.belongs AND (i.status != '' OR r.sha256 IS NOT NULL)
"""
# The latest and the earliest that a post may be of, to order by; posts without a time come last. A bare day
# may be one of any zone: it begins at 10:00 UTC of the day before (Kiribati), ends at 12:00 of the next.
LATEST_POSTED = (
    "CASE length(posted_at) WHEN 0 THEN '~' WHEN 10 THEN date(posted_at, '+1 day') || 'T12:00:00Z' "
    "ELSE posted_at END"
)
EARLIEST_POSTED = (
    "CASE length(posted_at) WHEN 0 THEN '~' WHEN 10 THEN date(posted_at, '-1 day') || 'T10:00:00Z' "
    "ELSE posted_at END"
)
# Whether what an archive knows was posted before a file was: surely, possibly, not, or a time is not known.
KNOWN_BEFORE = (
    "CASE WHEN known_how = '' THEN '' WHEN posted_at = '' OR possibly_from = '~' THEN 'unknown' "
    f"WHEN surely_by < {EARLIEST_POSTED} THEN 'certain' "
    f"WHEN possibly_from < {LATEST_POSTED} THEN 'possible' ELSE 'no' END"
)
CLUSTER_SIZES = """
CREATE TEMP TABLE cluster_sizes AS
SELECT c.cluster, count(*) AS size FROM inputs i JOIN copies c ON c.sha256 = i.sha256
WHERE i.belongs AND i.status = '' GROUP BY c.cluster
"""
DETECTIONS = """
CREATE TEMP VIEW {view} AS
SELECT {id} AS id, d.*,
       c.label, coalesce(v.label, '') AS rival_label, coalesce(k.picture, '') AS picture,
       (SELECT count(DISTINCT o.class_id) FROM detections o JOIN temp.classes oc USING (class_id)
        WHERE o.sha256 = d.sha256 AND o.frame_index = d.frame_index AND NOT o.ambiguous
        AND o.confidence >= oc.threshold) = {classes:d} AS both_in_frame
FROM detections d JOIN temp.classes c USING (class_id)
LEFT JOIN temp.classes v ON v.class_id = d.rival_class_id
LEFT JOIN pictures k ON k.sha256 = d.sha256 AND k.frame_index = d.frame_index
WHERE {condition}
"""


@dataclass(frozen=True, slots=True)
class ReportInfo:
    """What all rows of a report have in common."""

    class_names: tuple[str, ...]
    thresholds: tuple[float, ...]
    """Confidence for each class from which a detection is shown."""
    weights_sha256: str
    run: int
    """Number of the newest run."""
    identity: dict[str, str]
    """All that the rows depend on besides the inputs, as the journal keeps it."""


def define_views(connection: sqlite3.Connection) -> ReportInfo:
    """Defines the views, anew where they were defined before, and tells what the report is about."""
    info = _read_info(connection)
    execute = connection.execute
    held = execute("SELECT type, name FROM sqlite_temp_master WHERE name IN ('almost', 'shown', 'files')")
    for kind, name in held.fetchall():
        execute(f"DROP {kind} temp.{name}")
    for table in ("classes", "cluster_sizes"):
        execute(f"DROP TABLE IF EXISTS temp.{table}")
    execute("CREATE TEMP TABLE classes (class_id INTEGER PRIMARY KEY, label TEXT, threshold REAL)")
    thresholds = [float(np.float32(one)) for one in info.thresholds]  # confidences are float32
    connection.executemany(
        "INSERT INTO classes VALUES (?, ?, ?)",
        list(zip(range(len(thresholds)), info.class_names, thresholds, strict=True)),
    )
    execute(CLUSTER_SIZES)
    execute("CREATE INDEX temp.cluster_sizes_by_name ON cluster_sizes (cluster)")
    execute(FILES)
    for view, condition in (
        ("shown", "d.confidence >= c.threshold"),
        ("almost", "d.confidence < c.threshold AND d.crop != ''"),
    ):
        execute(
            DETECTIONS.format(
                view=view, id=detection_id_sql("d"), classes=len(thresholds), condition=condition
            )
        )
    define_settled(connection)
    define_claims(connection, len(thresholds))
    return info


def hold_files(connection: sqlite3.Connection) -> None:
    """Makes a table of the view `files`, for who reads all of it many times; until views are defined anew."""
    connection.executescript(
        "CREATE TEMP TABLE held AS SELECT * FROM temp.files ORDER BY path; DROP VIEW temp.files; "
        "ALTER TABLE temp.held RENAME TO files; CREATE INDEX temp.files_by_content ON files (sha256);"
    )


def _read_info(connection: sqlite3.Connection) -> ReportInfo:
    identity = dict(connection.execute("SELECT name, value FROM identity").fetchall())
    (run,) = connection.execute("SELECT coalesce(max(number), 0) FROM run").fetchone()
    class_names = tuple(json.loads(identity["class_names"]))
    kept, scanned = read_thresholds(connection), json.loads(identity["thresholds"])
    return ReportInfo(
        class_names=class_names,
        thresholds=tuple(kept.get(name, own) for name, own in zip(class_names, scanned, strict=True)),
        weights_sha256=identity["weights_sha256"],
        run=run,
        identity=identity,
    )
