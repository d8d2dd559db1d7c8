"""A report's views in, what the page's pictures are drawn from out: contents with files and detections.

All claims come from `temp.claimed`, from which the summary counts, so that page and tables agree however many
detections a page has room for.
"""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from detector.ids import detection_id_sql
from detector.journal import KNOWN_BEFORE, MODEL_ROWS, REJECTED, keys_sql
from detector.pictures import PLAIN

MAX_DETECTIONS = 20_000  # on the page; past this a browser grows slow, and the page says what is left out
MAX_PER_CONTENT = 30  # of one file
MAX_CONTENTS = 100_000  # with something to see, or copies of these; each takes 400 bytes of the page
MAX_OTHER_FILES = 20_000  # in which nothing is seen
MAX_TEXTS = 1000  # posts of one content whose text is on the page
TEXT_LENGTH = 600  # characters of a post's text

ON_PAGE = "SELECT sha256 FROM temp.claimed UNION SELECT sha256 FROM temp.almost"
# Contents of every cluster in which something is claimed, rejected or almost seen, the surest first.
CONTENTS = f"""
CREATE TEMP TABLE on_page AS
SELECT sha256, row_number() OVER (
    ORDER BY sure DESC, sha256 IN (SELECT sha256 FROM temp.almost) DESC, sha256) AS place
FROM (SELECT DISTINCT sha256 FROM temp.files WHERE sha256 IN ({ON_PAGE}) OR cluster IN
      (SELECT cluster FROM temp.files WHERE cluster != '' AND sha256 IN ({ON_PAGE})))
LEFT JOIN (SELECT sha256, max(iif(state = '{REJECTED}', 0, confidence)) AS sure
           FROM temp.claimed GROUP BY sha256) USING (sha256)
"""
FILE_COLUMNS = f"""
file, source_url, platform, author, forwarded_from, posted_at, post_warning, captured_at,
other_posts != '' AS disputed, {KNOWN_BEFORE} AS before,
CASE WHEN row_number() OVER (PARTITION BY sha256 ORDER BY posted_at = '', posted_at, file) <= {MAX_TEXTS}
     THEN substr(post_text, 1, {TEXT_LENGTH}) END AS post_text
"""
PART = (
    "CASE differs_in_part WHEN 'yes' THEN json_array(differs_left, differs_top, "
    "differs_right - differs_left, differs_bottom - differs_top) END"
)
CANDIDATES = """
CREATE TEMP TABLE candidates AS
SELECT v.id, v.sha256, v.frame_index, v.time_seconds, v.label, v.confidence, v.rival_label, v.ambiguous,
       v.annotated, v.crop, v."left", v.top, v."right", v.bottom, v.frame_width, v.frame_height,
       nullif({almost}, 0) AS almost, 0 AS joined
FROM temp.{view} v WHERE v.crop != '' AND v.sha256 IN (SELECT sha256 FROM temp.files)
"""
DETECTIONS = """
WITH numbered AS (
    SELECT *,
           row_number() OVER (PARTITION BY sha256, almost
                              ORDER BY joined DESC, confidence DESC, id) AS place,
           row_number() OVER (PARTITION BY sha256, almost, label
                              ORDER BY confidence DESC, id) AS place_of_label
    FROM temp.candidates)
SELECT n.id, n.sha256, n.frame_index AS frame, nullif(time_seconds, 0) AS at, n.label,
       round(n.confidence, 3) AS confidence, rival_label AS rival, nullif(n.ambiguous, 0) AS ambiguous,
       nullif(joined, 0) AS together, annotated, crop, c.label AS claim,
       nullif(c.ambiguous, 0) AS unsure, almost,
       "left", top, "right", bottom, frame_width, frame_height,
       verdict, verdict_label, reviewer, note, reviewed_at
FROM numbered n LEFT JOIN temp.claims c ON c.id = n.id LEFT JOIN temp.settled ON detection_id = n.id
WHERE place <= {per_content} OR place_of_label = 1
ORDER BY joined DESC, almost, n.confidence DESC, n.id LIMIT {limit}
"""
DRAWN = """
SELECT c.id, v.sha256, v.frame_index AS frame, nullif(r.time_seconds, 0) AS at, v.label, 1.0 AS confidence,
       v.label AS claim, v."left", v.top, v."right", v.bottom,
       coalesce(d.frame_width, f.width) AS frame_width, coalesce(d.frame_height, f.height) AS frame_height,
       d.annotated, 'missed' AS verdict, v.reviewer, v.note, v.at AS reviewed_at
FROM temp.claims c JOIN verdicts v ON c.id = 'drawn-' || v.number
JOIN (SELECT sha256, max(width) AS width, max(height) AS height FROM temp.files GROUP BY sha256) f
  ON f.sha256 = v.sha256
LEFT JOIN frames r ON r.sha256 = v.sha256 AND r.frame_index = v.frame_index
LEFT JOIN (SELECT sha256, frame_index, max(annotated) AS annotated, max(frame_width) AS frame_width,
                  max(frame_height) AS frame_height FROM detections GROUP BY sha256, frame_index) d
  ON d.sha256 = v.sha256 AND d.frame_index = v.frame_index
"""
# What is still claimed of each appearance: a person's word may end it, or make it one of the other flag.
EVENTS = f"""
WITH claimed AS (
    SELECT e.event_id, c.label, min(c.ambiguous) AS unsure, max(d.rival_class_id) AS rival
    FROM events e JOIN detections d ON d.sha256 = e.sha256 AND d.class_id = e.class_id
                  AND d.time_seconds BETWEEN e.start_seconds AND e.end_seconds
    JOIN temp.claims c ON c.id = {detection_id_sql("d")} GROUP BY e.event_id, c.label)
SELECT e.sha256, coalesce(c.label, own.label) AS label, start_seconds AS start, end_seconds AS end,
       nullif(c.unsure, 0) AS unsure, CASE c.unsure WHEN 1 THEN r.label END AS rival,
       nullif(c.label IS NULL, 0) AS out
FROM events e JOIN temp.classes own USING (class_id) LEFT JOIN claimed c USING (event_id)
LEFT JOIN temp.classes r ON r.class_id = c.rival ORDER BY start_seconds, label
"""


