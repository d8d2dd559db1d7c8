"""Media in, FileResults out: where the workers run."""

from detector.engines.local import scan_files

__all__ = ["scan_files"]
