"""A report in, YOLO labels out (https://docs.ultralytics.com/datasets/detect)."""

import csv
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from detector.export.rows import (
    ExportSource,
    FrameDetection,
    ReportFile,
    ReportFrame,
    Written,
    read_contents,
    read_frames,
)
from detector.export.writing import open_new, write_data_yaml, yolo_label
from detector.report import escape_cell

DATA_YAML = """\
# Boxes found by a machine, not checked by a person: labels to begin with, no ground truth.
# pictures.csv says which picture belongs at images/<name>.
train: images
val: images
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A row of `pictures.csv`: where the picture of a label file is to be had."""

    name: str
    """Of `labels/<name>.txt`, and of the picture's own file, without suffix. Exact copies share it."""
    file: str
    """Escaped as in the report's tables."""
    sha256: str
    kind: str
    frame_index: int
    time_seconds: str
    width: int
    height: int
    detections: int
    ambiguous: int
    """How many of them are: a label has no room for it."""


def write_yolo(source: ExportSource, folder: Path) -> Written:
    """A label file for each different picture in which something is shown; no picture is copied.

    `labels/` has five columns, as data sets have; `predictions/` the confidence as a sixth, as
    `yolo predict save_txt save_conf` writes and data set readers may refuse.
    """
    labels, predictions = folder / "labels", folder / "predictions"
    labels.mkdir(parents=True)
    predictions.mkdir()
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in source.info.class_names), "utf-8")
    write_data_yaml(folder / "data.yaml", DATA_YAML, source.info.class_names)
    files = detections = 0
    with open_new(folder / "pictures.csv") as out:
        table = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        table.writerow(field.name for field in fields(Picture))
        for copies in read_contents(source):
            shown = [frame for frame in read_frames(source, copies[0]) if frame.shown]
            files += len(copies) if shown else 0
            for frame in shown:
                detections += len(frame.shown)
                name = frame.shown[0].id.rpartition("-")[0]
                lines = [_label(found, frame) for found in frame.shown]
                (labels / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
                with_confidence = zip(lines, frame.shown, strict=True)
                (predictions / f"{name}.txt").write_text(
                    "".join(f"{line} {found.confidence:.6f}\n" for line, found in with_confidence), "utf-8"
                )
                table.writerows(astuple(_picture(name, file, frame)) for file in copies)
    return Written(files, detections)


def _label(found: FrameDetection, frame: ReportFrame) -> str:
    return yolo_label(found.class_id, (found.left, found.top, found.right, found.bottom), frame)


def _picture(name: str, file: ReportFile, frame: ReportFrame) -> Picture:
    return Picture(
        name=name,
        file=escape_cell(file.file),
        sha256=file.sha256,
        kind=file.kind,
        frame_index=frame.frame_index,
        time_seconds=f"{frame.time_seconds:.3f}",
        width=frame.width,
        height=frame.height,
        detections=len(frame.shown),
        ambiguous=sum(found.ambiguous for found in frame.shown),
    )
