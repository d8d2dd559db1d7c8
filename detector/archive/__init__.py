"""Reports and folders in, a file of what has been seen out; pictures in, where they were seen before out."""

from detector.archive.adding import Added, add_folder, add_report, remove_source
from detector.archive.listing import Listing, list_archive

__all__ = ["Added", "Listing", "add_folder", "add_report", "list_archive", "remove_source"]
