"""A report in, files for other tools out: one module a format."""

from detector.export.exporting import export_report

__all__ = ["export_report"]
