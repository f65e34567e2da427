"""Per-item scores -> means with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evals.items import ItemScore
from evals.stats import estimate, item_parts, pass_at_k, wilson
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
    """None where there is but one item.  Where all items agree, that of two which do not."""
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
    if benchmark.pass_k is None:
        return metric_mean(benchmark.metric, benchmark.filter, scores)
    name = f"{benchmark.metric}, pass@{benchmark.pass_k}"
    return _mean(name, benchmark.filter, _items(scores, benchmark.metric, benchmark.pass_k))


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
    return float(pass_at_k([sum(r == 1 for r in replicates)], len(replicates), k)[0])


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
    values, mean = items.values, float(items.values.mean())
    clusters, strata = _labels(items.clusters), _labels(items.strata)
    # A few equal items are not known to agree with all the others.
    alike = bool(values.min() == values.max())
    found = estimate(mean, item_parts(values, cluster=clusters, stratum=strata, floor=alike))
    if clusters is None and strata is None and np.isin(values, (0.0, 1.0)).all():
        low, high = wilson(int(values.sum()), values.size)
        binomial = math.sqrt(mean * (1 - mean) / values.size)
        return found.se if alike else binomial, low, high, "wilson"
    method: Method = "t over clusters" if clusters is not None else "t over strata"
    return found.se, found.low, found.high, "t" if clusters is strata is None else method


def _labels(given: Sequence[str | None]) -> list[str] | None:
    """Labels that tell items apart, or None."""
    return [str(label) for label in given] if len(set(given)) > 1 else None


def mean_of(means: Mapping[str, Mean]) -> tuple[float, float | None]:
    """Mean over benchmarks and its standard error, sqrt(sum SE^2) / K."""
    score = math.fsum(m.score for m in means.values()) / len(means)
    errors = [m.se for m in means.values() if m.se is not None]
    if len(errors) < len(means):
        return score, None
    return score, math.sqrt(math.fsum(e * e for e in errors)) / len(means)
