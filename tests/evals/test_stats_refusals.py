"""What has no answer is refused with a message; what has one by a hair gets it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from evals import stats

NAN, INF = float("nan"), float("inf")
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "paired": lambda x: stats.paired(x, np.zeros(len(x))),
    "paired, as reference": lambda x: stats.paired(np.zeros(len(x)), x),
    "item_variance": stats.item_variance,
    "cluster_variance": lambda x: stats.cluster_variance(x, np.arange(len(x))),
    "strata": lambda x: stats.item_parts(x, stratum=np.arange(len(x)) % 2),
    "sign_flip": stats.sign_flip,
    "max_t": lambda x: stats.max_t([x, x]),
    "bootstrap": lambda x: stats.hierarchical_bootstrap([x], [x], draws=10),
    "winner": lambda x: stats.winner([[[x]]], [x]),
    "mean_interval": stats.mean_interval,
    "performance_gain": lambda x: stats.performance_gain(x, np.zeros(len(x), dtype=bool)),
    "excess_gain": lambda x: stats.excess_gain(x, np.zeros(len(x)), np.zeros(len(x), dtype=bool)),
    "average_at_k": lambda x: stats.average_at_k([x]),
    "pass_at_k": lambda x: stats.pass_at_k(x, 5, 1),
    "seed_interaction": lambda x: stats.seed_interaction([x, x]),
    "run_noise": lambda x: stats.run_noise([x]),
    "max_t_from_correlation": lambda x: stats.max_t_from_correlation(x, np.eye(len(x))),
    "holm": stats.holm,
    "benjamini_hochberg": stats.benjamini_hochberg,
}


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_number_that_is_not_finite_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=r"finite|NaN|lie in|outside|lies"):
        FUNCTIONS[name]([0.0, 1.0, 0.0, value, 1.0])


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize(
    "name",
    [
        "paired", "item_variance", "cluster_variance", "strata", "bootstrap",
        "winner", "mean_interval", "performance_gain", "excess_gain",
    ],
)  # fmt: skip
def test_fewer_than_two_items_are_refused(name: str, n: int) -> None:
    with pytest.raises(ValueError, match=r"at least|not \[arms"):
        FUNCTIONS[name]([0.5] * n)


@pytest.mark.parametrize("name", ["sign_flip", "max_t", "average_at_k", "pass_at_k"])
def test_no_items_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"items|response"):
        FUNCTIONS[name]([])


@pytest.mark.parametrize("n", [2, 3])
def test_two_items_have_an_interval(n: int) -> None:
    found = stats.paired([1.0] * n, [0.0] * (n - 1) + [1.0])
    assert found.low < found.mean < found.high
    assert found.df == n - 1


def test_one_item_has_a_sign_flip_that_says_nothing() -> None:
    assert stats.sign_flip([0.4]) == 1.0
    assert stats.max_t([[0.4], [0.2]]).tolist() == [1.0, 1.0]


def test_arms_that_are_equal_everywhere_are_never_significant() -> None:
    zeros = np.zeros(30)
    assert stats.paired(zeros, zeros).p == 1
    assert stats.sign_flip(zeros) == 1
    assert stats.max_t([zeros, zeros]).tolist() == [1, 1]
    assert stats.mcnemar(0, 0) == 1
    assert stats.hierarchical_bootstrap([zeros], [zeros], draws=50).p == 1
    floored = stats.paired(zeros, zeros, floor=True)
    assert floored.low < 0 < floored.high


def test_differences_that_are_all_equal_have_no_spread_and_are_certain_only_without_a_floor() -> (
    None
):
    certain = stats.paired(np.full(10, 0.3), np.full(10, 0.1))
    assert (certain.se, certain.p) == (pytest.approx(0, abs=1e-15), pytest.approx(0))
    assert stats.paired(np.full(10, 0.3), np.full(10, 0.1), floor=True).se > 0.02


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([1, 1, 2], "3 cluster labels for 4 items"),
        ([1, 1, None, 2], "item 2 has no cluster"),
        ([1.0, NAN, 2.0, 2.0], "item 1 has no cluster"),
        (["a"] * 4, "one cluster has no variance"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: list[Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        stats.cluster_variance([0.0, 1.0, 0.0, 1.0], labels)


def test_no_draws_no_arms_and_no_benchmarks_are_refused() -> None:
    with pytest.raises(ValueError, match="draw at least 1"):
        stats.sign_flip([0.1, 0.2], draws=0)
    with pytest.raises(ValueError, match="draw at least 1"):
        stats.max_t([[0.1, 0.2]], draws=0)
    with pytest.raises(ValueError, match="shape"):
        stats.max_t(np.zeros((0, 4)))
    with pytest.raises(ValueError, match="no benchmarks"):
        stats.mean_variance([])
    with pytest.raises(ValueError, match="0 benchmarks"):
        stats.winner([], [])
    with pytest.raises(ValueError, match="not square"):
        stats.max_t_quantile(0.95, [[1.0, 0.5]])
    with pytest.raises(ValueError, match=r"joint coverage is 0\.3"):
        stats.max_t_quantile(0.3, [[1.0]])


def test_an_interaction_that_is_missing_is_not_taken_for_none() -> None:
    with pytest.raises(ValueError, match="no interaction"):
        stats.run_noise([[0.4, 0.6]], [math.nan])


def test_an_estimate_of_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        stats.estimate(NAN, [stats.Variance(0.1, 3)])
    with pytest.raises(ValueError, match="finite"):
        stats.estimate(0.1, [stats.Variance(NAN, 3)])
    with pytest.raises(ValueError, match="at least one part"):
        stats.estimate(0.1, [])
    with pytest.raises(ValueError, match="not finite and positive"):
        stats.minimal_detectable_effect(NAN, 10)
