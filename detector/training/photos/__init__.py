"""Real photos with their boxes in; pieces of them, and their cloth repainted, out."""

from detector.training.photos.cutting import cut_cloths
from detector.training.photos.pieces import Piece, cut_piece, frame_single
from detector.training.photos.repainted import repaint_photos
from detector.training.photos.truth import GENERATED, Photo, read_photos, read_split

__all__ = [
    "GENERATED",
    "Photo",
    "Piece",
    "cut_cloths",
    "cut_piece",
    "frame_single",
    "read_photos",
    "read_split",
    "repaint_photos",
]
