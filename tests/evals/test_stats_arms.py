"""Many arms: adjusted p values by enumeration, error rates, and what the winner is worth."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import stats as scipy_stats

from evals import stats

Floats = NDArray[np.float64]
RNG = np.random.default_rng
tables = hnp.arrays(np.float64, (3, 7), elements=st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]))


def _by_hand(d: Floats) -> list[float]:
    """Westfall and Young's step-down, every sign pattern, sentence by sentence."""
    norm = np.sqrt((d**2).sum(axis=1))
    observed = np.abs(d.sum(axis=1)) / np.where(norm > 0, norm, 1)
    order = sorted(range(len(d)), key=lambda arm: -observed[arm])
    adjusted, before = [1.0] * len(d), 0.0
    for rank, arm in enumerate(order):
        rest = order[rank:]
        extreme = 0
        for signs in itertools.product((-1, 1), repeat=d.shape[1]):
            flipped = np.abs((d * signs).sum(axis=1)) / np.where(norm > 0, norm, 1)
            extreme += max(flipped[a] for a in rest) >= observed[arm] - 1e-9
        before = max(before, extreme / 2 ** d.shape[1])
        adjusted[arm] = before
    return adjusted


@settings(max_examples=30, deadline=None)
@given(tables)
def test_max_t_is_the_enumeration(d: Floats) -> None:
    assert stats.max_t(d) == pytest.approx(_by_hand(d))


@given(tables)
def test_one_arm_is_the_plain_sign_flip(d: Floats) -> None:
    assert stats.max_t(d[:1])[0] == pytest.approx(stats.sign_flip(d[0]))


@settings(max_examples=40, deadline=None)
@given(tables, st.permutations(range(7)), st.permutations(range(3)))
def test_max_t_does_not_depend_on_order_or_sign(
    d: Floats, items: list[int], arms: list[int]
) -> None:
    found = stats.max_t(d)
    assert stats.max_t(-d) == pytest.approx(found)
    assert stats.max_t(d[:, items]) == pytest.approx(found)
    assert stats.max_t(d[arms]) == pytest.approx(found[arms])


@settings(max_examples=40, deadline=None)
@given(tables)
def test_step_down_is_never_above_single_step_nor_below_the_plain_p(d: Floats) -> None:
    down, single = stats.max_t(d), stats.max_t(d, step_down=False)
    plain = np.array([stats.sign_flip(row) for row in d])
    assert np.all(down <= single + 1e-12)
    assert np.all(down >= plain - 1e-12)


def test_a_sampled_max_t_agrees_with_the_joint_normal() -> None:
    rng = RNG(1)
    shared = rng.normal(size=400)
    d = 0.8 * shared + 0.6 * rng.normal(size=(5, 400)) + 0.04 * np.arange(5)[:, None]
    t = d.mean(axis=1) / d.std(axis=1, ddof=1) * 20
    sampled = stats.max_t(d, draws=20_000)
    assert stats.max_t_from_correlation(t, np.corrcoef(d)) == pytest.approx(sampled, abs=0.02)


def test_clusters_flip_whole() -> None:
    rng = RNG(2)
    cluster = np.repeat(np.arange(8), 5)
    d = rng.normal(size=(3, 40))
    sums = np.stack([[row[cluster == g].sum() for g in range(8)] for row in d])
    assert stats.max_t(d, cluster=cluster) == pytest.approx(stats.max_t(sums))
    assert stats.sign_flip(d[0], cluster=cluster) == pytest.approx(stats.sign_flip(sums[0]))


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_max_t_controls_the_familywise_error_of_twenty_arms(correlation: float) -> None:
    rng, errors, bonferroni = RNG(3), 0, 0
    for _ in range(400):
        shared, own = rng.normal(size=100), rng.normal(size=(20, 100))
        latent = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
        d = np.where(np.abs(latent) > 1.2, np.sign(latent), 0.0)
        p = stats.max_t(d, draws=500)
        errors += bool(p.min() <= 0.05)
        plain = 2 * scipy_stats.norm.sf(np.abs(d.sum(axis=1)) / np.sqrt((d**2).sum(axis=1)))
        bonferroni += bool(plain.min() <= 0.05 / 20)
    assert errors / 400 <= 0.075
    if correlation == 0.9:
        assert bonferroni / 400 < errors / 400


def test_max_t_controls_errors_among_true_nulls_when_others_are_false() -> None:
    rng, errors, found = RNG(4), 0, 0
    for _ in range(300):
        d = 0.5 * rng.normal(size=120) + rng.normal(size=(10, 120))
        d[:4] += 0.4
        p = stats.max_t(d, draws=400)
        errors += bool(p[4:].min() <= 0.05)
        found += int((p[:4] <= 0.05).sum())
    assert errors / 300 <= 0.08
    assert found / 1200 > 0.8


@pytest.mark.parametrize(("arms", "expected"), [(1, 1.645), (2, 1.92), (9, 2.42)])
def test_the_joint_quantile_is_the_published_one(arms: int, expected: float) -> None:
    """Dunnett (1955), table 1a: one-sided 5 %, correlation 1/2, infinite degrees of freedom."""
    correlation = 0.5 * np.eye(arms) + 0.5
    assert stats.max_t_quantile(0.95, correlation) == pytest.approx(expected, abs=0.015)