def find_contents(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Contents that the page shows, in order of hash; `temp.on_page` holds all that it would show."""
    connection.execute("DROP TABLE IF EXISTS temp.on_page")
    connection.execute(CONTENTS)
    contents: dict[str, dict[str, Any]] = {}
    rows = _read(
        connection,
        "SELECT sha256, coalesce(nullif(cluster, ''), sha256) AS cluster, kind, status, reason, "
        f"nullif(duration_seconds, 0) AS duration, {PART} AS part, {FILE_COLUMNS} FROM temp.files "
        f"WHERE sha256 IN (SELECT sha256 FROM temp.on_page WHERE place <= {MAX_CONTENTS}) "
        "ORDER BY sha256, posted_at = '', posted_at, file",
    )
    shared = ("sha256", "cluster", "kind", "status", "reason", "duration", "part")
    for row in rows:
        of_content = {name: row.pop(name) for name in shared if name in row}
        if "part" in of_content:
            of_content["part"] = [round(side, 4) for side in json.loads(of_content["part"])]
        empty: dict[str, Any] = {"keys": {}, "almost": {}, "files": [], "detections": [], "events": []}
        contents.setdefault(of_content["sha256"], of_content | empty)["files"].append(row)
    for sha256, key, state, said, confidence in connection.execute(
        "SELECT sha256, key, state, said, confidence FROM temp.claimed"
    ):
        if sha256 in contents:
            contents[sha256]["keys"][key] = [state, said, round(confidence, 3)]
    for sha256, key, state, confidence in _almost_keys(connection):
        if sha256 in contents:
            contents[sha256]["almost"][key] = [state, 1, round(confidence, 3)]
    _add_detections(connection, contents)
    for row in _read(connection, EVENTS):
        sha256 = row.pop("sha256")
        if sha256 in contents:
            contents[sha256]["events"].append(row)
    return list(contents.values())


def find_other_files(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Files in which nothing is claimed, as rows of a list, in order of their names."""
    return _read(
        connection,
        f"SELECT file, kind, status, reason, nullif(read_seconds, 0) AS read, "
        f"nullif(declared_seconds, 0) AS declared, {KNOWN_BEFORE} AS before, "
        f"source_url, platform, author, posted_at, substr(post_text, 1, {TEXT_LENGTH // 4}) AS post_text "
        f"FROM temp.files WHERE sha256 NOT IN "
        f"(SELECT sha256 FROM temp.claimed WHERE state != '{REJECTED}') "
        f"ORDER BY file LIMIT {MAX_OTHER_FILES}",
    )


def _almost_keys(connection: sqlite3.Connection) -> Iterator[tuple[str, str, str, float]]:
    """What is nearly seen in a content, key by key; and what people said of it."""
    (classes,) = connection.execute("SELECT count(*) FROM temp.classes").fetchone()
    said = (
        "SELECT v.*, coalesce(CASE WHEN verdict IN ('confirmed', 'other_flag') THEN 'confirmed' "
        "WHEN verdict IN ('rejected', 'another_flag') THEN 'rejected' END, 'undecided') AS state "
        "FROM temp.almost v LEFT JOIN temp.settled ON detection_id = v.id"
    )
    for state in ("rejected", "undecided", "confirmed"):
        rows = MODEL_ROWS.format(rows=f"({said}) WHERE state = '{state}'")
        for sha256, key, confidence, _ in connection.execute(keys_sql(rows, classes)):
            yield sha256, key, state, confidence


def _add_detections(connection: sqlite3.Connection, contents: dict[str, dict[str, Any]]) -> None:
    connection.execute("DROP TABLE IF EXISTS temp.candidates")
    connection.execute(CANDIDATES.format(almost=0, view="shown"))
    below = CANDIDATES.format(almost=1, view="almost").replace("CREATE TEMP TABLE candidates AS", "")
    connection.execute(f"INSERT INTO temp.candidates {below}")
    connection.execute(
        "UPDATE temp.candidates SET joined = 1 WHERE (sha256, frame_index) IN "
        "(SELECT sha256, frame_index FROM temp.together)"
    )
    rows = _read(connection, DETECTIONS.format(per_content=MAX_PER_CONTENT, limit=MAX_DETECTIONS))
    if connection.execute("SELECT 1 FROM temp.claims WHERE id GLOB 'drawn-*'").fetchone():
        rows += _read(connection, DRAWN)
    for row in rows:
        content = contents.get(row["sha256"])
        if not content:
            continue
        width, height = row.pop("frame_width"), row.pop("frame_height")
        left, top, right, bottom = (row.pop(side) for side in ("left", "top", "right", "bottom"))
        row["size"] = [width, height]
        row["box"] = [
            round(value, 4)
            for value in (left / width, top / height, (right - left) / width, (bottom - top) / height)
        ]
        if "annotated" in row:  # of which there is one without boxes
            row["plain"] = f"{PLAIN}/{row['annotated'].rpartition('/')[2]}"
        content["detections"].append(row)
        del row["sha256"]


def _read(connection: sqlite3.Connection, sql: str) -> list[dict[str, Any]]:
    """Rows by name of column; what is empty is left out."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    return [
        {name: value for name, value in zip(names, row, strict=True) if value not in ("", None)}
        for row in cursor
    ]
