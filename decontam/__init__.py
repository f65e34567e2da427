"""Which rows of this training data hold which items of these benchmarks, on what evidence?"""

from decontam.check import check
from decontam.evidence import Match
from decontam.policy import PRESETS, Policy
from decontam.report import Report

__all__ = ["PRESETS", "Match", "Policy", "Report", "check"]
