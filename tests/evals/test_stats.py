"""The statistics agree with independent implementations and cover what they promise."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import mcnemar as sm_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from evals import stats

Floats = NDArray[np.float64]
RNG = np.random.default_rng
scores = hnp.arrays(np.float64, st.just(12), elements=st.floats(0, 1, width=32))
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_a_paired_delta_is_the_paired_t_test() -> None:
    rng = RNG(1)
    a, b = rng.random(40), rng.random(40)
    ours, theirs = stats.paired(b, a), scipy_stats.ttest_rel(b, a)
    interval = theirs.confidence_interval(0.95)
    assert ours.mean == pytest.approx(np.mean(b) - np.mean(a))
    assert ours.p == pytest.approx(theirs.pvalue)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high))
    assert ours.df == pytest.approx(39)


@given(scores, scores)
def test_swapping_the_arms_flips_the_sign(a: Floats, b: Floats) -> None:
    one, other = stats.paired(b, a), stats.paired(a, b)
    assert one.mean == -other.mean
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.p == pytest.approx(other.p)
    assert stats.sign_flip(b - a, 200) == stats.sign_flip(a - b, 200)


@given(scores, scores, st.permutations(range(12)))
def test_the_order_of_items_does_not_matter(a: Floats, b: Floats, order: list[int]) -> None:
    one, other = stats.paired(b, a), stats.paired(b[order], a[order])
    assert one.mean == pytest.approx(other.mean, abs=1e-12)
    assert one.se == pytest.approx(other.se, abs=1e-9)
    assert stats.sign_flip(b - a, 200) == pytest.approx(stats.sign_flip((b - a)[order], 200))


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_items_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match="at least two"):
        stats.paired(np.ones(n), np.zeros(n))


def test_scores_of_other_items_are_refused() -> None:
    with pytest.raises(ValueError, match="do not pair"):
        stats.paired([1.0, 0.0], [1.0])


@pytest.mark.parametrize(("better", "worse"), [(10, 2), (3, 3), (0, 5), (0, 0), (120, 90)])
def test_mcnemar_is_exact(better: int, worse: int) -> None:
    table = [[5, better], [worse, 5]]
    assert stats.mcnemar(better, worse) == pytest.approx(sm_mcnemar(table, exact=True).pvalue)


def test_few_sign_flips_are_counted_one_by_one() -> None:
    d = np.array([0.3, -0.1, 0.5, 0.2, 0.4, 0.0])
    signs = list(itertools.product((-1, 1), repeat=5))
    sums = [abs(np.dot(s, d[:5])) >= d.sum() - 1e-12 for s in signs]
    assert stats.sign_flip(d) == pytest.approx(np.mean(sums))


def test_many_sign_flips_agree_with_scipy() -> None:
    d = RNG(2).normal(0.2, 1, size=60)
    theirs = scipy_stats.permutation_test(
        (d,), np.mean, permutation_type="samples", n_resamples=20_000, rng=RNG(3)
    )
    assert stats.sign_flip(d, draws=20_000) == pytest.approx(theirs.pvalue, abs=0.01)


def test_clusters_of_one_size_are_the_clustered_regression() -> None:
    rng = RNG(4)
    cluster = np.repeat(np.arange(20), 5)
    a, b = rng.random(100), rng.random(100) + 0.3 * rng.normal(size=20)[cluster]
    fit = sm.OLS(b - a, np.ones(100)).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False}
    )
    ours = stats.paired(b, a, cluster=cluster)
    assert ours.se == pytest.approx(fit.bse[0] * math.sqrt(20 / 19))
    assert ours.df == pytest.approx(19)


def test_clusters_of_any_size_are_the_bias_reduced_regression() -> None:
    """Bell and McCaffrey by matrices, for a regression on a constant."""
    rng = RNG(24)
    size = np.array([1, 2, 9, 4, 4, 30])
    cluster = np.repeat(np.arange(6), size)
    n = cluster.size
    d = rng.normal(size=n)
    hat = np.full((n, n), 1 / n)
    residual, adjusted = d - d.mean(), np.zeros((6, n))
    for g in range(6):
        mine = np.flatnonzero(cluster == g)
        values, vectors = np.linalg.eigh((np.eye(n) - hat)[np.ix_(mine, mine)])
        root = vectors @ np.diag(values**-0.5) @ vectors.T
        adjusted[g] = root.sum(axis=0) @ (np.eye(n) - hat)[mine] / n
    values = np.linalg.eigvalsh(adjusted @ adjusted.T)
    ours = stats.cluster_variance(d, cluster)
    assert ours.value == pytest.approx(np.sum((adjusted @ residual) ** 2))
    assert ours.df == pytest.approx(values.sum() ** 2 / np.sum(values**2))


def test_clusters_of_one_are_the_plain_formula() -> None:
    rng = RNG(5)
    a, b = rng.random(30), rng.random(30)
    one, other = stats.paired(b, a, cluster=np.arange(30)), stats.paired(b, a)
    assert (one.mean, one.se, one.low) == pytest.approx((other.mean, other.se, other.low))


def test_strata_add_up_by_their_weights() -> None:
    rng = RNG(6)
    stratum = np.array(["x"] * 20 + ["y"] * 30)
    a, b = rng.random(50), rng.random(50)
    d = b - a
    variance = 0.4**2 * d[:20].var(ddof=1) / 20 + 0.6**2 * d[20:].var(ddof=1) / 30
    ours = stats.paired(b, a, stratum=stratum)
    assert ours.mean == pytest.approx(d.mean())
    assert ours.se == pytest.approx(math.sqrt(variance))


def test_strata_of_clusters_add_up_by_their_weights() -> None:
    d, stratum, cluster = RNG(26).normal(size=60), np.repeat(["x", "y"], 30), np.arange(60) // 3
    parts = stats.item_parts(d, stratum=stratum, cluster=cluster)
    halves = [
        stats.cluster_variance(x, c) for x, c in ((d[:30], cluster[:30]), (d[30:], cluster[30:]))
    ]
    assert [v.value for v in parts] == pytest.approx([v.value / 4 for v in halves])
    assert [v.df for v in parts] == pytest.approx([9, 9])


def test_a_stratum_of_one_item_is_collapsed_with_another() -> None:
    d = RNG(27).normal(size=23)
    alone = stats.item_parts(d, stratum=["x"] * 12 + ["y"] * 10 + ["z"])
    merged = stats.item_parts(d, stratum=["x"] * 12 + ["y"] * 11)
    assert alone == merged
    two = stats.item_parts(d, stratum=["x"] * 21 + ["y", "z"])
    assert two == stats.item_parts(d, stratum=["x"] * 21 + ["y", "y"])


def test_benchmarks_with_shared_clusters_covary_like_one_benchmark() -> None:
    rng = RNG(28)
    d, e = rng.normal(size=40), rng.normal(size=40)
    names = [f"HumanEval/{i}" for i in range(40)]
    order = rng.permutation(40)
    found = stats.cluster_covariance(d, names, e[order], [names[i] for i in order])
    assert found == pytest.approx(float(np.cov(d, e)[0, 1]) / 40)
    assert stats.cluster_covariance(d, names, e, [f"MBPP/{i}" for i in range(40)]) == 0
    # The mean of both is the mean over problems, each a cluster of two.
    parts = [[stats.item_variance(d)], [stats.item_variance(e)]]
    joint = stats.mean_variance(parts, [[0, found], [0, 0]])
    whole = stats.cluster_variance(np.r_[d - d.mean(), e - e.mean()], names * 2)
    assert sum(v.value for v in joint) == pytest.approx(whole.value)


def test_welch_is_the_sum_of_two_parts() -> None:
    rng = RNG(7)
    x, y = rng.normal(size=12), rng.normal(1, 3, size=8)
    parts = [stats.item_variance(x), stats.item_variance(y)]
    ours = stats.estimate(float(x.mean() - y.mean()), parts)
    theirs = scipy_stats.ttest_ind(x, y, equal_var=False)
    assert ours.p == pytest.approx(theirs.pvalue)
    assert ours.df == pytest.approx(theirs.df)


def test_the_suite_mean_counts_shared_items() -> None:
    rng = RNG(8)
    d = rng.normal(size=(3, 50))
    d[1] += 0.8 * d[0]
    covariance = np.zeros((3, 3))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        covariance[i, j] = stats.cluster_covariance(d[i], range(50), d[j], range(50))
    parts = stats.mean_variance([[stats.item_variance(x)] for x in d], covariance)
    assert sum(v.value for v in parts) == pytest.approx(d.mean(axis=0).var(ddof=1) / 50)


def test_difference_in_differences_adds_variances() -> None:
    rng = RNG(9)
    dev = stats.paired(rng.random(40) + 0.5, rng.random(40))
    fresh = stats.paired(rng.random(60), rng.random(60))
    found = stats.difference_in_differences(dev, fresh)
    assert found.mean == pytest.approx(dev.mean - fresh.mean)
    assert found.se == pytest.approx(math.hypot(dev.se, fresh.se))


@settings(max_examples=25)  # statsmodels collects garbage at every call
@given(p_values)
def test_holm_agrees_with_statsmodels(p: list[float]) -> None:
    assert stats.holm(p) == pytest.approx(multipletests(p, method="holm")[1])


@given(p_values)
def test_benjamini_hochberg_agrees_with_statsmodels(p: list[float]) -> None:
    assert stats.benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1])


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (250, 500)])
def test_wilson_agrees_with_statsmodels(k: int, n: int) -> None:
    expected = proportion_confint(k, n, method="wilson")
    assert stats.wilson(k, n) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("items", "discordance", "effect"),
    [(164, 0.1, 6.1), (164, 0.2, 8.7), (541, 0.1, 3.4), (541, 0.2, 4.8), (1319, 0.1, 2.2)],
)
def test_the_detectable_effect_is_the_published_one(
    items: int, discordance: float, effect: float
) -> None:
    found = stats.minimal_detectable_effect(discordance, items)
    assert 100 * found == pytest.approx(effect, abs=0.06)


def test_the_items_that_settle_a_question_do() -> None:
    needed = stats.items_to_settle(0.03, 4e-4, 1e-4, 500)
    assert needed is not None
    se = math.sqrt(4e-4 * 500 / needed + 1e-4)
    assert 1.6449 * se == pytest.approx(0.03, rel=2e-3)
    assert stats.items_to_settle(0.01, 4e-4, 1e-4, 500) is None


def test_agreement_on_few_items_is_no_certainty() -> None:
    found = stats.estimate(0.0, [stats.item_variance(np.zeros(30), floor=True)])
    assert found.high == pytest.approx(3 / 30, rel=0.1)


def test_arms_at_floor_or_ceiling_tell_nothing_about_runs() -> None:
    assert stats.run_noise([[0.0, 0.0], [1.0, 1.0], [0.4]]) is None
    informed = stats.run_noise([[0.0, 0.0], [0.4, 0.5]])
    assert informed is not None
    assert (informed.df, informed.arms) == (1, 1)


def test_run_noise_is_pooled_on_the_arcsine_scale() -> None:
    arms = [[0.5, 0.55, 0.6], [0.8, 0.9]]
    x = [np.arcsin(np.sqrt(a)) for a in arms]
    pooled = (2 * x[0].var(ddof=1) + x[1].var(ddof=1)) / 3
    noise = stats.run_noise(arms)
    assert noise is not None
    assert noise.value == pytest.approx(pooled)
    found = noise.at(0.5, 0.9, seeds=(3, 2))
    assert found.value == pytest.approx(pooled * (4 * 0.25 / 3 + 4 * 0.09 / 2))
    assert found.df == 3


def test_flips_of_single_items_are_not_noise_between_runs() -> None:
    scores_of_seeds = (RNG(10).random((4, 2000)) < 0.5).astype(float)
    flips = stats.seed_interaction(scores_of_seeds)
    assert flips == pytest.approx(0.25 / 2000, rel=0.05)
    assert math.isnan(stats.seed_interaction(scores_of_seeds[:1]))


@given(scores, scores, st.floats(-0.5, 0.5))
def test_adding_a_constant_to_one_arm_shifts_the_delta_and_nothing_else(
    a: Floats, b: Floats, shift: float
) -> None:
    one, other = stats.paired(b, a), stats.paired(b + shift, a)
    assert other.mean == pytest.approx(one.mean + shift, abs=1e-9)
    assert other.se == pytest.approx(one.se, abs=1e-7)
    assert (other.low, other.high) == pytest.approx((one.low + shift, one.high + shift), abs=1e-6)


@given(scores, scores, st.permutations(range(12)))
def test_clusters_and_strata_do_not_depend_on_order_or_names(
    a: Floats, b: Floats, order: list[int]
) -> None:
    cluster, stratum = np.arange(12) // 2, np.arange(12) // 6
    named = np.array([f"passage {9 - c}" for c in cluster], dtype=object)
    one = stats.paired(b, a, cluster=cluster, stratum=stratum)
    again = stats.paired(b[order], a[order], cluster=named[order], stratum=stratum[order])
    swapped = stats.paired(a, b, cluster=cluster, stratum=stratum)
    assert again.se == pytest.approx(one.se, abs=1e-9)
    assert swapped.mean == -one.mean
    assert swapped.se == pytest.approx(one.se, abs=1e-9)


@given(scores)
def test_an_arm_beside_itself_is_never_significant(a: Floats) -> None:
    same = stats.paired(a, a, floor=True)
    assert (same.mean, same.p) == (0, 1)
    assert same.low < 0 < same.high
    assert stats.sign_flip(a - a) == 1


@pytest.mark.parametrize("n", [5, 30, 400])
def test_one_sample_of_differences_is_scipys_t_test(n: int) -> None:
    d = RNG(30).normal(0.1, 1, size=n)
    theirs = scipy_stats.ttest_1samp(d, 0)
    ours = stats.paired(d, np.zeros(n))
    assert ours.p == pytest.approx(theirs.pvalue)
    interval = theirs.confidence_interval(0.9)
    ninety = stats.paired(d, np.zeros(n), 0.9)
    assert (ninety.low, ninety.high) == pytest.approx((interval.low, interval.high))


def test_two_arms_are_the_permutation_test_of_scipy_by_enumeration() -> None:
    d = np.array([0.5, -0.25, 1.0, 0.75, 0.0, -0.5, 0.25, 1.0])
    theirs = scipy_stats.permutation_test((d,), np.sum, permutation_type="samples", n_resamples=1e6)
    assert stats.sign_flip(d) == pytest.approx(theirs.pvalue)
