"""The tables of scan.db, in SQL."""

FORMAT = "10"  # of the tables below and of what a worker finds; a report of another format is refused
SCHEMA = """
CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- Thresholds that the report was given after its scan, for those of the identity.
CREATE TABLE thresholds (label TEXT PRIMARY KEY, threshold REAL NOT NULL) WITHOUT ROWID;
-- A run that follows one that did not come to its end goes on with the batch of that one.
CREATE TABLE run (
    number INTEGER PRIMARY KEY, started_at TEXT NOT NULL, batch INTEGER NOT NULL,
    complete INTEGER NOT NULL DEFAULT 0
);
-- What was found, one row a file, with the newest run that found it and the batch that it came with. Files
-- that are no media, and those that cannot be read, have their status here, for it depends on the name; all
-- others by content in results. What does not belong to the report any more has no row in its tables.
CREATE TABLE inputs (
    path BLOB PRIMARY KEY, root BLOB NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, run INTEGER NOT NULL,
    batch INTEGER NOT NULL, belongs INTEGER NOT NULL DEFAULT 1,
    sha256 TEXT NOT NULL DEFAULT '', bytes INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '',
    version TEXT NOT NULL DEFAULT '' -- of an object in a storage: its length and entity tag, as listed
) WITHOUT ROWID;
CREATE INDEX inputs_by_content ON inputs (sha256);
CREATE TABLE results (
    sha256 TEXT PRIMARY KEY, bytes INTEGER NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL,
    reason TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
    frames_read INTEGER NOT NULL, frames_unreadable INTEGER NOT NULL,
    read_seconds REAL NOT NULL, declared_seconds REAL NOT NULL, captured_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX results_by_size ON results (bytes);
CREATE TABLE detections (
    sha256 TEXT NOT NULL, frame_index INTEGER NOT NULL, rank INTEGER NOT NULL, time_seconds REAL NOT NULL,
    class_id INTEGER NOT NULL, confidence REAL NOT NULL,
    rival_class_id INTEGER NOT NULL, rival_confidence REAL NOT NULL, ambiguous INTEGER NOT NULL,
    "left" REAL NOT NULL, top REAL NOT NULL, "right" REAL NOT NULL, bottom REAL NOT NULL,
    page INTEGER NOT NULL, frame_width INTEGER NOT NULL, frame_height INTEGER NOT NULL,
    annotated TEXT NOT NULL, crop TEXT NOT NULL,
    annotated_sha256 TEXT NOT NULL, crop_sha256 TEXT NOT NULL, plain_sha256 TEXT NOT NULL,
    PRIMARY KEY (sha256, frame_index, rank)
) WITHOUT ROWID;
-- Every frame looked at, with the perceptual hashes of the whole and of what is inside its margins;
-- of a photo also of what would be left if its edges were cut off, and where a flag fills it of its edges.
CREATE TABLE frames (
    sha256 TEXT NOT NULL, frame_index INTEGER NOT NULL, time_seconds REAL NOT NULL,
    hash BLOB NOT NULL, mirrored BLOB NOT NULL, quality INTEGER NOT NULL,
    inside BLOB NOT NULL, inside_mirrored BLOB NOT NULL, inside_quality INTEGER NOT NULL,
    windows BLOB NOT NULL, edges BLOB NOT NULL,
    PRIMARY KEY (sha256, frame_index)
) WITHOUT ROWID;
-- Found in the tables above and in sidecar files, anew at the end of every run (evidence.py).
CREATE TABLE posts (
    path BLOB PRIMARY KEY, source_url TEXT NOT NULL, platform TEXT NOT NULL, author TEXT NOT NULL,
    posted_at TEXT NOT NULL, post_id TEXT NOT NULL, post_text TEXT NOT NULL, sidecar TEXT NOT NULL,
    forwarded_from TEXT NOT NULL, post_rule TEXT NOT NULL, post_warning TEXT NOT NULL,
    other_posts TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE pictures (
    sha256 TEXT NOT NULL, frame_index INTEGER NOT NULL, picture TEXT NOT NULL,
    PRIMARY KEY (sha256, frame_index)
) WITHOUT ROWID;
CREATE TABLE copies (
    sha256 TEXT PRIMARY KEY, cluster TEXT NOT NULL, cluster_distance INTEGER, representative TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX copies_by_cluster ON copies (cluster);
-- Where each content was seen before, as an archive told when it was last asked (archive/known.py).
CREATE TABLE known (
    sha256 TEXT PRIMARY KEY, frame_index INTEGER NOT NULL, archived_sha256 TEXT NOT NULL,
    archived_frame_index INTEGER NOT NULL, known_since TEXT NOT NULL, known_precision TEXT NOT NULL,
    known_as TEXT NOT NULL, known_distance INTEGER NOT NULL, known_how TEXT NOT NULL,
    known_possibly TEXT NOT NULL, known_possibly_as TEXT NOT NULL,
    surely_by TEXT NOT NULL, possibly_from TEXT NOT NULL, pictures TEXT NOT NULL
) WITHOUT ROWID;
-- Whether a photo shows something else in a part than the representative of its cluster, and where, as shares
-- of its width and height (parts.py); what could not be compared has no row.
CREATE TABLE parts (
    sha256 TEXT PRIMARY KEY, other_sha256 TEXT NOT NULL, differs INTEGER NOT NULL,
    "left" REAL NOT NULL, top REAL NOT NULL, "right" REAL NOT NULL, bottom REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE events (
    event_id TEXT NOT NULL, sha256 TEXT NOT NULL, class_id INTEGER NOT NULL,
    start_seconds REAL NOT NULL, end_seconds REAL NOT NULL, best_detection TEXT NOT NULL,
    max_confidence REAL NOT NULL, median_confidence REAL NOT NULL, frames_hit INTEGER NOT NULL,
    frames_sampled INTEGER NOT NULL, ambiguous INTEGER NOT NULL, PRIMARY KEY (sha256, event_id)
) WITHOUT ROWID;
-- A hash over each row that was written and over the hash before it (chain.py); rows are only ever added.
CREATE TABLE chain (
    number INTEGER PRIMARY KEY, what TEXT NOT NULL, subject TEXT NOT NULL, digest TEXT NOT NULL,
    chained TEXT NOT NULL
);
"""
REVIEW_SCHEMA = """
-- What people said (verdicts.py); rows are only ever added, by several writers at once, also during a scan.
CREATE TABLE IF NOT EXISTS verdicts (
    number INTEGER PRIMARY KEY AUTOINCREMENT, action TEXT NOT NULL,
    detection_id TEXT NOT NULL, sha256 TEXT NOT NULL, frame_index INTEGER NOT NULL,
    verdict TEXT NOT NULL, label TEXT NOT NULL,
    "left" REAL NOT NULL, top REAL NOT NULL, "right" REAL NOT NULL, bottom REAL NOT NULL,
    undoes INTEGER NOT NULL, reviewer TEXT NOT NULL, note TEXT NOT NULL, at TEXT NOT NULL
);
-- Where each reviewer is in each queue.
CREATE TABLE IF NOT EXISTS positions (
    reviewer TEXT NOT NULL, queue TEXT NOT NULL, item TEXT NOT NULL, PRIMARY KEY (reviewer, queue)
) WITHOUT ROWID;
"""
