"""What the best of several arms is worth, measured where it was not chosen.

The largest of several noisy scores is optimistic.  Here the arm is chosen on one random half of
the items and measured on the other half, in both directions and over many splits; where arms have
two seeds or more, halves of the seeds go with the halves of the items, since a lucky run is as
good a reason to win as lucky items.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.stats.estimate import Estimate, Variance, welch_satterthwaite
from evals.stats.paired import item_parts, mean_variance
from evals.stats.runs import RunNoise
from evals.stats.student import quantile, upper_tail
from evals.stats.vector import Floats, group_index

SPLITS = 200


@dataclass(frozen=True, slots=True)
class Winner:
    """The gain of the arm that wins, over a reference."""

    estimate: Estimate
    """On the halves that did not choose."""
    share: tuple[float, ...]
    """Of the halves, how many each arm won, in the order given; sums to 1."""


@dataclass(frozen=True, slots=True)
class _Benchmark:
    arms: Floats
    """Shape `[arms, seeds, n]`."""
    reference: Floats
    """Mean over its seeds, shape `[n]`."""
    cluster: NDArray[np.intp] | None
    stratum: NDArray[np.intp] | None


def winner(
    arms: Sequence[ArrayLike],
    reference: Sequence[ArrayLike],
    *,
    cluster: Sequence[ArrayLike | None] | None = None,
    stratum: Sequence[ArrayLike | None] | None = None,
    noise: RunNoise | None = None,
    splits: int = SPLITS,
    seed: int = 0,
    level: float = 0.95,
) -> Winner:
    """The winner's gain by repeated split halves.

    Arms are ranked by their mean over benchmarks.  Given the half that chose, the other half's
    estimate is unbiased for the arm chosen, so the average over halves and splits is unbiased for
    the mean gain of the arms that win; where one arm wins nearly always, for that arm's.  The
    standard deviation of an average is at most the average of the standard deviations
    (Minkowski), whatever the dependence between splits: the standard error is that of one half,
    sqrt(2) of what all items would give.  That is the method's cost; no level is spent on top.

    Args:
        arms: For each benchmark, scores of shape `[arms, seeds, n]`.
        reference: For each benchmark, the reference's scores, shape `[its seeds, n]`.
        cluster: For each benchmark, the cluster of each item; clusters are split whole.
        stratum: For each benchmark, the fixed subtask of each item.
        noise: Noise between runs of the mean over benchmarks; None counts items only.
        splits: Random splits, each used in both directions.
        seed: Seed of the splits.
        level: Two-sided coverage.

    Raises:
        ValueError: no arms, benchmarks or splits, other items, fewer than four items or clusters
            in a benchmark, or a score that is not finite.
    """
    none: list[ArrayLike | None] = [None] * len(arms)
    given = zip(arms, reference, cluster or none, stratum or none, strict=True)
    benchmarks = [_benchmark(*parts) for parts in given]
    if not benchmarks or splits < 1:
        raise ValueError(f"{len(benchmarks)} benchmarks and {splits} splits; at least one of each")
    count, seeds = benchmarks[0].arms.shape[:2]
    if any(b.arms.shape[:2] != (count, seeds) for b in benchmarks):
        raise ValueError("the benchmarks were scored by different arms or seeds")
    rng = np.random.default_rng(seed)
    means = [_half_means(b, rng, splits) for b in benchmarks]
    own = np.mean([m for m, _ in means], axis=0)
    against = np.mean([r for _, r in means], axis=0)
    theirs = len(np.atleast_2d(np.asarray(reference[0])))
    gains, errors, dfs, won = [], [], [], np.zeros(count)
    known: dict[tuple[int, tuple[int, ...]], list[Variance]] = {}
    for split, half in np.ndindex(splits, 2):
        chooses, measures = _seed_halves(rng, seeds)
        best = int(np.argmax(own[:, chooses, split, half].mean(axis=1)))
        score, base = float(own[best, measures, split, 1 - half].mean()), against[split, 1 - half]
        key = (best, tuple(measures.tolist()))
        if key not in known:
            known[key] = _item_parts(benchmarks, best, measures)
        parts = [*known[key]]
        if noise is not None:
            inside = [min(max(m, 0.0), 1.0) for m in (score, float(base))]
            parts.append(noise.at(*inside, seeds=(len(measures), theirs)))
        gains.append(score - float(base))
        errors.append(math.sqrt(sum(v.value for v in parts)))
        dfs.append(welch_satterthwaite(parts))
        won[best] += 1
    return Winner(_estimate(gains, errors, min(dfs), level), tuple((won / won.sum()).tolist()))


def _benchmark(
    arms: ArrayLike, reference: ArrayLike, cluster: ArrayLike | None, stratum: ArrayLike | None
) -> _Benchmark:
    y = np.asarray(arms, dtype=np.float64)
    r = np.atleast_2d(np.asarray(reference, dtype=np.float64))
    if y.ndim != 3 or not y.size or r.shape[-1] != y.shape[-1]:
        raise ValueError(f"shapes {y.shape} and {r.shape} are not [arms, seeds, n] and [seeds, n]")
    if not (np.isfinite(y).all() and np.isfinite(r).all()):
        raise ValueError("scores: one is NaN or infinite; scores are finite")
    n = y.shape[2]
    groups = None if cluster is None else group_index(cluster, n, "cluster")
    units = n if groups is None else int(groups.max()) + 1
    if units < 4:
        raise ValueError(f"{units} items or clusters; halves need at least four")
    strata = None if stratum is None else group_index(stratum, n, "stratum")
    return _Benchmark(y, r.mean(axis=0), groups, strata)


def _half_means(b: _Benchmark, rng: np.random.Generator, splits: int) -> tuple[Floats, Floats]:
    """Means of arms `[arms, seeds, splits, 2]` and reference `[splits, 2]` on random halves."""
    n = b.reference.size
    units = n if b.cluster is None else int(b.cluster.max()) + 1
    first = rng.permuted(np.tile(np.arange(units) < units // 2, (splits, 1)), axis=1)
    mask = (first if b.cluster is None else first[:, b.cluster]).astype(np.float64)
    halves = np.stack([mask, 1 - mask], axis=2)
    size = halves.sum(axis=1)
    arms = np.einsum("asn,pnh->asph", b.arms, halves, optimize=True) / size
    reference = np.einsum("n,pnh->ph", b.reference, halves, optimize=True) / size
    return arms, reference


def _seed_halves(rng: np.random.Generator, seeds: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Seeds that choose and seeds that measure; one seed does both."""
    order = rng.permutation(seeds)
    return (order, order) if seeds == 1 else (order[: seeds // 2], order[seeds // 2 :])


def _item_parts(
    benchmarks: Sequence[_Benchmark], arm: int, seeds: NDArray[np.intp]
) -> list[Variance]:
    """Variance of an arm's gain on half of the items: twice that on all."""
    parts = [
        item_parts(
            b.arms[arm, seeds].mean(axis=0) - b.reference,
            cluster=b.cluster,
            stratum=b.stratum,
            floor=True,
        )
        for b in benchmarks
    ]
    return [Variance(2 * v.value, max(1.0, v.df / 2 - 1)) for v in mean_variance(parts)]


def _estimate(gains: Sequence[float], errors: Sequence[float], df: float, level: float) -> Estimate:
    mean, se = float(np.mean(gains)), float(np.mean(errors))
    half = quantile(0.5 + level / 2, df) * se
    p = 2 * upper_tail(abs(mean) / se, df) if se > 0 else float(mean == 0)
    return Estimate(mean, se, mean - half, mean + half, df, p)
