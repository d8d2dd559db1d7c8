"""A report in, a COCO data set and COCO results out (https://cocodataset.org/#format-data)."""

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


def write_coco(source: ExportSource, folder: Path) -> Written:
    """`dataset.json`: every picture looked at, with the detections that are shown as annotations;
    `results.json`: all detections down to the floor, with their scores, on the same image ids."""
    folder.mkdir()
    with open_new(folder / "dataset.json") as out:
        info = {"description": NOT_TRUTH, "date_created": source.ended_at}
        info |= {"contributor": f"flag-detector, weights {source.info.weights_sha256}"}
        out.write(f'{{\n"info": {dump(info)},\n"licenses": [],\n"categories": ')
        names = enumerate(source.info.class_names, 1)
        write_list(out, ({"id": number, "name": name, "supercategory": "flag"} for number, name in names))
        out.write(',\n"images": ')
        write_list(out, (_describe_image(*one) for one in _images(source)))
        out.write(',\n"annotations": ')
        annotations = write_list(out, _annotations(source))
        out.write("\n}\n")
    with open_new(folder / "results.json") as out:
        write_list(out, _results(source))
        out.write("\n")
    (files,) = source.connection.execute(
        "SELECT count(*) FROM temp.files WHERE sha256 IN (SELECT sha256 FROM frames)"
    ).fetchone()
    return Written(files, annotations)


def _images(source: ExportSource) -> Iterator[tuple[int, ReportFile, ReportFrame]]:
    """Every picture looked at with its number, the same at each call."""
    number = 0
    for file in read_files(source):
        for frame in read_frames(source, file):
            number += 1
            yield number, file, frame


def _describe_image(number: int, file: ReportFile, frame: ReportFrame) -> dict[str, object]:
    is_video = file.kind == "video"
    image: dict[str, object] = {
        "id": number,
        "file_name": f"{file.file}#frame={frame.frame_index}" if is_video else file.file,
        "width": frame.width,
        "height": frame.height,
        "sha256": file.sha256,
    }
    if is_video:
        image |= {"video": file.file, "frame_index": frame.frame_index}
        image["time_seconds"] = round(frame.time_seconds, 3)
    if file.reason:
        image["warning"] = file.reason
    return image


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
