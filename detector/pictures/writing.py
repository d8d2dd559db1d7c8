"""A frame and its detections in, their pictures in the report folder out."""

import functools
import math
from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.frames import Frame
from detector.ids import ID_DIGITS, detection_id, frame_id
from detector.pictures.annotate import (
    CROP_LONG_SIDE,
    FRAME_LONG_SIDE,
    cut_crop,
    draw_detections,
    protect,
    shrink,
    write_jpeg,
)
from detector.settings import WorkerSettings
from detector.toolbox import sv

PLAIN = "plain"  # folder of the same pictures without boxes and texts
FOLDERS = ("frames", "crops", "almost", PLAIN)  # in a report, that hold pictures
ALMOST_SHARE = 0.5  # of its class's threshold: from there on a detection has pictures, shown as "almost"


def is_shown(detections: sv.Detections, thresholds: tuple[float, ...]) -> NDArray[np.bool_]:
    """Mask (n,) of the detections at or above their class's threshold."""
    confidence, class_id = detections.confidence, detections.class_id
    if confidence is None or class_id is None or not len(detections):
        return np.zeros(0, bool)
    return np.asarray(confidence >= np.asarray(thresholds, np.float32)[class_id])


def has_picture(detections: sv.Detections, thresholds: tuple[float, ...]) -> NDArray[np.bool_]:
    """Mask (n,) of the detections that are shown or almost are, of which pictures are written."""
    return is_shown(detections, tuple(ALMOST_SHARE * threshold for threshold in thresholds))


def find_picture_side(resolution_wh: tuple[int, int], xyxy: NDArray[np.float32]) -> int:
    """Pixels that a frame of this size needs on its long side, for its picture and crops of boxes (n, 4)."""
    long_side = max(resolution_wh)
    cuts = [cut_crop(resolution_wh, box) for box in xyxy]
    shortest: int = min(max(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in cuts)
    return min(long_side, max(FRAME_LONG_SIDE, math.ceil(CROP_LONG_SIDE / shortest * long_side)))


def write_pictures(
    frame: Frame,
    detections: sv.Detections,
    pictured: NDArray[np.bool_],
    sha256: str,
    class_names: tuple[str, ...],
    settings: WorkerSettings,
) -> sv.Detections:
    """The detections with all that `FileResult` says of them; writes pictures of those in the mask.

    Boxes are in pixels of the file's own picture; `find_picture_side` says how many of them the frame needs.
    """
    count = len(detections)
    width, height = frame.resolution_wh
    shown = is_shown(detections, settings.thresholds)
    ids = [detection_id(sha256, frame.index, rank) for rank in range(count)]
    folder = "frames" if shown.any() else "almost"
    annotated = f"{folder}/{frame_id(sha256, frame.index)}.jpg"
    folders = np.where(shown, "crops", "almost").tolist()
    crops = np.array(
        [f"{folder}/{name}.jpg" for folder, name in zip(folders, ids, strict=True)], dtype=object
    )
    digests = np.full((count, 3), "", dtype=object)
    if pictured.any():
        safe = functools.partial(protect, show_faces=settings.show_faces)
        picture = shrink(frame.image, FRAME_LONG_SIDE)
        scale, decoded = picture.shape[1] / width, frame.image.shape[1] / width
        flags = np.asarray(detections.xyxy[pictured], np.float32)
        picture = safe(picture, flags=flags * scale)
        only = sv.Detections(
            detections.xyxy[pictured] * scale, class_id=np.asarray(detections.class_id)[pictured]
        )
        labels = np.array(_labels(detections, shown, class_names, ids), dtype=object)
        plain = f"{PLAIN}/{frame_id(sha256, frame.index)}.jpg"
        digests[pictured, 2] = write_jpeg(picture, settings.out, plain)
        drawn = draw_detections(picture, only, labels[pictured].tolist())
        digests[pictured, 0] = write_jpeg(drawn, settings.out, annotated)
        for row in np.flatnonzero(pictured):
            box = detections.xyxy[row]
            cut = _cut(frame.image, box * decoded)
            if min(1, CROP_LONG_SIDE / max(cut.shape[:2])) * decoded <= scale:
                cut = _cut(picture, box * scale)  # as sharp, or enough
            else:  # it shows faces that were too small to be found in the picture
                cut = safe(shrink(cut, CROP_LONG_SIDE), flags=_inside_crop(frame, box, cut, flags))
            digests[row, 1] = write_jpeg(cut, settings.out, crops[row])
    detections.data |= {
        "frame_index": np.full(count, frame.index),
        "time_seconds": np.full(count, frame.time_seconds),
        "rank": np.arange(count),
        "page": np.full(count, frame.page),
        "frame_width": np.full(count, width),
        "frame_height": np.full(count, height),
        "annotated": np.where(pictured, annotated, ""),
        "crop": np.where(pictured, crops, ""),
        "annotated_sha256": digests[:, 0],
        "crop_sha256": digests[:, 1],
        "plain_sha256": digests[:, 2],
    }
    return detections


def remove_pictures(out: Path, sha256: str, kept: Collection[str]) -> None:
    """Removes a content's pictures from a report folder but those kept."""
    for folder in FOLDERS:
        for path in (out / folder).glob(f"{sha256[:ID_DIGITS]}-*.jpg"):
            if f"{folder}/{path.name}" not in kept:
                path.unlink(missing_ok=True)


def _inside_crop(
    frame: Frame, box: NDArray[np.float32], cut: NDArray[np.uint8], flags: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Boxes (n, 4) of the frame in pixels of the crop round one of them, as it is searched for faces."""
    decoded = frame.image.shape[1] / frame.resolution_wh[0]
    rows, columns = cut_crop((frame.image.shape[1], frame.image.shape[0]), box * decoded)
    smaller = min(1.0, CROP_LONG_SIDE / max(cut.shape[:2]))
    corner = np.array([columns.start, rows.start] * 2, np.float32)
    return np.asarray((flags * decoded - corner) * smaller, np.float32)


def _cut(image: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.uint8]:
    return image[cut_crop((image.shape[1], image.shape[0]), box)]


def _labels(
    detections: sv.Detections, shown: NDArray[np.bool_], class_names: tuple[str, ...], ids: list[str]
) -> list[str]:
    """Class, confidence and id of each detection; the rival where it is close, "almost" where not shown."""
    class_id, confidence = np.asarray(detections.class_id), np.asarray(detections.confidence)
    rival, ambiguous = detections.data["rival_class_id"], detections.data["ambiguous"]
    labels = []
    for row, name in enumerate(ids):
        label = class_names[class_id[row]]
        if ambiguous[row]:
            label = f"ambiguous: {label} or {class_names[int(rival[row])]}"
        if not shown[row]:
            label = f"almost: {label}"
        short = name[:6] + name[ID_DIGITS:]  # the whole id is in the file's name and the table
        labels.append(f"{label} {confidence[row]:.2f} {short}")
    return labels
