"""Means over items: the interval that fits what was scored."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from evals.items import ItemScore
from evals.stats import paired, wilson
from evals.suite import Benchmark
from evals.summary import counted_mean, every_mean, mean_of, metric_mean

BENCHMARK = Benchmark(name="b", task="b", items=8, skill="s", metric="m")


def score(item: int, value: float, replicate: int = 0, **more: Any) -> ItemScore:
    fields: dict[str, Any] = {"metrics": {"m": value}, "filter": "none", **more}
    return ItemScore(
        benchmark="b", item=str(item), replicate=replicate, document_digest="", prompt_digest="",
        prompt="", response="", extracted=None, score=value, finish="stop", tokens=1,
        prompt_tokens=1, **fields,
    )  # fmt: skip


def test_a_binary_metric_has_wilsons_interval() -> None:
    mean = counted_mean(BENCHMARK, [score(i, float(i < 6)) for i in range(8)])
    assert (mean.score, mean.method) == (0.75, "wilson")
    assert (mean.low, mean.high) == wilson(6, 8)
    assert mean.se == pytest.approx(math.sqrt(0.75 * 0.25 / 8))


def test_replicates_are_averaged_before_items_are_counted() -> None:
    rows = [score(i, float((i + r) % 3 == 0), r) for i in range(8) for r in range(4)]
    mean = counted_mean(BENCHMARK, rows)
    values = [np.mean([(i + r) % 3 == 0 for r in range(4)]) for i in range(8)]
    assert (mean.items, mean.method) == (8, "t")
    assert mean.score == pytest.approx(np.mean(values))
    assert mean.se == pytest.approx(np.std(values, ddof=1) / math.sqrt(8))


def test_items_of_one_cluster_are_not_independent() -> None:
    rows = [score(i, float(i // 4 % 2), cluster=str(i // 4)) for i in range(24)]
    mean = counted_mean(BENCHMARK, rows)
    values = np.array([r.score for r in rows])
    expected = paired(values, np.zeros(24), cluster=[r.cluster for r in rows])
    assert (mean.se, mean.method) == (pytest.approx(expected.se), "t over clusters")
    assert mean.se > counted_mean(BENCHMARK, [score(i, r.score) for i, r in enumerate(rows)]).se  # type: ignore[operator]


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_items_that_agree_are_no_certainty_under_any_method(value: float) -> None:
    for label, groups in (("cluster", 3), ("cluster", 12), ("stratum", 3)):
        rows = [score(i, value, **{label: str(i % groups)}) for i in range(12)]
        mean = counted_mean(BENCHMARK, rows)
        assert mean.low is not None
        assert mean.high is not None
        assert mean.low <= value <= mean.high
        assert mean.high - mean.low > 0.1


def test_fixed_subtasks_are_strata() -> None:
    rows = [score(i, float(i % 5 < (i // 10)), stratum=str(i // 10)) for i in range(30)]
    mean = counted_mean(BENCHMARK, rows)
    strata = [r.stratum for r in rows]
    expected = paired([r.score for r in rows], np.zeros(30), stratum=strata)
    assert (mean.se, mean.method) == (pytest.approx(expected.se), "t over strata")


def test_strata_of_one_item_are_collapsed() -> None:
    rows = [score(i, float(i % 2), stratum=str(max(i, 2))) for i in range(9)]
    mean = counted_mean(BENCHMARK, rows)
    assert mean.method == "t over strata"
    assert mean.se is not None
    assert mean.se > 0


def test_one_item_has_no_interval() -> None:
    mean = counted_mean(BENCHMARK, [score(0, 1.0)])
    assert (mean.score, mean.se, mean.low, mean.high, mean.method) == (1, None, None, None, "none")


def test_every_metric_and_filter_has_its_mean() -> None:
    rows = [
        score(i, 1.0, filter=name, metrics={"m": float(i), "other": float(k)})
        for i in range(4)
        for k, name in enumerate(("strict", "flexible"))
    ]
    assert [(m.metric, m.filter, m.score) for m in every_mean(rows)] == [
        ("m", "strict", 1.5), ("other", "strict", 0.0),
        ("m", "flexible", 1.5), ("other", "flexible", 1.0),
    ]  # fmt: skip


def test_a_metric_that_nothing_has_is_an_error_and_not_a_zero() -> None:
    with pytest.raises(ValueError, match="no item has a number for metric 'x'"):
        metric_mean("x", "none", [score(0, 1.0)])


def test_the_mean_of_benchmarks_adds_their_variances() -> None:
    one = counted_mean(BENCHMARK, [score(i, float(i < 6)) for i in range(8)])
    other = counted_mean(BENCHMARK, [score(i, float(i < 2)) for i in range(8)])
    mean, se = mean_of({"one": one, "other": other})
    assert mean == 0.5
    assert se == pytest.approx(math.hypot(one.se, other.se) / 2)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_mean_of_benchmarks_whose_items_agree_is_no_certainty(value: float) -> None:
    means = {name: counted_mean(BENCHMARK, [score(i, value) for i in range(40)]) for name in "abc"}
    assert {m.method for m in means.values()} == {"wilson"}
    assert [m.se for m in means.values()] == pytest.approx([math.sqrt(2) / 40] * 3)
    assert mean_of(means) == (value, pytest.approx(math.sqrt(2 / 3) / 40))
