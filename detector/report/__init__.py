"""The journal in, what people read out: tables, summary, page, manifest, and its check."""

from detector.report.cells import escape_cell
from detector.report.columns import Column, Table
from detector.report.differences import lay_over
from detector.report.opened import Report, open_report
from detector.report.outputs import (
    RunInfo,
    read_description,
    refuse_changed,
    renew_outputs,
    reopen_report,
    rewrite_report,
    write_report,
    write_so_far,
)
from detector.report.seal import accept_reply, request_seal
from detector.report.seen import FOLDER as SEEN_FOLDER
from detector.report.summary import Reach, Summary
from detector.report.tables import list_tables
from detector.report.verify import Standing, Verification, choose_readable, verify_report

__all__ = [
    "SEEN_FOLDER",
    "Column",
    "Reach",
    "Report",
    "RunInfo",
    "Standing",
    "Summary",
    "Table",
    "Verification",
    "accept_reply",
    "choose_readable",
    "escape_cell",
    "lay_over",
    "list_tables",
    "open_report",
    "read_description",
    "refuse_changed",
    "renew_outputs",
    "reopen_report",
    "request_seal",
    "rewrite_report",
    "verify_report",
    "write_report",
    "write_so_far",
]
