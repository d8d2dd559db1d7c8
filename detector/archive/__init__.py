"""Reports and folders in, a file of what has been seen out; pictures in, where they were seen before out."""

from detector.archive.adding import Added, add_folder, add_report, remove_source
from detector.archive.asking import Asking, ask_archive, match_report
from detector.archive.finding import Found, find_picture, write_found
from detector.archive.listing import Listing, list_archive
from detector.archive.store import open_archive

__all__ = [
    "Added",
    "Asking",
    "Found",
    "Listing",
    "add_folder",
    "add_report",
    "ask_archive",
    "find_picture",
    "list_archive",
    "match_report",
    "open_archive",
    "remove_source",
    "write_found",
]
