"""Frames and Detections in, annotated pictures and crops with hidden faces out."""

from detector.pictures.annotate import FRAME_LONG_SIDE, JPEG_QUALITY, protect, remove_half_written, shrink
from detector.pictures.writing import ALMOST_SHARE, find_picture_side, has_picture, is_shown, write_pictures

__all__ = [
    "ALMOST_SHARE",
    "FRAME_LONG_SIDE",
    "JPEG_QUALITY",
    "find_picture_side",
    "has_picture",
    "is_shown",
    "protect",
    "remove_half_written",
    "shrink",
    "write_pictures",
]
