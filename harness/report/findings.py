"""Everything a report shows.  All of it is computed elsewhere; a report only lays it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from evals.suite import Suite
from harness.comparisons import Comparisons
from harness.inflation import Inflation
from harness.levels import Level
from harness.sweep import Sweep
from harness.verdict import Verdict

StageStatus = Literal["ran", "reused", "failed", "blocked"]


@dataclass(frozen=True, slots=True)
class BenchmarkCheck:
    """What a mix holds of one benchmark."""

    benchmark: str
    items: int
    """Items that were looked for."""
    matched: int
    """Items found in at least one row."""
    labels: Mapping[str, int] = field(default_factory=dict)
    """Label (`verbatim`, `near`, ...) -> items found under it."""


@dataclass(frozen=True, slots=True)
class PartCheck:
    """One source of a mix, or one part of it."""

    name: str
    rows: int
    flagged: int


@dataclass(frozen=True, slots=True)
class MixCheck:
    """One decontamination: rows read, flagged, kept, and which items were found."""

    name: str
    """The mix, or the source that is trained on as it is."""
    action: Literal["drop", "block", "report"]
    rows_read: int
    rows_flagged: int
    rows_kept: int
    benchmarks: tuple[BenchmarkCheck, ...] = ()
    parts: tuple[PartCheck, ...] = ()

    @property
    def rows_dropped(self) -> int:
        """Rows that are not trained on."""
        return self.rows_read - self.rows_kept

    @property
    def leaks(self) -> bool:
        """Whether rows that hold benchmark items were kept."""
        return self.action == "report" and self.rows_flagged > 0


@dataclass(frozen=True, slots=True)
class StageTime:
    """One stage of the plan and what became of it."""

    id: str
    kind: str
    status: StageStatus
    seconds: float | None = None
    """Wall time of the run that published it; None where it never ran."""
    reason: str = ""
    """Of a failed or blocked stage: what went wrong, in one line."""


@dataclass(frozen=True, slots=True)
class Findings:
    """A finished sweep, as the report tells it."""

    sweep: Sweep
    suites: Mapping[str, Suite]
    """Role -> suite."""
    comparisons: Comparisons
    levels: tuple[Level, ...] = ()
    inflation: tuple[Inflation, ...] = ()
    verdict: Verdict | None = None
    """None where the sweep has no gate."""
    contamination: tuple[MixCheck, ...] = ()
    stages: tuple[StageTime, ...] = ()
    contaminated: frozenset[str] = frozenset()
    """Names of arms that trained on rows known to hold benchmark items."""
