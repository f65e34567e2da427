"""Which rows of this training data hold which items of these benchmarks, on what evidence?"""

from decontam.check import check
from decontam.policy import PRESETS, Policy
from decontam.report.evidence import Match
from decontam.report.report import Report

__all__ = ["PRESETS", "Match", "Policy", "Report", "check"]
