"""The journal in, what people read out: tables, summary, page, manifest, and its check."""

from detector.report.opened import Report, open_report
from detector.report.outputs import RunInfo, read_description, rewrite_report, write_report
from detector.report.summary import Reach, Summary
from detector.report.tables import escape_cell
from detector.report.verify import Standing, Verification, verify_report

__all__ = [
    "Reach",
    "Report",
    "RunInfo",
    "Standing",
    "Summary",
    "Verification",
    "escape_cell",
    "open_report",
    "read_description",
    "rewrite_report",
    "verify_report",
    "write_report",
]
