"""What the model saw and what people said in, what a report claims of each content out.

People's word changes claims, never data. Temporary tables, read after the views of `views.py`:

- `claims`: one row a detection or drawn box that counts: seen by the model and not rejected, confirmed,
  corrected, or drawn. `decided` is 1 where a person said so. Of a video people see the best frames alone: a
  detection without a picture is no claim when all of its flag that have one were said to be none, and no
  doubt when one that has a picture may be surer.
- `together`: frames in which every class is claimed.
- `claimed`: one row a content and key that the model or a person claims. Keys are the classes' labels, and
  `BOTH_IN_FRAME`, `BOTH`, `AMBIGUOUS`. `state` is one of `STATES`; `said` is 1 where the model alone says so;
  `confidence` is the highest from which on the claim holds, 1 for a drawn box.
"""

import sqlite3

from detector.ids import detection_id_sql
from detector.journal.verdicts import ANOTHER_FLAG, CONFIRMED, MISSED, OTHER_FLAG, REJECTED

BOTH_IN_FRAME, BOTH, AMBIGUOUS = "both_in_frame", "both", "ambiguous"
UNDECIDED = "undecided"
STATES = (CONFIRMED, UNDECIDED, REJECTED)

NOT_IT = f"'{REJECTED}', '{ANOTHER_FLAG}', '{OTHER_FLAG}'"
PICTURED = """
SELECT 1 FROM temp.shown p LEFT JOIN temp.settled u ON u.detection_id = p.id
WHERE p.sha256 = s.sha256 AND p.class_id = s.class_id AND p.crop != ''
"""
ALL_NOT_IT = f"""
s.crop = '' AND t.verdict IS NULL
AND s.sha256 IN (SELECT of_sha256 FROM temp.settled WHERE verdict IN ({NOT_IT}))
AND EXISTS ({PICTURED}) AND NOT EXISTS ({PICTURED} AND coalesce(u.verdict, '') NOT IN ({NOT_IT}))
"""
NO_DOUBT = f"s.ambiguous AND s.crop = '' AND EXISTS ({PICTURED})"
CLAIMS = f"""
CREATE TEMP TABLE claims AS
SELECT s.id, s.sha256, s.frame_index, c.class_id, c.label, s.confidence,
       s.ambiguous AND coalesce(t.verdict, '') NOT IN ('{CONFIRMED}', '{OTHER_FLAG}') AS ambiguous,
       coalesce(t.verdict, '') IN ('{CONFIRMED}', '{OTHER_FLAG}') AS decided
FROM temp.shown s LEFT JOIN temp.settled t ON t.detection_id = s.id
JOIN temp.classes c ON c.label = CASE WHEN t.verdict = '{OTHER_FLAG}' THEN t.verdict_label ELSE s.label END
WHERE coalesce(t.verdict, '') NOT IN ('{REJECTED}', '{ANOTHER_FLAG}') AND NOT ({ALL_NOT_IT})
AND NOT (t.verdict IS NULL AND {NO_DOUBT})
"""
CONFIRMED_BELOW = f"""
INSERT INTO temp.claims
SELECT t.detection_id, d.sha256, d.frame_index, c.class_id, c.label, d.confidence, 0, 1
FROM temp.settled t JOIN temp.classes c ON c.label = t.verdict_label
JOIN detections d ON d.sha256 = t.of_sha256 AND d.frame_index = t.of_frame
  AND {detection_id_sql("d")} = t.detection_id
JOIN temp.classes own ON own.class_id = d.class_id AND d.confidence < own.threshold
WHERE t.verdict IN ('{CONFIRMED}', '{OTHER_FLAG}')
"""
DRAWN = f"""
INSERT INTO temp.claims
SELECT 'drawn-' || v.number, v.sha256, v.frame_index, c.class_id, c.label, 1.0, 0, 1
FROM verdicts v JOIN temp.standing_numbers USING (number) JOIN temp.classes c USING (label)
WHERE v.verdict = '{MISSED}'
"""
TOGETHER = """
CREATE TEMP TABLE together AS SELECT sha256, frame_index FROM temp.claims WHERE NOT ambiguous
GROUP BY sha256, frame_index HAVING count(DISTINCT class_id) = {classes:d}
"""
KEYS = """
WITH one AS ({rows}),
of_frame AS (
    SELECT sha256, frame_index, label, max(confidence) AS confidence, max(decided) AS decided
    FROM one WHERE NOT ambiguous GROUP BY sha256, frame_index, label),
of_content AS (
    SELECT sha256, label, max(confidence) AS confidence, max(decided) AS decided
    FROM of_frame GROUP BY sha256, label),
together AS (
    SELECT sha256, min(confidence) AS confidence, min(decided) AS decided
    FROM of_frame GROUP BY sha256, frame_index HAVING count(*) = {classes:d})
SELECT sha256, label AS key, confidence, decided FROM of_content
UNION ALL SELECT sha256, '{both_in_frame}', max(confidence), max(decided) FROM together GROUP BY sha256
UNION ALL SELECT sha256, '{both}', min(confidence), min(decided)
    FROM of_content GROUP BY sha256 HAVING count(*) = {classes:d}
UNION ALL SELECT sha256, '{ambiguous}', max(confidence), 0 FROM one WHERE ambiguous GROUP BY sha256
"""
MODEL_ROWS = "SELECT sha256, frame_index, label, confidence, ambiguous, 0 AS decided FROM {rows}"
CLAIM_ROWS = "SELECT sha256, frame_index, label, confidence, ambiguous, decided FROM temp.claims"
CLAIMED = f"""
CREATE TEMP TABLE claimed (sha256 TEXT, key TEXT, state TEXT, said INTEGER, confidence REAL,
                           PRIMARY KEY (key, sha256)) WITHOUT ROWID;
INSERT INTO temp.claimed
SELECT sha256, key, CASE WHEN decided THEN '{CONFIRMED}' ELSE '{UNDECIDED}' END, 0, confidence
FROM ({{claims}});
INSERT INTO temp.claimed SELECT sha256, key, '{REJECTED}', 1, confidence FROM ({{model}}) WHERE true
ON CONFLICT DO UPDATE SET said = 1;
"""


def define_claims(connection: sqlite3.Connection, classes: int) -> None:
    """Defines the tables, anew where they were defined before; those of views and verdicts are there."""
    execute = connection.execute
    for table in ("claims", "claimed", "together"):
        execute(f"DROP TABLE IF EXISTS temp.{table}")
    execute(CLAIMS)
    execute(CONFIRMED_BELOW)
    if execute("SELECT 1 FROM sqlite_master WHERE name = 'verdicts'").fetchone():
        execute(DRAWN)
    execute("CREATE INDEX temp.claims_by_id ON claims (id)")
    execute(TOGETHER.format(classes=classes))
    said = MODEL_ROWS.format(rows=f"temp.shown s WHERE NOT ({NO_DOUBT})")
    model, claims = (keys_sql(rows, classes) for rows in (said, CLAIM_ROWS))
    connection.executescript(CLAIMED.format(claims=claims, model=model))


def keys_sql(rows: str, classes: int) -> str:
    """Statement that gives `sha256, key, confidence, decided` for rows of detections."""
    names = {"both_in_frame": BOTH_IN_FRAME, "both": BOTH, "ambiguous": AMBIGUOUS}
    return KEYS.format(rows=rows, classes=classes, **names)
