"""A report in, one of the formats out."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from detector.errors import ReportFolderError, UsageError
from detector.export.coco import write_coco
from detector.export.labelstudio import write_labelstudio
from detector.export.megadetector import write_megadetector
from detector.export.reviewed import write_reviewed
from detector.export.rows import ExportSource, Written
from detector.export.writing import create_output
from detector.export.xlsx import write_xlsx
from detector.export.yolo import write_yolo
from detector.journal import define_views, read_database
from detector.options import ExportFormat
from detector.regular import read_regular

WRITERS: dict[ExportFormat, Callable[[ExportSource, Path], Written]] = {
    ExportFormat.MEGADETECTOR: write_megadetector,
    ExportFormat.COCO: write_coco,
    ExportFormat.YOLO: write_yolo,
    ExportFormat.LABELSTUDIO: write_labelstudio,
    ExportFormat.XLSX: write_xlsx,
}
ENDINGS = {ExportFormat.MEGADETECTOR: "-megadetector.json", ExportFormat.XLSX: ".xlsx"}  # of single files
UNFINISHED = "the scan was stopped before it had looked at every file; what is missing is not in the export"


@dataclass(frozen=True, slots=True)
class Export:
    """An export that was written."""

    out: Path
    written: Written


def export_report(
    report: Path, to: ExportFormat, out: Path | None = None, *, reviewed: bool = False
) -> Export:
    """Writes a report in another tool's format: beside it, or to `out`, which must not exist.

    With `reviewed` that is what people said and no machine's word, for training, in YOLO's format alone.
    Raises ReportFolderError when the report is none or not finished, or the output cannot be written.
    """
    if reviewed and to != ExportFormat.YOLO:
        raise UsageError("--reviewed is for --to yolo")
    folder = Path(os.path.abspath(report))  # noqa: PTH100 (a link keeps its own name)
    target = Path(os.path.abspath(out)) if out else default_out(folder, to, reviewed=reviewed)  # noqa: PTH100
    if target.resolve().is_relative_to(folder.resolve()):
        raise ReportFolderError(f"{target} is inside the report, whose manifest names all that belongs there")
    with read_database(folder) as connection:
        info = define_views(connection)
        weights_name, ended_at, complete = _read_run(folder)
        source = ExportSource(folder, connection, info, weights_name, ended_at, target)
        with create_output(target) as path:
            written = write_reviewed(source, path) if reviewed else WRITERS[to](source, path)
    notes = written.notes if complete else (UNFINISHED, *written.notes)
    return Export(target, Written(written.files, written.detections, notes))


def default_out(folder: Path, to: ExportFormat, *, reviewed: bool = False) -> Path:
    """Beside the report, not in it: its manifest stays true."""
    mark = "-reviewed" if reviewed else ""
    return folder.with_name(folder.name + ENDINGS.get(to, f"-{to}{mark}"))


def _read_run(folder: Path) -> tuple[str, str, bool]:
    """The weights' file name, when the scan ended, and whether it looked at everything."""
    path = folder / "run.json"
    try:
        run = json.loads(read_regular(path))
        return str(run["options"]["weights"]), str(run["ended_at"]), bool(run["complete"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReportFolderError(
            f"{path} cannot be read; run the scan again, it writes the report anew"
        ) from error
