"""What known leaks add to a score: on all items, on those that training data does not hold.

Beside it stands the same of a control, an arm that trained on none of the items: matched items may
be easier than others, and the control's gain tells by how much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from evals import stats
from evals.suite import Benchmark, Suite
from harness.comparisons import Absent
from harness.contamination import Held
from harness.pairs import Pair, arm_pairs
from harness.runs import Run, TrainedArm, trained_arms
from harness.scores import ArmScores, ScoreTable, score_table
from harness.sweep import Sweep

if TYPE_CHECKING:
    import pandas as pd

Finding = Literal["estimated", "no item matched", "every item matched", "not checked"]


@dataclass(frozen=True, slots=True)
class Control:
    """An arm that trained on none of the items, split as the arm beside it is."""

    arm: str
    estimate: stats.PerformanceGain
    """Its scores on the items that the other arm's data holds or does not hold."""
    excess: stats.Estimate
    """The other arm's gain less this one's, paired item by item."""


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
    control: Control | None = None
    """The other arm of a contrast, else the baseline, else the stage before; None where each of
    them holds an item too, was not checked or was not scored alike."""


def compute_gains(
    sweep: Sweep,
    runs: Iterable[Run],
    scores: pd.DataFrame,
    suites: Mapping[str, Suite],
    held: Mapping[str, Mapping[str, Held]],
) -> tuple[tuple[Gain, ...], tuple[Absent, ...]]:
    """The performance gain of every arm on every development benchmark that it was scored on.

    Args:
        sweep: What was asked; its contrasts and baseline name the controls.
        runs: What was trained.
        scores: Columns in `harness.scores`.
        suites: Role -> suite.
        held: Name of an arm -> benchmark -> what its training data holds.

    Returns:
        One record for each, and those that could not be computed with the reason.  A benchmark
        that is missing or partial is in neither: where it is compared, it is listed as absent.
        A control that cannot be paired is listed and the gain stands without it.
    """
    found: list[Gain] = []
    absent: list[Absent] = []
    table, arms = score_table(scores), trained_arms(runs)
    # What cannot be found is listed by `harness.deltas`.
    pairs = arm_pairs(sweep, arms, [])
    for arm, suite, benchmark, scored in table.development(arms, suites):
        known = held.get(arm.name, {}).get(benchmark.name)
        try:
            gain = _gain(arm, suite, benchmark, scored, known)
        except ValueError as error:
            absent.append(Absent(arm.name, "", benchmark.name, "gain", str(error)))
            continue
        if known and gain.estimate:
            others = [a for a in _controls(arm, pairs) if _clean(a, benchmark, scored, held)]
            control, missing = _control(table, arm, benchmark, known, others)
            gain = replace(gain, control=control)
            absent += missing
        found.append(gain)
    return tuple(found), tuple(absent)


def _controls(arm: TrainedArm, pairs: Sequence[Pair]) -> Iterator[TrainedArm]:
    """What an arm is compared with, the nearest first."""
    for kind in ("contrast", "baseline", "parent"):
        for pair in pairs:
            if pair.kind == kind and pair.of == arm:
                yield pair.against
            elif pair.kind == kind == "contrast" and pair.against == arm:
                yield pair.of


def _clean(
    arm: TrainedArm,
    benchmark: Benchmark,
    scored: ArmScores,
    held: Mapping[str, Mapping[str, Held]],
) -> bool:
    known = held.get(arm.name, {}).get(benchmark.name)
    return known is not None and known.held.isdisjoint(map(str, scored.items))


def _control(
    table: ScoreTable,
    arm: TrainedArm,
    benchmark: Benchmark,
    known: Held,
    others: Sequence[TrainedArm],
) -> tuple[Control | None, list[Absent]]:
    """The first that was scored on the same items, and those before it that were not."""
    missing = []
    for other in others:
        try:
            one, beside = table.pair(arm, other, benchmark)
        except ValueError as error:
            missing.append(Absent(arm.name, other.name, benchmark.name, "gain", str(error)))
            continue
        matched, cluster = _matched(one, known), one.cluster
        x, y = one.scores.mean(axis=0), beside.scores.mean(axis=0)
        estimate = stats.performance_gain(y, matched, cluster=cluster)
        excess = stats.excess_gain(x, y, matched, cluster=cluster)
        return Control(other.name, estimate, excess), missing
    return None, missing


def _matched(scored: ArmScores, known: Held | None) -> NDArray[np.bool_]:
    held: frozenset[str] = known.held if known else frozenset()
    return np.array([str(i) in held for i in scored.items], dtype=np.bool_)


def _gain(
    arm: TrainedArm, suite: Suite, benchmark: Benchmark, scored: ArmScores, known: Held | None
) -> Gain:
    matched = _matched(scored, known)
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
