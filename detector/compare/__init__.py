"""Two reports in, what the second gained, lost and sees otherwise out; and one's verdicts for the other."""

from detector.compare.carry import Carried, carry_verdicts
from detector.compare.reports import Comparison, compare_reports

__all__ = ["Carried", "Comparison", "carry_verdicts", "compare_reports"]
