"""How often the gate errs: at or below its level, through its own code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from null_sweep import NullSweep
from scipy import special
from scipy import stats as scipy_stats
from test_gate import CLEAN, HELD_OUT, SUITES, delta, rivals

from evals.stats import quantile
from harness.bounds import bounds
from harness.comparisons import MEAN, Comparisons, Delta
from harness.gate import decide
from harness.sweep import GatePolicy

MARGIN, SE, DF = 0.03, 0.01, 60
POLICY = GatePolicy(noninferior={"default": MARGIN})
RNG = np.random.default_rng


def seen(rng: np.random.Generator, benchmark: str, truth: float, suite: str = "heldout") -> Delta:
    """A delta drawn around its truth, with a standard error that is estimated too."""
    se = SE * np.sqrt(rng.chisquare(DF) / DF)
    made = delta(benchmark, truth + SE * rng.normal(), float(se), suite)
    half = quantile(0.975, DF) * made.se
    return replace(made, df=DF, low=made.mean - half, high=made.mean + half)


def at_most(level: float, times: int) -> float:
    """The share that a rate of `level` exceeds once in a thousand times."""
    return float(scipy_stats.binom.ppf(0.999, times, level)) / times


def test_one_benchmark_at_the_edge_of_its_margin_passes_no_more_often_than_the_level() -> None:
    rng, passed = RNG(1), 0
    for _ in range(1500):
        truths = dict.fromkeys(HELD_OUT, 0.05) | {"mini_math_fresh": -MARGIN}
        found = Comparisons(tuple(seen(rng, b, t) for b, t in truths.items()), (), "rlvr")
        passed += decide(POLICY, found, SUITES, CLEAN).status == "pass"
    assert 0.03 <= passed / 1500 <= at_most(0.05, 1500)


def test_benchmarks_that_all_stand_at_their_margins_fail_no_more_often_than_the_level() -> None:
    rng, failed = RNG(2), 0
    for _ in range(1500):
        found = Comparisons(tuple(seen(rng, b, -MARGIN) for b in HELD_OUT), (), "rlvr")
        failed += decide(POLICY, found, SUITES, CLEAN).status == "fail"
    assert 0.02 <= failed / 1500 <= at_most(0.05, 1500)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_the_best_of_twenty_equal_arms_is_an_improvement_no_more_often_than_the_level(
    correlation: float,
) -> None:
    rng, policy = RNG(3), replace(POLICY, improve="dev")
    square = correlation * np.ones((20, 20)) + (1 - correlation) * np.eye(20)
    among = replace(rivals(20), correlation=tuple(map(tuple, square.tolist())))
    right = tuple(seen(rng, b, 0.2) for b in HELD_OUT)
    passed = naive = 0
    for _ in range(1000):
        shared, own = rng.normal(), rng.normal(size=20)
        best = float(np.max(np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own))
        dev = replace(seen(rng, MEAN, 0.0, "dev"), mean=SE * best)
        found = Comparisons((*right, dev), (), "rlvr")
        naive += decide(policy, found, SUITES, CLEAN).status == "pass"
        passed += decide(policy, replace(found, rivals=among), SUITES, CLEAN).status == "pass"
    assert 0.025 <= passed / 1000 <= at_most(0.055, 1000)
    assert naive / 1000 > 0.09


@pytest.mark.parametrize(
    "case",
    [NullSweep(), NullSweep(arms=8, seeds=2, wobble=0.1, items=100)],
    ids=["twenty arms", "eight arms with two seeds"],
)
def test_a_sweep_of_equal_arms_rarely_improves_from_scores_to_verdict(case: NullSweep) -> None:
    rng, times = RNG(4), 150
    passed = sum(case.improves(rng) for _ in range(times))
    assert passed / times <= at_most(0.05, times)


def test_what_a_null_sweep_says_of_improvement_is_the_verdict() -> None:
    case = NullSweep(arms=6, gain=0.09, items=80)
    found = [(case.improves(RNG(k)), case.judge(RNG(k)).status) for k in range(12)]
    assert {improves for improves, _ in found} == {True, False}
    assert all(improves == (status == "pass") for improves, status in found)


def test_a_sweep_of_better_arms_improves() -> None:
    rng = RNG(5)
    better = NullSweep(arms=4, gain=0.15)
    assert sum(better.judge(rng).status == "pass" for _ in range(5)) >= 4


@pytest.mark.parametrize("margin", [0.01, 0.03, 0.05, 0.1])
@pytest.mark.parametrize("n", [50, 100, 200, 500])
@pytest.mark.parametrize("right", [0.5, 0.9, 0.97])
def test_a_margin_is_passed_at_its_edge_no_more_often_than_the_level_where_few_items_differ(
    right: float, n: int, margin: float
) -> None:
    """Exactly: every pair of counts with its probability, of a probit pair of correlation 0.9."""
    at = special.ndtri([right, right - margin])
    both = float(scipy_stats.multivariate_normal(cov=[[1, 0.9], [0.9, 1]]).cdf(at))
    up, down = right - margin - both, right - both
    spans = [np.arange(k.ppf(1e-6), k.ppf(1 - 1e-6) + 1) for k in map(_binomial(n), (up, down))]
    passed = plain = 0.0
    for better, worse in product(*spans):
        chance = scipy_stats.multinomial.pmf(
            [better, worse, n - better - worse], n, [up, down, 1 - up - down]
        )
        mean = (better - worse) / n
        se = max((better + worse - n * mean**2) / (n - 1), 2 / n) ** 0.5 / n**0.5
        seen = replace(
            delta("mini_math_fresh", mean, se), n_items=n, df=n - 1, better=better, worse=worse
        )
        passed += chance * (bounds(seen, 0.05)[0] >= -margin)
        plain += chance * (bounds(replace(seen, better=None), 0.05)[0] >= -margin)
    assert passed <= 0.058
    if right == 0.97 and margin == 0.1:
        assert plain > passed


def _binomial(n: int) -> Callable[[float], Any]:
    return lambda p: scipy_stats.binom(n, p)
