"""Boxes of several classes and looks in, one box a flag with its rival out."""

import numpy as np
from numpy.typing import NDArray

from detector.toolbox import sv

NMS_IOU = 0.4  # boxes that overlap more are one flag
RIVAL_IOU = 0.7  # a box of the other class that overlaps this much is a second opinion on the same flag
MAX_DETECTIONS = 300  # an image


def suppress(xyxy: NDArray[np.floating], confidence: NDArray[np.floating], iou: float) -> NDArray[np.bool_]:
    """Which boxes (n, 4) of whatever class no more confident one overlaps by more than `iou`."""
    if not len(xyxy):
        return np.empty(0, np.bool_)
    return np.asarray(sv.box_non_max_suppression(np.column_stack([xyxy, confidence]), iou), np.bool_)


def join_rivals(
    xyxy: NDArray[np.floating], confidence: NDArray[np.floating], class_id: NDArray[np.integer], margin: float
) -> sv.Detections:
    """Detections (n,) as `Model.detect` gives them: the most confident first, with their rivals.

    Where boxes of two classes overlap, the weaker becomes the rival of the stronger, so that one flag is
    never counted as two.
    """
    order = np.lexsort((class_id, -confidence))[:MAX_DETECTIONS]
    xyxy, confidence, class_id = xyxy[order], confidence[order], class_id[order]
    overlap = sv.box_iou_batch(xyxy, xyxy) >= RIVAL_IOU
    rivals = overlap & (class_id[:, None] != class_id[None, :])
    kept = np.ones(len(order), bool)
    for row in range(1, len(order)):
        kept[row] = not (rivals[row, :row] & kept[:row]).any()
    rival_confidences = np.where(rivals, confidence[None, :], 0.0)
    rival = rival_confidences.argmax(axis=1) if len(order) else np.empty(0, int)
    rival_confidence = rival_confidences[np.arange(len(order)), rival]
    data = {
        "rival_class_id": np.where(rival_confidence > 0, class_id[rival], -1)[kept],
        "rival_confidence": rival_confidence.astype(np.float32)[kept],
        "ambiguous": are_ambiguous(confidence, rival_confidence, margin)[kept],
    }
    return sv.Detections(
        xyxy[kept].astype(np.float32), None, confidence[kept].astype(np.float32), class_id[kept], data=data
    )


def are_ambiguous(
    confidence: NDArray[np.floating], rival_confidence: NDArray[np.floating], margin: float
) -> NDArray[np.bool_]:
    """Which detections (n,) have a rival that they lead by less than the margin."""
    return find_leads(confidence, rival_confidence) < margin


def find_leads(
    confidence: NDArray[np.floating], rival_confidence: NDArray[np.floating]
) -> NDArray[np.floating]:
    """By which share of both confidences detections (n,) lead their rivals; 1 where there is none."""
    return (confidence - rival_confidence) / np.maximum(confidence + rival_confidence, 1e-9)