def test_the_joint_quantile_lies_between_one_arm_and_bonferroni() -> None:
    for rho in (0.0, 0.5, 0.999):
        found = stats.max_t_quantile(0.95, rho * np.ones((8, 8)) + (1 - rho) * np.eye(8), df=20)
        assert stats.quantile(0.95, 20) <= found <= stats.quantile(1 - 0.05 / 8, 20) * 1.01


def test_the_bootstrap_agrees_with_the_t_interval_of_many_items() -> None:
    rng = RNG(5)
    a, b = rng.random((1, 400)), rng.random((1, 400)) + 0.05
    ours, plain = stats.hierarchical_bootstrap(b, a), stats.paired(b[0], a[0])
    assert ours.mean == pytest.approx(plain.mean)
    assert (ours.low, ours.high) == pytest.approx((plain.low, plain.high), abs=0.004)
    cluster = np.arange(400) // 8
    clustered = stats.paired(b[0], a[0], cluster=cluster)
    drawn = stats.hierarchical_bootstrap(b, a, cluster=cluster)
    assert drawn.se == pytest.approx(clustered.se, rel=0.05)


def test_the_bootstrap_counts_runs_and_flips_sides_with_the_arms() -> None:
    rng = RNG(6)
    lift = np.array([[0.1], [-0.1], [0.05], [-0.05]])
    a, b = rng.random((4, 500)) + lift, rng.random((4, 500)) + lift
    both, items = (stats.hierarchical_bootstrap(x, y, seed=1) for x, y in ((b, a), (b[:1], a[:1])))
    expected = np.sqrt(2 * lift.var(ddof=1) / 4)
    assert both.se == pytest.approx(expected, rel=0.15)
    assert both.se > 2 * items.se
    swapped = stats.hierarchical_bootstrap(a, b, seed=1)
    assert swapped.mean == pytest.approx(-both.mean)
    assert swapped.se == pytest.approx(both.se, rel=0.05)


def _sweep(rng: np.random.Generator, gain: Floats, seeds: int, n: int, wobble: float) -> Floats:
    """Scores `[1 + arms, seeds, n]`; the reference stands first."""
    shape = (len(gain) + 1, seeds, n)
    runs = wobble * rng.normal(size=(*shape[:2], 1))
    chance = 0.5 + np.r_[0.0, gain][:, None, None] + runs + 0.25 * rng.uniform(-1, 1, size=n)
    return (rng.random(shape) < chance).astype(float)


@pytest.mark.parametrize(
    ("gain", "seeds", "wobble"),
    [(np.zeros(20), 1, 0.0), (np.zeros(5), 2, 0.03), (np.r_[0.1, np.zeros(7)], 1, 0.0)],
    ids=["twenty equal arms", "lucky runs", "one better arm"],
)
def test_the_winner_is_worth_what_it_is_where_it_was_not_chosen(
    gain: Floats, seeds: int, wobble: float
) -> None:
    rng, hits, naive, honest = RNG(7), 0, [], []
    for _ in range(300):
        y = _sweep(rng, gain, seeds, 200, wobble)
        noise = None
        if seeds > 1:
            flips = [stats.seed_interaction(arm) for arm in y]
            noise = stats.run_noise(list(y.mean(axis=2)), flips)
        found = stats.winner([y[1:]], [y[0]], noise=noise, splits=20)
        truth = float(np.dot(found.share, gain))
        hits += found.estimate.low <= truth <= found.estimate.high
        honest.append(found.estimate.mean - truth)
        best = int(np.argmax(y[1:].mean(axis=(1, 2))))
        naive.append(y[1 + best].mean() - y[0].mean() - gain[best])
    assert hits / 300 >= 0.93
    assert abs(np.mean(honest)) < 3 * np.std(honest) / np.sqrt(300)
    if not gain.any():
        assert np.mean(naive) > 0.03


def test_the_winner_ranks_by_the_mean_over_benchmarks() -> None:
    strong, weak = np.ones((1, 40)), np.zeros((1, 40))
    found = stats.winner(
        [np.stack([strong, weak]), np.stack([weak, strong]), np.stack([strong, weak])],
        [np.zeros(40)] * 3,
        splits=5,
    )
    assert found.share == (1.0, 0.0)
    assert found.estimate.mean == pytest.approx(2 / 3)


def test_the_winner_is_split_by_clusters_and_repeatable() -> None:
    rng = RNG(8)
    y = rng.random((4, 1, 60))
    cluster = np.arange(60) // 6
    one = stats.winner([y], [rng.random(60)], cluster=[cluster], splits=30)
    assert sum(one.share) == pytest.approx(1)
    with pytest.raises(ValueError, match="3 items or clusters; halves need"):
        stats.winner([y], [np.zeros(60)], cluster=[np.arange(60) % 3])
    again = [stats.winner([y], [np.zeros(60)], splits=30, seed=3) for _ in range(2)]
    assert again[0] == again[1]
