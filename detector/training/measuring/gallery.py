"""What a model saw in, pictures of its errors out: to look at one by one, or some of them on a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.frames import read_image
from detector.training.measuring.evaluate import Seen, find_errors

LONG_SIDE = 900  # pixels of a written picture
TRUTH_COLOUR, SEEN_COLOURS = (255, 255, 255), ((0, 160, 255), (255, 200, 0))
MIN_SHOWN = 0.1
SHEET_COLUMNS, SHEET_ROWS, SHEET_SIDE = 5, 3, 260  # pixels of a picture's sides on it


def write_gallery(
    seen: Sequence[Seen], class_names: Sequence[str], thresholds: Sequence[float], out: Path
) -> int:
    """Writes every photo with a miss or a false hit, truth in white; returns how many there are."""
    out.mkdir(parents=True, exist_ok=True)
    errors = find_errors(seen, class_names, thresholds)
    for word, one in errors:
        picture = _draw(one, class_names, LONG_SIDE)
        name = f"{word}__{one.photo.kind}__{one.photo.path.stem[-60:]}.jpg"
        cv2.imwrite(str(out / name), picture[..., ::-1])
    return len(errors)


def write_sheet(
    seen: Sequence[Seen], class_names: Sequence[str], thresholds: Sequence[float], path: Path
) -> int:
    """Writes one picture with photos that have errors, evenly taken from all; returns of how many."""
    errors = [one for _, one in find_errors(seen, class_names, thresholds)]
    count = SHEET_COLUMNS * SHEET_ROWS
    chosen = [errors[number * len(errors) // count] for number in range(min(count, len(errors)))]
    sheet = np.full((SHEET_ROWS * SHEET_SIDE, SHEET_COLUMNS * SHEET_SIDE, 3), 255, np.uint8)
    for number, one in enumerate(chosen):
        picture = _draw(one, class_names, SHEET_SIDE)
        top, left = (place * SHEET_SIDE for place in divmod(number, SHEET_COLUMNS))
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    return len(errors)


def _draw(one: Seen, class_names: Sequence[str], long_side: int) -> NDArray[np.uint8]:
    """The photo with the truth in white, and what the model saw in a colour for each class."""
    image = read_image(one.photo.path)
    scale = long_side / max(image.shape[:2])
    picture = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    for box in one.photo.xyxy * scale:
        cv2.rectangle(picture, *_corners(box), TRUTH_COLOUR, 2)
    confidence, class_id = one.detections.confidence, one.detections.class_id
    if confidence is not None and class_id is not None:
        for box, value, number in zip(one.detections.xyxy * scale, confidence, class_id, strict=True):
            if value >= MIN_SHOWN:
                first, second = _corners(box)
                colour = SEEN_COLOURS[int(number) % len(SEEN_COLOURS)]
                cv2.rectangle(picture, first, second, colour, 1)
                text = f"{class_names[int(number)]} {value:.2f}"
                cv2.putText(picture, text, (first[0], first[1] + 12), 0, 0.45, colour, 1, cv2.LINE_AA)
    return picture


def _corners(box: Sequence[float]) -> tuple[tuple[int, int], tuple[int, int]]:
    left, top, right, bottom = (round(float(edge)) for edge in box)
    return (left, top), (right, bottom)
