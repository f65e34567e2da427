"""One-sided bounds of a delta: what the gate reads.

Where each item has one binary response, Tango's score bounds: t bounds take their width from the
items that differ, and where few do, nearly all for the worse, a margin is passed by up to 11 % of
candidates that stand at it, in place of 5 % (`docs/statistics.md`).  Elsewhere Student's t.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evals import stats

if TYPE_CHECKING:
    from harness.comparisons import Delta


def bounds(d: Delta, alpha: float) -> tuple[float, float]:
    """One-sided bounds at `alpha`, below and above."""
    if d.better is not None and d.worse is not None:
        return stats.tango(d.better, d.worse, d.n_items, 1 - 2 * alpha)
    half = stats.quantile(1 - alpha, d.df) * d.se
    return d.mean - half, d.mean + half


def p_worse(d: Delta, required: float) -> float:
    """One-sided p of the null hypothesis that the difference is at least what is required."""
    if d.better is not None and d.worse is not None:
        return stats.upper_tail(-stats.tango_z(d.better, d.worse, d.n_items, required))
    distance = required - d.mean
    return stats.upper_tail(distance / d.se, d.df) if d.se > 0 else float(distance <= 0)


def p_better(d: Delta, required: float) -> float:
    """One-sided p of the null hypothesis that the difference is at most what is required."""
    if d.better is not None and d.worse is not None:
        return stats.upper_tail(stats.tango_z(d.better, d.worse, d.n_items, required))
    distance = d.mean - required
    return stats.upper_tail(distance / d.se, d.df) if d.se > 0 else float(distance <= 0)


def items_to_settle(d: Delta, required: float, alpha: float) -> int | None:
    """Items at which a bound at `alpha` reaches what is required, the estimate staying where it is.

    None where no number of items would do.
    """
    if d.better is not None and d.worse is not None:
        z = stats.tango_z(d.better, d.worse, d.n_items, required)
        # The statistic grows with the root of the items where the shares stay as they are.
        return math.ceil(d.n_items * (stats.quantile(alpha) / z) ** 2) if z else None
    distance = abs(d.mean - required)
    return stats.items_to_settle(distance, d.var_items, d.var_runs, d.n_items, alpha)
