"""What each arm scored on each development benchmark, with an interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.stats import mean_interval, wilson
from evals.suite import Suite
from harness.runs import Run, trained_arms
from harness.scores import ArmScores, score_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Level:
    """One arm's score on one benchmark, a fraction."""

    arm: str
    suite: str
    benchmark: str
    n_items: int
    n_seeds: int
    score: float
    """Mean over items and seeds."""
    low: float
    high: float
    """95 % interval over the draw of items (Wilson; t where the suite states clusters or strata);
    it says nothing about another run."""


def compute_levels(
    runs: Iterable[Run], scores: pd.DataFrame, suites: Mapping[str, Suite]
) -> tuple[Level, ...]:
    """The level of every arm on every development benchmark it was scored on.

    A benchmark that is missing or partial for an arm has no level; where it is compared,
    `harness.deltas` lists it with the reason.

    Args:
        runs: What was trained.
        scores: One row per checkpoint, benchmark and item; columns in `harness.scores`.
        suites: Role -> suite.
    """
    found = score_table(scores).development(trained_arms(runs), suites)
    return tuple(
        Level(
            arm.name,
            suite.name,
            benchmark.name,
            scored.items.size,
            scored.seeds,
            scored.mean,
            *_interval(scored),
        )
        for arm, suite, benchmark, scored in found
    )


def _interval(scored: ArmScores) -> tuple[float, float]:
    n = scored.items.size
    if n < 2 or (scored.cluster is None and scored.stratum is None):
        return wilson(round(scored.mean * n), n)
    means = scored.scores.mean(axis=0)
    found = mean_interval(means, cluster=scored.cluster, stratum=scored.stratum)
    return found.low, found.high
