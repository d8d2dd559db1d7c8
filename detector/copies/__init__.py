"""Pictures in, hashes and clusters of what looks the same out."""

from detector.copies.clusters import MAX_DISTANCE, find_clusters
from detector.copies.hashes import (
    HASH_BYTES,
    MIN_QUALITY,
    PictureHash,
    distances,
    hash_picture,
    hash_whole_and_inside,
)
from detector.copies.overlaps import find_overlaps

__all__ = [
    "HASH_BYTES",
    "MAX_DISTANCE",
    "MIN_QUALITY",
    "PictureHash",
    "distances",
    "find_clusters",
    "find_overlaps",
    "hash_picture",
    "hash_whole_and_inside",
]
