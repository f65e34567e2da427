"""What leaks add to a score: an arm's gain, and what it has beyond the gain of a clean arm."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals import stats

RNG = np.random.default_rng


def test_the_gain_is_the_score_on_all_less_the_score_on_clean_items() -> None:
    rng = RNG(3)
    x, held = rng.random(100), rng.random(100) < 0.3
    found = stats.performance_gain(x, held)
    assert found.gain.mean == pytest.approx(found.all_items.mean - found.clean_items.mean)
    assert found.all_items.mean == pytest.approx(x.mean())
    assert (found.n, found.n_clean) == (100, int((~held).sum()))
    share = held.mean()
    se = share * math.sqrt(x[held].var(ddof=1) / held.sum() + x[~held].var(ddof=1) / (~held).sum())
    assert found.gain.se == pytest.approx(se)


def test_the_interval_of_the_gain_covers() -> None:
    rng, hits = RNG(4), 0
    held = np.arange(300) < 60
    chance = np.where(held, 0.8, 0.5)
    for _ in range(1500):
        found = stats.performance_gain((rng.random(300) < chance).astype(float), held).gain
        hits += found.low <= 0.2 * 0.3 <= found.high
    assert 0.93 <= hits / 1500 <= 0.97


def test_no_contaminated_item_is_no_gain_and_one_has_a_wide_interval() -> None:
    x = np.tile([0.0, 1.0], 20)
    none = stats.performance_gain(x, np.zeros(40, dtype=bool)).gain
    assert (none.mean, none.low, none.high) == (0, 0, 0)
    one = stats.performance_gain(x, np.arange(40) == 1).gain
    assert one.low < 0 < one.high
    with pytest.raises(ValueError, match="clean items; at least two"):
        stats.performance_gain(x, np.arange(40) > 0)
    with pytest.raises(ValueError, match="one boolean for each item"):
        stats.performance_gain(x, np.zeros(40))


def test_clusters_widen_the_gain() -> None:
    rng = RNG(5)
    cluster = np.repeat(np.arange(20), 5)
    x = (rng.random(20) < 0.5).astype(float)[cluster]
    held = np.isin(cluster, np.arange(8))
    plain, clustered = (stats.performance_gain(x, held, cluster=c).gain for c in (None, cluster))
    assert clustered.se > 1.8 * plain.se


# beyond a control


def test_an_excess_is_the_one_gain_less_the_other() -> None:
    rng = RNG(6)
    x, y, held = rng.random(90), rng.random(90), rng.random(90) < 0.4
    found = stats.excess_gain(x, y, held)
    one, other = (stats.performance_gain(z, held).gain for z in (x, y))
    assert found.mean == pytest.approx(one.mean - other.mean)
    d, share = x - y, held.mean()
    parts = d[held].var(ddof=1) / held.sum() + d[~held].var(ddof=1) / (~held).sum()
    assert found.se == pytest.approx(share * math.sqrt(parts))


def test_items_that_are_easier_for_both_are_no_leak() -> None:
    rng = RNG(7)
    held = np.arange(600) < 200
    easy = np.where(held, 0.9, 0.4)
    x, y = ((rng.random(600) < easy).astype(float) for _ in range(2))
    assert stats.performance_gain(x, held).gain.low > 0.1
    found = stats.excess_gain(x, y, held)
    assert found.low < 0 < found.high


def test_being_ahead_on_every_item_is_no_leak() -> None:
    y, held = RNG(8).random(50) / 2, np.arange(50) % 3 == 0
    found = stats.excess_gain(y + 0.3, y, held)
    assert found.mean == pytest.approx(0)
    assert found.low < 0 < found.high


def test_the_interval_of_the_excess_covers() -> None:
    rng, hits = RNG(9), 0
    held = np.arange(300) < 60
    easy = np.where(held, 0.6, 0.5)
    for _ in range(1500):
        level = rng.normal(size=300)
        y = (level + rng.normal(size=300) > 0) & (rng.random(300) < easy)
        leak = held & (rng.random(300) < 0.5)
        found = stats.excess_gain((y | leak).astype(float), y.astype(float), held)
        # Half of the items that the control misses: 1 - 0.6 / 2 of them.
        hits += found.low <= 0.2 * 0.5 * 0.7 <= found.high
    assert 0.93 <= hits / 1500 <= 0.97


@given(st.lists(st.tuples(*[st.sampled_from([0.0, 0.5, 1.0])] * 2, st.booleans()), min_size=4))
def test_swapping_arm_and_control_turns_the_sign(rows: list[tuple[float, float, bool]]) -> None:
    x, y, held = map(np.array, zip(*rows, strict=True))
    held[:2] = False
    one, other = stats.excess_gain(x, y, held), stats.excess_gain(y, x, held)
    assert one.mean == pytest.approx(-other.mean)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_one_item_on_which_a_leak_shows_is_not_certain() -> None:
    y = np.zeros(40)
    x = y + (np.arange(40) == 1)
    found = stats.excess_gain(x, y, np.arange(40) == 1)
    assert found.mean == pytest.approx(1 / 40)
    assert found.high - found.low > 0.01


def test_clusters_widen_the_excess() -> None:
    rng = RNG(10)
    cluster = np.repeat(np.arange(20), 5)
    x, y = ((rng.random(20) < 0.5).astype(float)[cluster] for _ in range(2))
    held = np.isin(cluster, np.arange(8))
    plain, clustered = (stats.excess_gain(x, y, held, cluster=c) for c in (None, cluster))
    assert clustered.se > 1.8 * plain.se


def test_scores_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="do not pair item by item"):
        stats.excess_gain(np.zeros(5), np.zeros(4), np.zeros(5, dtype=bool))
    with pytest.raises(ValueError, match="clean items; at least two"):
        stats.excess_gain(np.zeros(5), np.ones(5), np.arange(5) > 0)
