"""An installation in, what was found of each of its parts out."""

import platform
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.errors import DetectorError
from detector.frames import ffmpeg_version, find_video_decoders, read_image, try_photos, try_video
from detector.model import WeightsInfo, find_devices, load_model, read_weights_info
from detector.options import DEVICES, default_weights
from detector.regular import find_mode
from detector.toolbox import sv

PICTURE = Path(__file__).parent / "square.jpg"
SAME_PLACE = 0.5  # IoU


@dataclass(frozen=True, slots=True)
class Check:
    """One part of the installation."""

    name: str
    well: bool
    found: str
    """What was found, or what is wrong and what helps."""


def examine(weights: Path, out: Path) -> Iterator[Check]:
    """Looks at every part, one after another; `out` is where reports are to be written."""
    yield Check("system", True, f"Python {platform.python_version()}, {platform.platform(terse=True)}")
    yield _examine_photos()
    yield _examine_videos()
    yield _examine_devices()
    yield _examine_place(out)
    try:
        info = read_weights_info(weights)
    except DetectorError as error:
        yield Check("weights", False, str(error))
        return
    digests = info.sha256[:16] + (f" and {info.classifier.sha256[:16]}" if info.classifier else "")
    yield Check("weights", True, f"{weights}: sha256 {digests}…, as their settings say")
    yield _examine_model(info)


def _examine_photos() -> Check:
    tried = try_photos()
    wrong = [f"{name} ({reason})" for name, reason in tried.items() if reason]
    if wrong:
        return Check(
            "photos", False, f"not read: {', '.join(wrong)}; pip install --force-reinstall pillow-heif"
        )
    return Check("photos", True, f"{', '.join(tried)}; OpenCV {cv2.__version__}")


def _examine_videos() -> Check:
    found = find_video_decoders()
    missing = [name for name, there in found.items() if not there]
    if missing:
        return Check(
            "videos", False, f"no decoder for {', '.join(missing)}; pip install --force-reinstall av"
        )
    if reason := try_video():
        return Check("videos", False, f"a video is not read: {reason}; pip install --force-reinstall av")
    return Check("videos", True, f"{', '.join(found)}; libavcodec {ffmpeg_version()}")


def _examine_devices() -> Check:
    found = find_devices(default_weights(), DEVICES)
    there = [name for name, reason in found.items() if not reason]
    away = [f"{name}: {reason}" for name, reason in found.items() if reason]
    return Check("devices", "cpu" in there, "; ".join((", ".join(there), *away)))


def _examine_place(out: Path) -> Check:
    place = next(one for one in (out.absolute(), *out.absolute().parents) if find_mode(one))
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"written")
        with tempfile.TemporaryFile() as file:
            file.write(b"written")
    except OSError as error:
        return Check("writing", False, f"{error.filename or place}: {error.strerror}; choose another --out")
    free = shutil.disk_usage(place).free / 1e9
    return Check("writing", True, f"{place} can be written, {free:,.1f} GB are free")


def _examine_model(info: WeightsInfo) -> Check:
    """Finds the flags of the picture that comes along, if the weights are for such flags."""
    try:
        (seen,) = load_model(info.path).detect([read_image(PICTURE)], info.floor)
    except DetectorError as error:
        return Check("self-test", False, str(error))
    told, missed = [], []
    shows = tomllib.loads(PICTURE.with_suffix(".toml").read_text(encoding="utf-8"))
    for label, box in shows.items():
        if label not in info.class_names:
            continue
        class_id = info.class_names.index(label)
        confidence = _confidence_at(seen, class_id, np.array([box], np.float32))
        told.append(f"{label} {confidence:.2f}")
        if confidence < info.thresholds[class_id]:
            missed.append(label)
    if missed:
        return Check("self-test", False, f"not found in the picture that comes along: {', '.join(missed)}")
    return Check("self-test", True, f"found what the picture that comes along shows: {', '.join(told)}")


def _confidence_at(seen: sv.Detections, class_id: int, box: NDArray[np.float32]) -> float:
    """Highest confidence of a class at a place; 0 for none, or for one that may be the other flag."""
    if not len(seen):
        return 0.0
    there = sv.box_iou_batch(seen.xyxy, box)[:, 0] >= SAME_PLACE
    clear = there & (np.asarray(seen.class_id) == class_id) & ~np.asarray(seen.data["ambiguous"], bool)
    return float(np.asarray(seen.confidence)[clear].max(initial=0))
