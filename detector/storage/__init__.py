"""Places in object storage in, what is listed, read and kept there out; nothing else speaks to a storage."""

from detector.storage.objects import (
    UNREACHED,
    Listed,
    fetching,
    find_objects,
    list_folder,
    open_object,
    opened_here,
    put_object,
)
from detector.storage.places import from_here, in_buckets_of, is_here, is_remote, say_place, whole_path
from detector.storage.reports import StoredReport, open_copy, open_place

__all__ = [
    "UNREACHED",
    "Listed",
    "StoredReport",
    "fetching",
    "find_objects",
    "from_here",
    "in_buckets_of",
    "is_here",
    "is_remote",
    "list_folder",
    "open_copy",
    "open_object",
    "open_place",
    "opened_here",
    "put_object",
    "say_place",
    "whole_path",
]
