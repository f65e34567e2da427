"""Score intervals of paired proportions keep what the score test keeps."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from evals import stats


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int, int]:
    n = draw(st.integers(2, 300))
    better = draw(st.integers(0, n))
    return better, draw(st.integers(0, n - better)), n


def likelihood_score(better: int, worse: int, n: int, delta: float) -> float:
    """The statistic with its nuisance parameter found by maximising the likelihood."""

    def surprise(only_worse: float) -> float:
        cells = (only_worse + delta, only_worse, 1 - 2 * only_worse - delta)
        seen = (better, worse, n - better - worse)
        return -sum(k * math.log(max(p, 1e-300)) for k, p in zip(seen, cells, strict=True) if k)

    bounds = (max(0.0, -delta), (1 - delta) / 2)
    q = float(optimize.minimize_scalar(surprise, bounds=bounds, method="bounded").x)
    return (better - worse - n * delta) / math.sqrt(n * (2 * q + delta - delta**2))


@given(counts(), st.floats(-0.9, 0.9))
def test_the_statistic_is_the_score_at_the_likeliest_proportions(
    seen: tuple[int, int, int], delta: float
) -> None:
    found = stats.tango_z(*seen, delta)
    assert found == pytest.approx(likelihood_score(*seen, delta), rel=0.01, abs=0.02)


@given(counts(), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_ends_where_the_score_test_begins_to_reject(
    seen: tuple[int, int, int], level: float
) -> None:
    better, worse, n = seen
    low, high = stats.tango(*seen, level)
    z = stats.quantile(0.5 + level / 2)
    assert -1 <= low < (better - worse) / n < high <= 1 or abs(better - worse) == n
    assert low == -1 or stats.tango_z(*seen, low) == pytest.approx(z, abs=1e-4)
    assert high == 1 or stats.tango_z(*seen, high) == pytest.approx(-z, abs=1e-4)


@given(counts())
def test_the_interval_turns_with_its_arms_and_grows_with_its_level(
    seen: tuple[int, int, int],
) -> None:
    better, worse, n = seen
    low, high = stats.tango(better, worse, n)
    assert stats.tango(worse, better, n) == pytest.approx((-high, -low), abs=1e-9)
    wide = stats.tango(better, worse, n, 0.99)
    assert wide[0] <= low <= high <= wide[1]


def test_at_no_difference_it_is_mcnemars_statistic() -> None:
    assert stats.tango_z(12, 5, 80, 0.0) == pytest.approx((12 - 5) / math.sqrt(12 + 5))
    assert stats.tango_z(0, 0, 80, 0.0) == 0


def test_arms_that_agree_on_all_of_n_items_differ_by_at_most_z2_over_n_and_z2() -> None:
    z2 = stats.quantile(0.975) ** 2
    assert stats.tango(0, 0, 30) == pytest.approx((-z2 / (30 + z2), z2 / (30 + z2)))


def test_arms_that_disagree_on_all_items_reach_the_end_of_the_scale() -> None:
    low, high = stats.tango(30, 0, 30)
    assert high == 1
    assert 0.7 < low < 0.9


@pytest.mark.parametrize("wrong", [(1, 1, 0), (-1, 0, 5), (3, 3, 5)])
def test_counts_that_do_not_fit_are_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="no such items"):
        stats.tango(*wrong)


@pytest.mark.parametrize("delta", [-1.0, 1.0, 2.0])
def test_a_difference_that_no_scores_have_is_refused(delta: float) -> None:
    with pytest.raises(ValueError, match="no such items"):
        stats.tango_z(1, 1, 5, delta)
