"""What a model saw in, pictures of its errors out: to look at, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2

from detector.frames import read_image
from detector.training.evaluate import Seen, find_errors

LONG_SIDE = 900  # pixels of a written picture
TRUTH_COLOUR, SEEN_COLOURS = (255, 255, 255), ((0, 160, 255), (255, 200, 0))
MIN_SHOWN = 0.1


def write_gallery(
    seen: Sequence[Seen], class_names: Sequence[str], thresholds: Sequence[float], out: Path
) -> int:
    """Writes every photo with a miss or a false hit, truth in white; returns how many there are."""
    out.mkdir(parents=True, exist_ok=True)
    errors = find_errors(seen, class_names, thresholds)
    for word, one in errors:
        image = read_image(one.photo.path)
        scale = LONG_SIDE / max(image.shape[:2])
        picture = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
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
        name = f"{word}__{one.photo.kind}__{one.photo.path.stem[-60:]}.jpg"
        cv2.imwrite(str(out / name), picture[..., ::-1])
    return len(errors)


def _corners(box: Sequence[float]) -> tuple[tuple[int, int], tuple[int, int]]:
    left, top, right, bottom = (round(float(edge)) for edge in box)
    return (left, top), (right, bottom)
