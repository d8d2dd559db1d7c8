"""The journal in, all files of a report out."""

import importlib.metadata
import json
import platform
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2

from detector import __version__
from detector.errors import ReportFolderError
from detector.journal import (
    FILE_NAME,
    Head,
    Journal,
    ReportInfo,
    check_chain,
    define_views,
    find_head,
    hold_files,
    reopen_journal,
)
from detector.model import WeightsInfo
from detector.regular import read_regular
from detector.report.differences import find_differences
from detector.report.manifest import write_manifest
from detector.report.page import draw_page
from detector.report.seen import list_seen_pictures
from detector.report.summary import Summary, summarise
from detector.report.tables import write_tables
from detector.report.writing import replacing, write_json
from detector.settings import WorkerSettings
from detector.sources import printable
from detector.storage import is_here

LOCK_SECONDS = (
    60.0  # that tables wait for others who write them; a scan may take longer, and writes them itself
)
CHAIN = "chain.json"  # where the journal's chain of hashes ends
VERSIONED = (
    "av",
    "numpy",
    "onnxruntime",
    "pandas",
    "pillow",
    "pillow-heif",
    "supervision",
)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The circumstances of a report."""

    weights: WeightsInfo
    settings: WorkerSettings
    started_at: str
    ended_at: str
    complete: bool
    """Whether every input of the report was looked at."""


def write_report(
    journal: Journal, folder: Path, run: RunInfo, info: ReportInfo, *, may_fetch: Callable[[Path], bool]
) -> Summary:
    """Writes tables, page, `summary.json`, `run.json` and `manifest.sha256`; each file whole or not at all.

    For pictures that differ, originals in a storage are read where they may be fetched.
    The views read here are defined (`define_views`).
    """
    batches = [dict(zip(("run", "started_at", "files"), one, strict=True)) for one in journal.batches()]
    description = _describe_run(run) | {"runs": batches}
    write_json(description, folder / "run.json")
    return _write_outputs(journal, folder, description, info, may_fetch)


def write_so_far(journal: Journal, folder: Path, run: RunInfo) -> None:
    """Writes the page alone, of what is known by now, while the scan goes on; copies are not joined yet."""
    info = define_views(journal.connection)
    hold_files(journal.connection)
    summary = summarise(journal, info)
    description = _describe_run(run) | {"so_far": True}
    with replacing(folder / "index.html") as file:
        file.write(draw_page(journal.connection, summary, description, folder))


@contextmanager
def reopen_report(folder: Path) -> Iterator[tuple[Journal, dict[str, Any]]]:
    """A finished report's journal, for writing its outputs again, and what `run.json` says.

    Raises ReportFolderError when the newest scan has not ended: it writes everything itself.
    """
    with reopen_journal(folder, LOCK_SECONDS) as journal:
        yield journal, read_description(folder, journal.connection)


def read_head(folder: Path) -> Head:
    """Where the journal's chain ended when the tables were made; nowhere when that cannot be read."""
    try:
        return Head(**json.loads(read_regular(folder / CHAIN)))
    except (OSError, ValueError, TypeError):
        return Head(0, "")


def refuse_changed(journal: Journal, folder: Path) -> None:
    """Raises ReportFolderError for a journal that somebody changed: sealed anew, it would pass for sound."""
    for change in check_chain(journal.connection, read_head(folder)):
        raise ReportFolderError(
            f"{folder}/{FILE_NAME} is not as it was written: {printable(change)}; nothing was done. "
            f"`detector verify` says more; scanning into a new folder gives a report that can be trusted"
        )


def rewrite_report(folder: Path) -> None:
    """Writes all that comes from the journal again, as after a review; `run.json` is kept.

    Raises ReportFolderError as `reopen_report` does.
    """
    with reopen_report(folder) as (journal, description):
        _write_outputs(journal, folder, description, define_views(journal.connection))


def renew_outputs(journal: Journal, folder: Path, description: dict[str, Any], info: ReportInfo) -> Summary:
    """The same for views that are defined, with what `run.json` says of the thresholds in force."""
    in_force = dict(zip(info.class_names, info.thresholds, strict=True))
    description = description | {"report_thresholds": in_force}
    write_json(description, folder / "run.json")
    return _write_outputs(journal, folder, description, info)


def read_description(folder: Path, connection: sqlite3.Connection) -> dict[str, Any]:
    """What `run.json` says. Raises ReportFolderError when it is not of the journal's newest run."""
    newest = connection.execute("SELECT started_at FROM run ORDER BY number DESC LIMIT 1").fetchone()
    try:
        description: dict[str, Any] = json.loads(read_regular(folder / "run.json"))
        if newest == (description["started_at"],):
            return description
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise ReportFolderError(f"the last scan into {folder} did not come to its end; run it again")


def _write_outputs(
    journal: Journal,
    folder: Path,
    description: dict[str, Any],
    info: ReportInfo,
    may_fetch: Callable[[Path], bool] = is_here,
) -> Summary:
    hold_files(journal.connection)
    tables = write_tables(journal, folder, info.class_names)
    summary = summarise(journal, info)
    write_json(asdict(summary), folder / "summary.json")
    show_faces = info.identity.get("show_faces") == "true"
    differences = find_differences(journal.connection, folder, show_faces=show_faces, may_fetch=may_fetch)
    write_json(asdict(find_head(journal.connection)), folder / CHAIN)
    with replacing(folder / "index.html") as file:
        file.write(draw_page(journal.connection, summary, description, folder, differences))
    compared = [
        one
        for pairs in differences.values()
        for pair in pairs
        for name in pair.get("pictures", ())
        for one in {name, name.replace("-first.jpg", ".json")}
    ]
    compared += list_seen_pictures(journal.connection, folder)
    own = ["run.json", "summary.json", CHAIN, "index.html"]
    write_manifest(journal, folder, [*tables, *own], compared)
    return summary


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
            "opencv": cv2.__version__,  # of whichever of its packages is installed
        },
    }
