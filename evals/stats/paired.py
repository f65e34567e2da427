"""Differences on the same items, plain, in clusters and in strata; and sums of them.

Sources: Miller (2024), "Adding error bars to evals", arXiv 2411.00640; Card et al. (2020), "With
little power comes great responsibility", EMNLP; Cochran (1977), "Sampling Techniques".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from evals.stats.clusters import cluster_variance
from evals.stats.estimate import Estimate, Variance, estimate
from evals.stats.vector import Floats, Index, group_index, least_variance, vector


def paired(
    b: ArrayLike,
    a: ArrayLike,
    level: float = 0.95,
    *,
    cluster: ArrayLike | None = None,
    stratum: ArrayLike | None = None,
    floor: bool = False,
) -> Estimate:
    """Mean of b - a over the same items, with a t interval (Miller 2024, section 4.2).

    Args:
        b: Scores of the one system, shape `[n]`.
        a: Scores of the other on the same items, shape `[n]`.
        level: Two-sided coverage.
        cluster: The cluster of each item, shape `[n]`, where items come in clusters.
        stratum: The fixed subtask of each item, shape `[n]`, where there are such.
        floor: As in `item_parts`.

    Raises:
        ValueError: shapes differ, fewer than two items, or a number or label is missing.
    """
    d = differences(b, a)
    parts = item_parts(d, cluster=cluster, stratum=stratum, floor=floor)
    return estimate(float(d.mean()), parts, level)


def differences(b: ArrayLike, a: ArrayLike) -> Floats:
    """b - a item by item.

    Raises:
        ValueError: shapes differ, fewer than two items, or a score is NaN or infinite.
    """
    one, other = np.asarray(b, dtype=np.float64), np.asarray(a, dtype=np.float64)
    if one.shape != other.shape or one.ndim != 1:
        raise ValueError(f"shapes {one.shape} and {other.shape} do not pair item by item")
    return vector(one, least=2) - vector(other, least=2)


def item_parts(
    d: ArrayLike,
    *,
    cluster: ArrayLike | None = None,
    stratum: ArrayLike | None = None,
    floor: bool = False,
) -> tuple[Variance, ...]:
    """Independent parts of the variance of mean(d) over the draw of items.

    Without labels s_d^2 / n; with clusters `cluster_variance`; with fixed subtasks as strata
    sum w_s^2 V_s, w_s = n_s / n, each V_s plain or clustered (Cochran 1977, section 5.3).  Strata
    of fewer than two items or clusters are collapsed into one (section 5A.12), which overstates
    the variance where their means differ.

    Args:
        d: Differences of scores in [0, 1], shape `[n]`.
        cluster: The cluster of each item.  A cluster that lies in two strata counts as two.
        stratum: The subtask of each item.
        floor: Never less in all than if, of n items, one had got better and one worse by the
            largest difference seen (by 1 where all are zero): 2 / n^2 for binary scores.  Two arms
            that agree on 30 items are not known to agree on all; the floor is about the rule of
            three (Hanley and Lippman-Hand 1983) at 95 %.

    Raises:
        ValueError: fewer than two items or clusters, or a number or label is missing.
    """
    d = vector(d, "differences", least=2)
    if stratum is None:
        return (_variance(d, cluster, floor),)
    names = None if cluster is None else group_index(cluster, d.size, "cluster")
    index = _collapsed(group_index(stratum, d.size, "stratum"), names)
    groups = [index == s for s in np.unique(index)]
    parts = [
        _variance(d[g], None if names is None else names[g]).scaled((g.sum() / d.size) ** 2)
        for g in groups
    ]
    if floor and sum(p.value for p in parts) < least_variance(d):
        return (Variance(least_variance(d), d.size - 1),)
    return tuple(parts)


def _variance(d: Floats, cluster: ArrayLike | None, floor: bool = False) -> Variance:
    if cluster is None:
        return item_variance(d, floor=floor)
    return cluster_variance(d, cluster, floor=floor)


def _collapsed(stratum: Index, cluster: Index | None) -> Index:
    """Strata with those of a single item or cluster merged; a last single one joins the least."""
    units = np.arange(stratum.size) if cluster is None else cluster
    pairs = np.unique(np.stack([stratum, units]), axis=1)
    count = np.bincount(pairs[0])
    single = np.flatnonzero(count == 1)
    if not single.size:
        return stratum
    into = single[0]
    if single.size == 1 and count.size > 1:
        into = min((s for s in range(count.size) if s != into), key=lambda s: int(count[s]))
    return np.where(np.isin(stratum, single), into, stratum)


def item_variance(d: ArrayLike, *, floor: bool = False) -> Variance:
    """Variance of mean(d) over the draw of items: s_d^2 / n with n - 1 degrees of freedom.

    Args:
        d: Differences, shape `[n]`.
        floor: As in `item_parts`.

    Raises:
        ValueError: fewer than two items, or a number is missing.
    """
    d = vector(d, "differences", least=2)
    n = d.size
    value = float(d.var(ddof=1)) / n
    return Variance(max(value, least_variance(d)) if floor else value, n - 1)


def mean_variance(
    parts: Sequence[Sequence[Variance]], covariance: ArrayLike | None = None
) -> list[Variance]:
    """Parts of the variance of a mean over K benchmarks: (sum v_k + 2 sum cov_kl) / K^2.

    Args:
        parts: Of each benchmark, the independent parts of its mean's variance; K of them.
        covariance: Covariances, shape `[K, K]`, of which the part above the diagonal is read.
            None where the benchmarks share no items.

    Raises:
        ValueError: no benchmarks, or a covariance is NaN or infinite.
    """
    if not parts:
        raise ValueError("a mean over no benchmarks has no variance")
    k = len(parts)
    scaled = [v.scaled(1 / k**2) for benchmark in parts for v in benchmark]
    if covariance is None:
        return scaled
    total = sum(v.value for benchmark in parts for v in benchmark)
    upper = np.triu(np.asarray(covariance, dtype=np.float64), 1)
    if not np.all(np.isfinite(upper)):
        raise ValueError("a covariance between benchmarks is NaN or infinite")
    joint = total + 2 * float(upper.sum())
    return [v.scaled(max(joint, 0.0) / total) for v in scaled] if total > 0 else scaled


def difference_in_differences(first: Estimate, second: Estimate, level: float = 0.95) -> Estimate:
    """first - second, two deltas on different items: variances add.

    With `first` on a development benchmark and `second` on its fresh twin this is the inflation:
    what the development score gained that the skill did not.
    """
    parts = [Variance(e.se**2, e.df) for e in (first, second)]
    return estimate(first.mean - second.mean, parts, level)
