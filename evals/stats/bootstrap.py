"""Resampling seeds and items together: a second opinion that assumes no distribution."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from evals.stats.estimate import Estimate
from evals.stats.vector import Floats, group_index, group_sums, matrix


def hierarchical_bootstrap(
    b: ArrayLike,
    a: ArrayLike,
    draws: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
    *,
    cluster: ArrayLike | None = None,
) -> Estimate:
    """Difference of two recipes with seeds drawn anew on each side and items drawn anew for both.

    Items and seeds cross: every seed answers every item, so one draw of items serves all seeds
    (Owen 2007, "The pigeonhole bootstrap").  Drawing S seeds from S understates their variance by
    (S - 1) / S; their deviations are stretched by sqrt(S / (S - 1)) (Rao and Wu 1988).  The
    interval is the percentile interval.  It knows nothing of other arms: with two seeds on a side
    it is a poor interval where runs differ much, and `RunNoise` pooled over arms is the better one
    (docs/statistics.md has the coverage of both).

    Args:
        b: Scores of the one arm, shape `[seeds, n]`.
        a: Scores of the other on the same items, shape `[its seeds, n]`.
        draws: Resamples.
        seed: Seed of the resamples.
        level: Two-sided coverage.
        cluster: The cluster of each item; clusters are drawn whole.

    Returns:
        The difference, the resamples' standard deviation and percentile interval, and twice the
        share of resamples on the far side of zero as p; df is infinite.

    Raises:
        ValueError: other items, fewer than two items or clusters, or a score that is not finite.
    """
    one, other = matrix(b, "scores of b", least=2), matrix(a, "scores of a", least=2)
    n = one.shape[1]
    if other.shape[1] != n:
        raise ValueError(f"{n} items on one side and {other.shape[1]} on the other do not pair")
    index = np.arange(n) if cluster is None else group_index(cluster, n, "cluster")
    size = np.bincount(index).astype(np.float64)
    if size.size < 2:
        raise ValueError("one cluster has no variance; at least two are needed")
    rng = np.random.default_rng(seed)
    sides = [np.stack([group_sums(row, index) for row in y]) for y in (one, other)]
    found = np.concatenate(
        [
            _draw(rng, sides[0], sides[1], size, min(500, draws - start))
            for start in range(0, draws, 500)
        ]
    )
    mean = float(one.mean() - other.mean())
    low, high = np.quantile(found, [0.5 - level / 2, 0.5 + level / 2])
    side = min(float(np.mean(found <= 0)), float(np.mean(found >= 0)))
    p = min(1.0, 2 * (side * draws + 1) / (draws + 1))
    return Estimate(mean, float(found.std(ddof=1)), float(low), float(high), math.inf, p)


def _draw(rng: np.random.Generator, one: Floats, other: Floats, size: Floats, draws: int) -> Floats:
    """Resampled differences, shape `[draws]`; `one` and `other` are sums `[seeds, clusters]`."""
    groups = size.size
    weight = rng.multinomial(groups, np.full(groups, 1 / groups), size=draws).astype(np.float64)
    total = weight @ size
    parts = []
    for sums in (one, other):
        seeds = len(sums)
        means = weight @ sums.T / total[:, None]
        drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws) / seeds
        centre = means.mean(axis=1)
        stretch = math.sqrt(seeds / (seeds - 1)) if seeds > 1 else 0.0
        parts.append(centre + stretch * np.sum(drawn * (means - centre[:, None]), axis=1))
    difference: Floats = parts[0] - parts[1]
    return difference
