"""Two reports in, what the second gained, lost and sees otherwise out."""

from detector.compare.reports import Comparison, compare_reports

__all__ = ["Comparison", "compare_reports"]
