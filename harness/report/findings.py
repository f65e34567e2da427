"""Everything a report shows.  All of it is computed elsewhere; a report only lays it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evals.suite import Suite
from harness.comparisons import Comparisons
from harness.gains import Gain
from harness.inflation import Inflation
from harness.levels import Level
from harness.mix_check import MixCheck
from harness.stage_time import StageTime
from harness.sweep import Sweep
from harness.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Findings:
    """A finished sweep, as the report tells it."""

    sweep: Sweep
    suites: Mapping[str, Suite]
    """Role -> suite."""
    comparisons: Comparisons
    levels: tuple[Level, ...] = ()
    inflation: tuple[Inflation, ...] = ()
    gains: tuple[Gain, ...] = ()
    verdict: Verdict | None = None
    """None where the sweep has no gate."""
    contamination: tuple[MixCheck, ...] = ()
    stages: tuple[StageTime, ...] = ()
    contaminated: frozenset[str] = frozenset()
    """Names of arms that trained on rows known to hold benchmark items."""
