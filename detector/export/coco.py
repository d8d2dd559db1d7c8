"""A report in, a COCO data set and COCO results out (https://cocodataset.org/#format-data)."""

import os
import posixpath
from collections.abc import Iterator
from pathlib import Path

from detector.export.rows import (
    ExportSource,
    FrameDetection,
    ReportFile,
    ReportFrame,
    Written,
    read_files,
    read_frames,
)
from detector.export.writing import dump, open_new, write_list

NOT_TRUTH = "Boxes found by a machine, not checked by a person: annotations to begin with, no ground truth."
NAMES = """
CREATE TEMP TABLE names (path BLOB PRIMARY KEY, name TEXT, stem TEXT) WITHOUT ROWID;
CREATE INDEX temp.names_by_stem ON names (stem);
"""
TELL_APART = """
UPDATE names SET stem = name
WHERE stem != name AND stem IN (SELECT stem FROM names GROUP BY stem HAVING count(*) > 1)
"""


def write_coco(source: ExportSource, folder: Path) -> Written:
    """`dataset.json`: every picture looked at, with the detections that are shown as annotations;
    `results.json`: all detections down to the floor, with their scores, on the same image ids."""
    folder.mkdir()
    renamed = _name_photos(source)
    with open_new(folder / "dataset.json") as out:
        info = {"description": NOT_TRUTH, "date_created": source.ended_at}
        info |= {"contributor": f"flag-detector, weights {source.info.weights_sha256}"}
        out.write(f'{{\n"info": {dump(info)},\n"licenses": [],\n"categories": ')
        names = enumerate(source.info.class_names, 1)
        write_list(out, ({"id": number, "name": name, "supercategory": "flag"} for number, name in names))
        out.write(',\n"images": ')
        write_list(out, (_describe_image(source, *one) for one in _images(source)))
        out.write(',\n"annotations": ')
        annotations = write_list(out, _annotations(source))
        out.write("\n}\n")
    with open_new(folder / "results.json") as out:
        write_list(out, _results(source))
        out.write("\n")
    (files,) = source.connection.execute(
        "SELECT count(*) FROM temp.files WHERE sha256 IN (SELECT sha256 FROM frames)"
    ).fetchone()
    note = f"{renamed} photos differ in suffix alone from others: file_name has their suffix twice"
    return Written(files, annotations, (note,) if renamed else ())


def _name_photos(source: ExportSource) -> int:
    """Gives each photo a stem of its own, for readers know pictures by their names without suffix.

    Those that share one get their whole name as stem, and so their suffix twice; returns how many.
    """
    connection = source.connection
    connection.execute("DROP TABLE IF EXISTS temp.names")
    connection.executescript(NAMES)
    photos = ((os.fsencode(one.path), one.name_on_disk) for one in read_files(source) if one.kind == "photo")
    connection.executemany(
        "INSERT INTO names VALUES (?, ?, ?)",
        ((path, name, posixpath.splitext(name)[0]) for path, name in photos),
    )
    renamed = 0
    while found := connection.execute(TELL_APART).rowcount:
        renamed += found  # a name that became longer may be the stem of a third
    return renamed


def _images(source: ExportSource) -> Iterator[tuple[int, ReportFile, ReportFrame]]:
    """Every picture looked at with its number, the same at each call."""
    number = 0
    for file in read_files(source):
        for frame in read_frames(source, file):
            number += 1
            yield number, file, frame


def _describe_image(
    source: ExportSource, number: int, file: ReportFile, frame: ReportFrame
) -> dict[str, object]:
    is_video = file.kind == "video"
    image: dict[str, object] = {
        "id": number,
        "file_name": _file_name(source, file, frame),
        "width": frame.width,
        "height": frame.height,
        "file": file.file,
        "sha256": file.sha256,
    }
    if is_video:
        image |= {"frame_index": frame.frame_index, "time_seconds": round(frame.time_seconds, 3)}
    if file.reason:
        image["warning"] = file.reason
    return image


def _file_name(source: ExportSource, file: ReportFile, frame: ReportFrame) -> str:
    """The photo's path, or one for the frame as CVAT names those of a video."""
    name = file.name_on_disk
    if file.kind == "video" or frame.frame_index:  # of a photo a further page
        return f"{name}/frame_{frame.frame_index:06d}.jpg"
    (stem,) = source.connection.execute(
        "SELECT stem FROM names WHERE path = ?", (os.fsencode(file.path),)
    ).fetchone()
    return f"{stem}{posixpath.splitext(name)[1]}"


def _annotations(source: ExportSource) -> Iterator[dict[str, object]]:
    number = 0
    for image, _, frame in _images(source):
        for found in frame.shown:
            number += 1
            _, _, width, height = _box(found)
            yield {"id": number, "area": round(width * height, 2), "iscrowd": 0} | _describe_detection(
                image, found
            )


def _results(source: ExportSource) -> Iterator[dict[str, object]]:
    for image, _, frame in _images(source):
        for found in frame.detections:
            yield _describe_detection(image, found)


def _describe_detection(image: int, found: FrameDetection) -> dict[str, object]:
    described: dict[str, object] = {
        "image_id": image,
        "category_id": found.class_id + 1,
        "bbox": _box(found),
        "score": round(found.confidence, 6),
        "detection": found.id,
    }
    if found.ambiguous:
        described |= {"ambiguous": True, "rival_category_id": found.rival_class_id + 1}
        described |= {"rival_score": round(found.rival_confidence, 6)}
    return described


def _box(found: FrameDetection) -> list[float]:
    box = (found.left, found.top, found.right - found.left, found.bottom - found.top)
    return [round(value, 2) for value in box]
