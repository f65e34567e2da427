"""What known leaks add to a score: on all items, on those that training data does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from evals import stats
from evals.suite import Benchmark, Suite
from harness.comparisons import Absent
from harness.contamination import Held
from harness.runs import Run, TrainedArm, trained_arms
from harness.scores import ArmScores, score_table

if TYPE_CHECKING:
    import pandas as pd

Finding = Literal["estimated", "no item matched", "every item matched", "not checked"]


@dataclass(frozen=True, slots=True)
class Gain:
    """One arm on one development benchmark."""

    arm: str
    suite: str
    benchmark: str
    n_items: int
    n_seeds: int
    n_matched: int
    """Scored items that are in rows the arm trained on."""
    finding: Finding
    estimate: stats.PerformanceGain | None
    """Scores and their difference, with 95 % intervals over the draw of items; None unless some
    items were matched and some were not."""


def compute_gains(
    runs: Iterable[Run],
    scores: pd.DataFrame,
    suites: Mapping[str, Suite],
    held: Mapping[str, Mapping[str, Held]],
) -> tuple[tuple[Gain, ...], tuple[Absent, ...]]:
    """The performance gain of every arm on every development benchmark that it was scored on.

    Args:
        runs: What was trained.
        scores: Columns in `harness.scores`.
        suites: Role -> suite.
        held: Name of an arm -> benchmark -> what its training data holds.

    Returns:
        One record for each, and those that could not be computed with the reason.  A benchmark
        that is missing or partial is in neither: where it is compared, it is listed as absent.
    """
    found: list[Gain] = []
    absent: list[Absent] = []
    scored_on = score_table(scores).development(trained_arms(runs), suites)
    for arm, suite, benchmark, scored in scored_on:
        known = held.get(arm.name, {}).get(benchmark.name)
        try:
            found.append(_gain(arm, suite, benchmark, scored, known))
        except ValueError as error:
            absent.append(Absent(arm.name, "", benchmark.name, "gain", str(error)))
    return tuple(found), tuple(absent)


def _gain(
    arm: TrainedArm, suite: Suite, benchmark: Benchmark, scored: ArmScores, known: Held | None
) -> Gain:
    matched = np.array([known is not None and str(i) in known.held for i in scored.items])
    if known and known.held and not matched.any() and benchmark.limit is None:
        raise ValueError(
            f"{len(known.held)} matched items of {benchmark.name} are not among those scored"
        )
    finding: Finding = "estimated"
    if known is None:
        finding = "not checked"
    elif not matched.any():
        finding = "no item matched"
    elif matched.all():
        finding = "every item matched"
    means = scored.scores.mean(axis=0)
    estimated = finding == "estimated"
    return Gain(
        arm=arm.name,
        suite=suite.name,
        benchmark=benchmark.name,
        n_items=scored.items.size,
        n_seeds=scored.seeds,
        n_matched=int(matched.sum()),
        finding=finding,
        estimate=(
            stats.performance_gain(means, matched, cluster=scored.cluster) if estimated else None
        ),
    )
