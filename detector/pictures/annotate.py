"""Frame and detections in, pictures with boxes and labels out."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detector.filing import replacing
from detector.pictures.faces import find_faces, hide_faces
from detector.toolbox import sv

# Okabe and Ito's palette, which colour-blind readers can tell apart (https://jfly.uni-koeln.de/color/); its
# bluish green and its blue are left out: they are in the flags.
CLASS_COLOURS = sv.ColorPalette.from_hex(["#E69F00", "#CC79A7", "#56B4E9", "#F0E442", "#D55E00"])
FRAME_LONG_SIDE = 1280  # pixels; larger frames are written smaller
CROP_LONG_SIDE = 640  # enough for a crop: only if the picture holds less of it is it cut from the full frame
CROP_MARGIN = 0.25  # of the box's size on every side
JPEG_QUALITY = 88


def draw_detections(
    image: NDArray[np.uint8], detections: sv.Detections, labels: Sequence[str]
) -> NDArray[np.uint8]:
    """The image at no more than `FRAME_LONG_SIDE` with a box and a label for each detection."""
    picture = np.ascontiguousarray(shrink(image, FRAME_LONG_SIDE)[..., ::-1])  # supervision draws on BGR
    scaled = sv.Detections(
        detections.xyxy * (picture.shape[1] / image.shape[1]), class_id=detections.class_id
    )
    long_side = max(picture.shape[:2])
    thickness = max(2, round(long_side / 220))  # seen on a phone, which shows the picture 400 points wide
    boxes = sv.BoxAnnotator(CLASS_COLOURS, thickness=thickness)
    texts = sv.LabelAnnotator(
        CLASS_COLOURS,
        text_color=sv.Color.BLACK,
        text_scale=max(0.35, long_side / 1100),
        text_thickness=max(1, round(long_side / 600)),
        text_padding=max(2, thickness),
        smart_position=True,
    )
    drawn = texts.annotate(boxes.annotate(picture, scaled), scaled, list(labels))
    return np.ascontiguousarray(np.asarray(drawn, np.uint8)[..., ::-1])


def cut_crop(resolution_wh: tuple[int, int], box: NDArray[np.float32]) -> tuple[slice, slice]:
    """Rows and columns of the box xyxy with a margin, inside an image of that size; at least one pixel."""
    width, height = resolution_wh
    x1, y1, x2, y2 = box.tolist()
    margin_x, margin_y = (x2 - x1) * CROP_MARGIN, (y2 - y1) * CROP_MARGIN
    left, top = min(width - 1, max(0, int(x1 - margin_x))), min(height - 1, max(0, int(y1 - margin_y)))
    right, bottom = (
        max(left + 1, min(width, int(x2 + margin_x + 1))),
        max(top + 1, min(height, int(y2 + margin_y + 1))),
    )
    return slice(top, bottom), slice(left, right)


def protect(
    image: NDArray[np.uint8],
    *,
    show_faces: bool,
    flags: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """The image with every face hidden, unless they are to be shown; see `find_faces` for `flags`."""
    return image if show_faces else hide_faces(image, find_faces(image, flags))


def shrink(image: NDArray[np.uint8], long_side: int) -> NDArray[np.uint8]:
    """The image, scaled down where its long side is longer than `long_side`."""
    height, width = image.shape[:2]
    scale = long_side / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def write_jpeg(image: NDArray[np.uint8], out: Path, name: str) -> str:
    """Writes the RGB image as a JPEG without metadata to `name` in a report folder; gives its sha256."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=JPEG_QUALITY)
    with replacing(out, name) as file:
        file.write(content.getbuffer())
    return hashlib.sha256(content.getbuffer()).hexdigest()
