"""Results and verdicts in, rows out: `scan.db`, the one truth of a report."""

from detector.journal.database import FILE_NAME, LOCK_NAME, connect_for_review, read_database
from detector.journal.journal import Journal, identity_text, open_journal, reopen_journal, utc_now
from detector.journal.verdicts import (
    CANNOT_TELL,
    CONFIRMED,
    DISPUTED,
    MISSED,
    NOTHING_ELSE,
    ON_DETECTION,
    OTHER_FLAG,
    OURS,
    UNDO,
    Settled,
    Verdict,
    find_standing,
    read_verdicts,
    settle,
    settle_one,
)
from detector.journal.views import ReportInfo, define_views

__all__ = [
    "CANNOT_TELL",
    "CONFIRMED",
    "DISPUTED",
    "FILE_NAME",
    "LOCK_NAME",
    "MISSED",
    "NOTHING_ELSE",
    "ON_DETECTION",
    "OTHER_FLAG",
    "OURS",
    "UNDO",
    "Journal",
    "ReportInfo",
    "Settled",
    "Verdict",
    "connect_for_review",
    "define_views",
    "find_standing",
    "identity_text",
    "open_journal",
    "read_database",
    "read_verdicts",
    "reopen_journal",
    "settle",
    "settle_one",
    "utc_now",
]
