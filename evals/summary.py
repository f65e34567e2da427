"""Per-item scores -> means with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evals.items import ItemScore
from evals.stats import clustered, estimate, item_variance, pass_at_k, stratified, wilson
from evals.suite import Benchmark

Method = Literal["wilson", "t", "t over clusters", "t over strata", "none"]


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over items, with its standard error and 95 % interval over the draw of the items."""

    metric: str
    filter: str
    items: int
    score: float
    se: float | None
    """None where there is but one item."""
    low: float | None
    high: float | None
    method: Method


@dataclass(frozen=True, slots=True)
class _Items:
    """One value for each item."""

    values: NDArray[np.float64]
    clusters: tuple[str | None, ...]
    strata: tuple[str | None, ...]


def counted_mean(benchmark: Benchmark, scores: Sequence[ItemScore]) -> Mean:
    """The benchmark's score: of its metric and filter, by pass@k where the suite says so.

    Args:
        benchmark: What was scored.
        scores: Those of its filter.
    """
    if benchmark.pass_at is None:
        return metric_mean(benchmark.metric, benchmark.filter, scores)
    name = f"{benchmark.metric}, pass@{benchmark.pass_at}"
    return _mean(name, benchmark.filter, _items(scores, benchmark.metric, benchmark.pass_at))


def metric_mean(metric: str, name: str, scores: Sequence[ItemScore]) -> Mean:
    """The mean of one metric as one filter reads the responses; replicates are averaged first.

    Args:
        metric: Its name.
        name: The filter's.
        scores: Those of the filter.

    Raises:
        ValueError: no item has the metric.
    """
    return _mean(metric, name, _items(scores, metric, None))


def every_mean(scores: Sequence[ItemScore]) -> list[Mean]:
    """Means of every metric and filter that gives each item a number."""
    found: list[Mean] = []
    for name in dict.fromkeys(s.filter for s in scores):
        rows = [s for s in scores if s.filter == name]
        common = [m for m in rows[0].metrics if all(m in s.metrics for s in rows)]
        found += [metric_mean(metric, name, rows) for metric in common]
    return found


def _items(scores: Sequence[ItemScore], metric: str, k: int | None) -> _Items:
    rows: dict[str, list[ItemScore]] = {}
    for score in scores:
        if metric in score.metrics:
            rows.setdefault(score.item, []).append(score)
    if not rows:
        raise ValueError(f"no item has a number for metric {metric!r}")
    values = [_value([s.metrics[metric] for s in of_item], k) for of_item in rows.values()]
    first = [of_item[0] for of_item in rows.values()]
    return _Items(
        np.array(values), tuple(s.cluster for s in first), tuple(s.stratum for s in first)
    )


def _value(replicates: Sequence[float], k: int | None) -> float:
    if k is None:
        return math.fsum(replicates) / len(replicates)
    return pass_at_k([sum(r == 1 for r in replicates)], len(replicates), k)


def _mean(metric: str, name: str, items: _Items) -> Mean:
    values = items.values
    n, mean = values.size, math.fsum(values) / values.size
    if n < 2 or not np.isfinite(values).all():
        return Mean(metric, name, n, mean, None, None, None, "none")
    se, low, high, method = _interval(items)
    if values.min() >= 0 and values.max() <= 1:
        low, high = max(0.0, low), min(1.0, high)
    return Mean(metric, name, n, mean, se, low, high, method)


def _interval(items: _Items) -> tuple[float, float, float, Method]:
    values, zeros = items.values, np.zeros(items.values.size)
    if len(set(items.clusters)) > 1:
        of_clusters = clustered(values, zeros, np.array(items.clusters, dtype=str))
        return of_clusters.se, of_clusters.low, of_clusters.high, "t over clusters"
    sizes = np.unique(np.array(items.strata, dtype=str), return_counts=True)[1]
    if sizes.size > 1 and sizes.min() > 1:
        of_strata = stratified(values, zeros, np.array(items.strata, dtype=str))
        return of_strata.se, of_strata.low, of_strata.high, "t over strata"
    if np.isin(values, (0.0, 1.0)).all():
        p = float(values.mean())
        low, high = wilson(int(values.sum()), values.size)
        return math.sqrt(p * (1 - p) / values.size), low, high, "wilson"
    plain = estimate(float(values.mean()), [item_variance(values)])
    return plain.se, plain.low, plain.high, "t"


def mean_of(means: Mapping[str, Mean]) -> tuple[float, float | None]:
    """Mean over benchmarks and its standard error, sqrt(sum SE^2) / K."""
    score = math.fsum(m.score for m in means.values()) / len(means)
    errors = [m.se for m in means.values() if m.se is not None]
    if len(errors) < len(means):
        return score, None
    return score, math.sqrt(math.fsum(e * e for e in errors)) / len(means)
