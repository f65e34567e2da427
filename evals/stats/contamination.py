"""How much of a score is owed to items that training data held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.stats.clusters import cluster_variance
from evals.stats.estimate import Estimate, Variance, estimate
from evals.stats.paired import differences, item_variance
from evals.stats.samples import mean_interval
from evals.stats.vector import Floats, Index, group_index, vector


@dataclass(frozen=True, slots=True)
class PerformanceGain:
    """One arm's score on all items and on clean ones; scores are fractions."""

    all_items: Estimate
    clean_items: Estimate
    gain: Estimate
    """`all_items` minus `clean_items`."""
    n: int
    n_clean: int


def performance_gain(
    scores: ArrayLike,
    contaminated: ArrayLike,
    level: float = 0.95,
    *,
    cluster: ArrayLike | None = None,
) -> PerformanceGain:
    """Estimated performance gain: the score on all items less that on clean items.

    The gain is (n_c / n) (mean of contaminated - mean of clean), two means over different items, so
    its variance is (n_c / n)^2 times the sum of theirs (Welch).  It assumes that contaminated items
    are no easier than clean ones; where a clean arm was scored on the same items, the gain of that
    arm shows how far this holds, and `excess_gain` what is left beyond it.

    Args:
        scores: One arm's scores in [0, 1], shape `[n]`.
        contaminated: Whether training data held the item, shape `[n]`.
        level: Two-sided coverage.
        cluster: The cluster of each item.

    Raises:
        ValueError: fewer than two clean items, another shape, or a score outside [0, 1].
    """
    x = vector(scores, least=2)
    held, groups = _split(x, contaminated, cluster)
    clean = None if groups is None else groups[~held]
    return PerformanceGain(
        mean_interval(x, level, cluster=groups),
        mean_interval(x[~held], level, cluster=clean),
        _gain(x, held, groups, level),
        x.size,
        int((~held).sum()),
    )


def excess_gain(
    scores: ArrayLike,
    control: ArrayLike,
    contaminated: ArrayLike,
    level: float = 0.95,
    *,
    cluster: ArrayLike | None = None,
) -> Estimate:
    """The gain of an arm less that of a control on the same items: a difference in differences.

    (n_c / n) (mean of d over contaminated items - mean of d over clean ones), d the arm's score
    less the control's item by item, with Welch's variance.  What makes some items easier for both
    drops out, and so does all that one arm has over the other on every item alike.  It is the
    leak's part of the score as far as the arm would, without the leak, have been ahead by as much
    on the one kind of items as on the other.

    Args:
        scores: The arm's scores in [0, 1], shape `[n]`.
        control: Scores on the same items of an arm whose training data held none of them.
        contaminated: Whether the arm's training data held the item, shape `[n]`.
        level: Two-sided coverage.
        cluster: The cluster of each item.

    Raises:
        ValueError: fewer than two clean items, another shape, or a score that is NaN or infinite.
    """
    d = differences(scores, control)
    held, groups = _split(d, contaminated, cluster)
    return _gain(d, held, groups, level)


def _split(
    x: Floats, contaminated: ArrayLike, cluster: ArrayLike | None
) -> tuple[NDArray[np.bool_], Index | None]:
    held = np.asarray(contaminated)
    if held.dtype != np.bool_ or held.shape != x.shape:
        raise ValueError(f"contaminated: {held.dtype} {held.shape}; one boolean for each item")
    if int((~held).sum()) < 2:
        raise ValueError(f"{int((~held).sum())} clean items; at least two are needed")
    return held, None if cluster is None else group_index(cluster, x.size, "cluster")


def _gain(x: Floats, held: NDArray[np.bool_], groups: Index | None, level: float) -> Estimate:
    share = float(held.mean())
    if share == 0:
        return estimate(0.0, [Variance(0.0, x.size - 1)], level)
    parts = [_part(x[side], None if groups is None else groups[side]) for side in (~held, held)]
    if parts[1] is None:
        # One contaminated item tells nothing of its spread; that of the clean ones stands in.
        single = item_variance(x[~held], floor=True)
        parts[1] = single.scaled(x.size - 1)
    known = [v.scaled(share**2) for v in parts if v is not None]
    return estimate(share * float(x[held].mean() - x[~held].mean()), known, level)


def _part(x: Floats, groups: Index | None) -> Variance | None:
    if x.size < 2:
        return None
    if groups is not None and np.unique(groups).size > 1:
        return cluster_variance(x, groups, floor=True)
    return item_variance(x, floor=True)
