"""Frames and Detections in, annotated pictures and crops with hidden faces out."""

from detector.pictures.annotate import (
    FRAME_LONG_SIDE,
    JPEG_QUALITY,
    protect,
    shrink,
    write_jpeg,
)
from detector.pictures.choosing import PictureChooser
from detector.pictures.registering import (
    PART_SIDE,
    NoHold,
    Part,
    find_change,
    find_part,
    is_cut_out,
    register,
)
from detector.pictures.writing import (
    ALMOST_SHARE,
    PLAIN,
    find_picture_side,
    has_picture,
    is_shown,
    remove_pictures,
    write_pictures,
)

__all__ = [
    "ALMOST_SHARE",
    "FRAME_LONG_SIDE",
    "JPEG_QUALITY",
    "PART_SIDE",
    "PLAIN",
    "NoHold",
    "Part",
    "PictureChooser",
    "find_change",
    "find_part",
    "find_picture_side",
    "has_picture",
    "is_cut_out",
    "is_shown",
    "protect",
    "register",
    "remove_pictures",
    "shrink",
    "write_jpeg",
    "write_pictures",
]
