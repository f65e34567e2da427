"""What is computed of a sweep's arms: deltas, and those that could not be had."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from evals.suite import Tier
from harness.winners import Promoted, Rivals

Kind = Literal["baseline", "parent", "contrast", "gate"]

MEAN = "(mean)"
"""Benchmark of the row that holds a suite's mean."""


@dataclass(frozen=True, slots=True)
class Delta:
    """`of` minus `against` on one benchmark.  Scores and differences are fractions."""

    benchmark: str
    """A benchmark's name, or `MEAN`."""
    suite: str
    tier: Tier
    of: str
    """Name of the arm, e.g. `sft mix=skills`."""
    against: str
    kind: Kind
    name: str
    """Of a contrast, its name; else what the arm is compared with, e.g. `baseline`."""
    n_items: int
    n_seeds_of: int
    n_seeds_against: int
    score_of: float
    score_against: float
    mean: float
    low: float
    high: float
    """95 % interval over the draw of items and, with two seeds or more, of runs: t, or Tango's
    (see `better`)."""
    p: float
    """Two-sided.  With seeds, of the t test that the interval inverts; with one seed, exact McNemar
    for binary scores and sign-flip for others."""
    p_adjusted: float
    """Benjamini-Hochberg over the rows of the same kind in the same suite (means among means)."""
    mde: float
    """Smallest true difference found with 80 % power at one-sided 5 %."""
    df: float
    var_items: float
    """Part of the squared standard error that shrinks with more items."""
    var_runs: float
    """Part that shrinks with more seeds; 0 where there was one seed."""
    note: str = ""
    p_holm: float = 1.0
    """Holm over the arms of the same kind on the same benchmark."""
    p_max_t: float = 1.0
    """Max-T over the same arms, which knows how they hang together (`harness.families`)."""
    better: int | None = None
    """Items with a higher score, where there is one binary response to each and neither clusters
    nor subtasks: bounds are then Tango's, not t.  None elsewhere."""
    worse: int | None = None
    """Items with a lower score, likewise."""

    @property
    def se(self) -> float:
        """Standard error of `mean`."""
        return math.sqrt(self.var_items + self.var_runs)

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Absent:
    """A number that could not be computed, and why.  It is never shown as a number."""

    of: str
    against: str
    benchmark: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Every delta of a sweep, and every one that is missing."""

    deltas: tuple[Delta, ...]
    absent: tuple[Absent, ...]
    candidate: str | None = None
    """Name of the arm the gate judges, if there is a gate."""
    rivals: Rivals | None = None
    """The arms that the candidate was chosen among on the development suite."""
    promoted: tuple[Promoted, ...] = ()
    """The best arms of stages, where they were not chosen."""

    def without_held_out(self) -> Comparisons:
        """What people are shown: of a look at a held-out suite only the verdict leaves."""
        return replace(self, deltas=tuple(d for d in self.deltas if d.tier == "development"))

    def of_kind(self, kind: Kind) -> tuple[Delta, ...]:
        """The deltas of one kind."""
        return tuple(d for d in self.deltas if d.kind == kind)
