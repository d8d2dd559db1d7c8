"""A report in, MegaDetector's batch results out, as Timelapse, AddaxAI and others open them.

Format 1.6, https://lila.science/megadetector-output-format.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

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
from detector.formats import VIDEO_SUFFIXES
from detector.ids import stream_of
from detector.pictures import ALMOST_SHARE

FORMAT_VERSION = "1.6"
VIDEO_NAMES = VIDEO_SUFFIXES  # what its readers take for a video, by name
UNKNOWN_FRAME_RATE = 1.0  # the format demands one; written where only the first frame was looked at


def write_megadetector(source: ExportSource, path: Path) -> Written:
    """One JSON file: all detections down to the floor, as its readers expect, and recommended thresholds.

    Files that are neither photo nor video are left out; a file that failed after a flag was seen in it keeps
    its detections and has the reason in `warning`, for the format allows no detections beside a `failure`.
    """
    detections = 0

    def images() -> Iterator[dict[str, object]]:
        nonlocal detections
        for file in read_files(source):
            if file.status != "unsupported":
                image = _describe_file(file, list(read_frames(source, file)))
                found = image["detections"]
                detections += len(found) if isinstance(found, list) else 0
                yield image

    with open_new(path) as out:
        categories = {str(class_id + 1): name for class_id, name in enumerate(source.info.class_names)}
        out.write(f'{{\n"info": {dump(_describe_detector(source))},\n')
        out.write(f'"detection_categories": {dump(categories)},\n"images": ')
        files = write_list(out, images())
        out.write("\n}\n")
    return Written(files, detections)


def _describe_detector(source: ExportSource) -> dict[str, object]:
    info = source.info
    lowest = min(info.thresholds)
    return {
        "format_version": FORMAT_VERSION,
        "detector": source.weights_name,
        "detection_completion_time": source.ended_at.replace("T", " ").removesuffix("Z"),
        "detector_metadata": {
            "typical_detection_threshold": round(lowest, 6),
            "conservative_detection_threshold": round(lowest * ALMOST_SHARE, 6),
            "thresholds": dict(zip(info.class_names, info.thresholds, strict=True)),
            "weights_sha256": info.weights_sha256,
        },
    }


def _describe_file(file: ReportFile, frames: list[ReportFrame]) -> dict[str, object]:
    is_video = file.kind == "video"
    found: list[dict[str, object]] | None = [
        _describe_detection(one, frame, is_video=is_video) for frame in frames for one in frame.detections
    ]
    image: dict[str, object] = {"file": file.name_on_disk}
    if file.status in ("failed", "not_read") and not any(frame.shown for frame in frames):
        image["failure"], found = file.reason, None
    elif file.reason:
        image["warning"] = file.reason
    if is_video or PurePosixPath(file.file).suffix.lower() in VIDEO_NAMES:
        image["frame_rate"] = _frame_rate(frames)
        image["frames_processed"] = [frame.frame_index for frame in frames]
        for one in found or ():
            one.setdefault("frame_number", 0)  # a photo whose name is a video's
    image["detections"] = found
    return image


def _describe_detection(found: FrameDetection, frame: ReportFrame, *, is_video: bool) -> dict[str, object]:
    width, height = frame.width, frame.height
    box = [found.left / width, found.top / height]
    box += [(found.right - found.left) / width, (found.bottom - found.top) / height]
    described: dict[str, object] = {
        "category": str(found.class_id + 1),
        "conf": round(found.confidence, 6),
        "bbox": [round(value, 6) for value in box],
        "id": found.id,
    }
    if is_video:
        described |= {"frame_number": frame.frame_index, "time_seconds": round(frame.time_seconds, 3)}
    if found.ambiguous:
        described |= {
            "ambiguous": True,
            "rival_category": str(found.rival_class_id + 1),
            "rival_conf": round(found.rival_confidence, 6),
        }
    return described


def _frame_rate(frames: list[ReportFrame]) -> float:
    """The mean rate up to the last frame looked at: where rates vary, `time_seconds` is the truth."""
    last = next((frame for frame in reversed(frames) if not stream_of(frame.frame_index)), None)
    if last and last.frame_index and last.time_seconds > 0:
        return round(last.frame_index / last.time_seconds, 4)
    return UNKNOWN_FRAME_RATE
