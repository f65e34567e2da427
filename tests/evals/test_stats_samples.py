"""pass@k and avg@k agree with counting."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals import stats

RNG = np.random.default_rng


@given(st.integers(1, 8), st.data())
def test_pass_at_k_counts_the_draws_that_hold_a_right_response(n: int, data: st.DataObject) -> None:
    c = data.draw(st.integers(0, n))
    k = data.draw(st.integers(1, n))
    responses = [True] * c + [False] * (n - c)
    draws = list(itertools.combinations(responses, k))
    assert stats.pass_at_k([c], n, k)[0] == pytest.approx(np.mean([any(d) for d in draws]))


def test_pass_at_k_of_many_responses_does_not_overflow() -> None:
    found = stats.pass_at_k([0, 1, 5000, 10_000], 10_000, 100)
    assert found == pytest.approx([0, 0.01, 1 - 0.5**100, 1], abs=1e-3)


def test_pass_at_1_is_the_mean() -> None:
    assert stats.pass_at_k([0, 3, 10], 10, 1) == pytest.approx([0, 0.3, 1])


def test_items_may_have_different_numbers_of_responses() -> None:
    found = stats.pass_at_k([1, 1], [4, 10], 2)
    assert found == pytest.approx([0.5, 0.2])


@pytest.mark.parametrize(
    ("correct", "n", "k"),
    [
        ([], 5, 1),
        ([1], 5, 0),
        ([1], 5, 6),
        ([6], 5, 1),
        ([-1], 5, 1),
        ([1.5], 5, 1),
        ([1, 1], [5, 3], 4),
    ],
)
def test_pass_at_k_refuses_what_has_no_answer(correct: list[float], n: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"item|lies"):
        stats.pass_at_k(correct, n, k)


def test_the_interval_of_pass_at_k_covers_its_mean_over_items() -> None:
    rng, hits = RNG(1), 0
    chance = rng.beta(0.5, 1.0, size=200_000)
    truth = float(np.mean(1 - (1 - chance) ** 5))
    for _ in range(1000):
        c = rng.binomial(10, rng.choice(chance, 164))
        found = stats.mean_interval(stats.pass_at_k(c, 10, 5))
        hits += found.low <= truth <= found.high
    assert 0.93 <= hits / 1000 <= 0.97


def test_the_paired_difference_of_pass_at_k_covers_and_is_narrower_than_two_intervals() -> None:
    rng, hits, width = RNG(2), 0, []
    base = rng.normal(size=200_000)
    a, b = (1 / (1 + np.exp(-2 * base - shift)) for shift in (0.0, 0.4))
    truth = float(np.mean((1 - a) ** 5 - (1 - b) ** 5))
    for _ in range(1000):
        i = rng.integers(len(base), size=164)
        one, other = (stats.pass_at_k(rng.binomial(10, p[i]), 10, 5) for p in (b, a))
        found = stats.paired(one, other)
        hits += found.low <= truth <= found.high
        apart = math.hypot(stats.mean_interval(one).se, stats.mean_interval(other).se)
        width.append(found.se / apart)
    assert 0.93 <= hits / 1000 <= 0.97
    assert np.mean(width) < 0.8


def test_an_average_uses_every_response() -> None:
    scores = [[0, 1, 1, 0], [1, 1, 1, 1]]
    assert stats.average_at_k(scores).tolist() == [0.5, 1.0]
    counts = np.sum(scores, axis=1)
    assert stats.average_at_k(scores) == pytest.approx(stats.pass_at_k(counts, 4, 1))
    with pytest.raises(ValueError, match="at least one response"):
        stats.average_at_k(np.zeros((3, 0)))


def test_the_interval_of_a_mean_stays_between_zero_and_one() -> None:
    found = stats.mean_interval([1.0] * 29 + [0.9])
    assert found.high == 1
    assert 0 < found.low < 1
    assert stats.mean_interval(np.zeros(30)).high == pytest.approx(3 / 30, rel=0.1)
