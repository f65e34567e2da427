"""Deltas -> one-sided bounds of every clause of a gate, and what follows from them.

These are the numbers behind a verdict.  Of held-out suites they end here: `harness.gate` passes on
the outcome alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evals import stats
from evals.suite import Suite
from harness.bounds import bounds, p_worse
from harness.comparisons import Delta
from harness.verdict import Bounds, Clause, Outcome
from harness.winners import Rivals


@dataclass(frozen=True, slots=True)
class Measured:
    """One clause and what was measured for it."""

    clause: Clause
    delta: Delta
    level: float
    """One-sided level of the suite: that of the gate, or of the look."""
    bounds: Bounds
    rivals: Rivals | None
    """Arms for which the lower bound is to hold at once; None where it is that of one arm."""
    tail: float
    """One-sided level at which the lower bound, taken alone, would stand where it does."""
    holm: int
    """What Holm divides the level of the upper bound by: clauses, less those that fail first."""
    outcome: Outcome


def measured(
    found: Sequence[tuple[Clause, Delta]],
    levels: Sequence[float],
    suites: Mapping[str, Suite],
    rivals: Rivals | None,
) -> list[Measured]:
    """Bounds of each clause: lower ones as they are, upper ones by Holm over all of them.

    Args:
        found: Clauses that something was measured for.
        levels: One-sided level of each.
        suites: Role -> suite; a lower bound on the suite `dev`, which chose the candidate, is to
            hold for every arm that it was chosen among.
        rivals: Those arms.
    """
    worse = [p_worse(d, clause.required) for clause, d in found]
    fails = stats.holm(worse) < np.asarray(levels)
    rank = {i: r for r, i in enumerate(sorted(range(len(found)), key=worse.__getitem__))}
    rows = []
    for i, (clause, d) in enumerate(found):
        among = rivals if clause.suite == suites["dev"].name and _several(rivals) else None
        factor = among.factor(levels[i], d.df) if among else stats.quantile(1 - levels[i], d.df)
        tail = stats.upper_tail(factor, d.df)
        # One that does not fail would be the next to do so, whatever its rank.
        holm = len(found) - (rank[i] if fails[i] else int(fails.sum()))
        lower, _ = bounds(d, tail)
        _, upper = bounds(d, levels[i] / holm)
        outcome = _outcome(clause, lower, bool(fails[i]))
        within = Bounds(d.mean, lower, upper)
        rows.append(Measured(clause, d, levels[i], within, among, tail, holm, outcome))
    return rows


def _several(rivals: Rivals | None) -> bool:
    return rivals is not None and len(rivals.arms) > 1


def _outcome(clause: Clause, lower: float, worse: bool) -> Outcome:
    if worse:
        return "fail"
    reached = lower > clause.required if clause.kind == "improve" else lower >= clause.required
    return "pass" if reached else "inconclusive"
