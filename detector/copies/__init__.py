"""Pictures in, hashes and clusters of what looks the same out."""

from detector.copies.clusters import MAX_DISTANCE, find_clusters, find_matches, join_pairs
from detector.copies.cuts import (
    WINDOWS,
    Windows,
    choose_bits,
    find_cuts,
    find_parts,
    hash_windows,
    read_windows,
)
from detector.copies.edges import (
    MAX_EDGE_DISTANCE,
    find_alike,
    hash_edges,
    have_same_edges,
    lie_alike,
    mirror_edges,
)
from detector.copies.hashes import (
    HASH_BYTES,
    MIN_QUALITY,
    PictureHash,
    distances,
    find_luma,
    hash_picture,
    hash_whole_and_inside,
    sort_bits,
)
from detector.copies.overlaps import find_overlaps
from detector.copies.pictures import PICTURE_COLUMNS, Pictures, read_pictures

__all__ = [
    "HASH_BYTES",
    "MAX_DISTANCE",
    "MAX_EDGE_DISTANCE",
    "MIN_QUALITY",
    "PICTURE_COLUMNS",
    "WINDOWS",
    "PictureHash",
    "Pictures",
    "Windows",
    "choose_bits",
    "distances",
    "find_alike",
    "find_clusters",
    "find_cuts",
    "find_luma",
    "find_matches",
    "find_overlaps",
    "find_parts",
    "hash_edges",
    "hash_picture",
    "hash_whole_and_inside",
    "hash_windows",
    "have_same_edges",
    "join_pairs",
    "lie_alike",
    "mirror_edges",
    "read_pictures",
    "read_windows",
    "sort_bits",
]
