"""Differences on the same items: plain, clustered, stratified; and sums of them.

Sources: Miller (2024), "Adding error bars to evals", arXiv 2411.00640; Card et al. (2020), "With
little power comes great responsibility", EMNLP.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.stats.estimate import Estimate, Variance, estimate

Floats = NDArray[np.float64]


def paired(b: ArrayLike, a: ArrayLike, level: float = 0.95) -> Estimate:
    """Mean of b - a over the same items, with a t interval (Miller 2024, section 4.2).

    Args:
        b: Scores of the one system, shape `[n]`.
        a: Scores of the other on the same items, shape `[n]`.
        level: Two-sided coverage.

    Raises:
        ValueError: shapes differ, or fewer than two items.
    """
    d = _differences(b, a)
    variance = item_variance(d)
    return estimate(float(d.mean()), [variance], level)


def item_variance(d: ArrayLike, *, floor: bool = False) -> Variance:
    """Variance of mean(d) over the draw of items: s_d^2 / n with n - 1 degrees of freedom.

    Args:
        d: Differences of scores in [0, 1], shape `[n]`.
        floor: Never less than if, of n items, one had got better and one worse: 2 / n^2.  Two arms
            that agree on 30 items are not known to agree on all; the floor is about the rule of
            three (Hanley and Lippman-Hand 1983) at 95 %.

    Raises:
        ValueError: fewer than two items.
    """
    d = np.asarray(d, dtype=np.float64)
    n = d.size
    if n < 2:
        raise ValueError(f"{n} items have no variance; at least two are needed")
    value = float(d.var(ddof=1)) / n
    return Variance(max(value, 2 / n**2) if floor else value, n - 1)


def item_covariance(d: ArrayLike, e: ArrayLike) -> float:
    """Covariance of mean(d) and mean(e) over the draw of the items that both score."""
    d, e = np.asarray(d, dtype=np.float64), np.asarray(e, dtype=np.float64)
    if d.shape != e.shape or d.size < 2:
        raise ValueError(f"shapes {d.shape} and {e.shape} do not score the same items")
    return float(np.cov(d, e, ddof=1)[0, 1]) / d.size


def clustered(b: ArrayLike, a: ArrayLike, cluster: ArrayLike, level: float = 0.95) -> Estimate:
    """Mean of b - a where items come in clusters, e.g. questions on one passage.

    SE = sqrt(G / (G - 1) * sum_g (sum_{i in g} (d_i - mean))^2) / n with G - 1 degrees of freedom
    (Liang and Zeger 1986; Miller 2024, section 3.2).

    Args:
        b: Scores, shape `[n]`.
        a: Scores on the same items, shape `[n]`.
        cluster: The cluster of each item, shape `[n]`.
        level: Two-sided coverage.

    Raises:
        ValueError: shapes differ, or fewer than two clusters.
    """
    d = _differences(b, a)
    _, index = np.unique(np.asarray(cluster), return_inverse=True)
    if index.size != d.size:
        raise ValueError(f"{index.size} cluster labels for {d.size} items")
    sums = np.bincount(index, weights=d - d.mean())
    groups = sums.size
    if groups < 2:
        raise ValueError("one cluster has no variance; at least two are needed")
    value = groups / (groups - 1) * float((sums**2).sum()) / d.size**2
    return estimate(float(d.mean()), [Variance(value, groups - 1)], level)


def stratified(b: ArrayLike, a: ArrayLike, stratum: ArrayLike, level: float = 0.95) -> Estimate:
    """Mean of b - a over fixed subtasks weighted by size: Var = sum w_s^2 s_s^2 / n_s.

    Cochran (1977), "Sampling Techniques", section 5.3.

    Args:
        b: Scores, shape `[n]`.
        a: Scores on the same items, shape `[n]`.
        stratum: The subtask of each item, shape `[n]`.
        level: Two-sided coverage.

    Raises:
        ValueError: shapes differ, or a stratum has fewer than two items.
    """
    d = _differences(b, a)
    names, index = np.unique(np.asarray(stratum), return_inverse=True)
    if index.size != d.size:
        raise ValueError(f"{index.size} stratum labels for {d.size} items")
    groups = [d[index == s] for s in range(names.size)]
    parts = [item_variance(g).scaled((g.size / d.size) ** 2) for g in groups]
    return estimate(float(d.mean()), parts, level)


def mean_variance(parts: Sequence[Variance], covariance: ArrayLike | None = None) -> list[Variance]:
    """Parts of the variance of a mean over K benchmarks: (sum v_k + 2 sum cov_kl) / K^2.

    Args:
        parts: Variance of each benchmark's mean, K of them.
        covariance: Covariances, shape `[K, K]`, of which the part above the diagonal is read.
            None where the benchmarks share no items.
    """
    k = len(parts)
    scaled = [v.scaled(1 / k**2) for v in parts]
    if covariance is None:
        return scaled
    total = sum(v.value for v in parts)
    joint = total + 2 * float(np.triu(np.asarray(covariance, dtype=np.float64), 1).sum())
    return [v.scaled(max(joint, 0.0) / total) for v in scaled] if total > 0 else scaled


def difference_in_differences(first: Estimate, second: Estimate, level: float = 0.95) -> Estimate:
    """first - second, two deltas on different items: variances add.

    With `first` on a development benchmark and `second` on its fresh twin this is the inflation:
    what the development score gained that the skill did not.
    """
    parts = [Variance(e.se**2, e.df) for e in (first, second)]
    return estimate(first.mean - second.mean, parts, level)


def _differences(b: ArrayLike, a: ArrayLike) -> Floats:
    one, other = np.asarray(b, dtype=np.float64), np.asarray(a, dtype=np.float64)
    if one.shape != other.shape or one.ndim != 1:
        raise ValueError(f"shapes {one.shape} and {other.shape} do not pair item by item")
    return one - other
