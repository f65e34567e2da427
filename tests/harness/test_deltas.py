"""Deltas pair like with like, refuse what does not compare, and name what is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fixtures import CANDIDATE, make_runs, make_scores, make_suites, make_sweep
from scipy import stats as scipy_stats

from evals import stats
from evals.suite import Benchmark, Suite
from harness.comparisons import MEAN, Comparisons, Delta
from harness.deltas import compute_deltas
from harness.inflation import inflation
from harness.runs import Run, trained_arms
from harness.scores import score_table

SWEEP, SUITES = make_sweep(), make_suites()
RUNS = make_runs(SWEEP)
SCORES = make_scores(SWEEP, SUITES, RUNS)
COMPARISONS = compute_deltas(SWEEP, RUNS, SCORES, SUITES, CANDIDATE)


def compared(scores: pd.DataFrame, runs: list[Run] = RUNS) -> Comparisons:
    return compute_deltas(SWEEP, runs, scores, SUITES, CANDIDATE)


def one(comparisons: Comparisons, kind: str, of: str, benchmark: str) -> Delta:
    found = [
        d
        for d in comparisons.deltas
        if (d.kind, d.of, d.benchmark) == (kind, of, benchmark) and d.tier == "development"
    ]
    assert len(found) == 1
    return found[0]


def test_every_arm_is_compared_with_the_baseline_and_every_later_arm_with_its_parent() -> None:
    baseline = {d.of for d in COMPARISONS.of_kind("baseline")}
    parents = {(d.of, d.against) for d in COMPARISONS.of_kind("parent")}
    assert baseline == {
        "sft mix=skills",
        "sft mix=leaky",
        "sft mix=leaky-kept",
        "dpo beta=1.0",
        "dpo beta=5.0",
        "rlvr",
    }
    assert parents == {
        ("dpo beta=1.0", "sft mix=skills"),
        ("dpo beta=5.0", "sft mix=skills"),
        ("rlvr", "dpo beta=1.0"),
    }
    assert {d.name for d in COMPARISONS.of_kind("contrast")} == {"inflation"}
    assert COMPARISONS.absent == ()


def test_only_the_gate_reads_held_out_suites() -> None:
    assert {d.kind for d in COMPARISONS.deltas if d.tier == "held-out"} == {"gate"}
    development = SCORES[SCORES["tier"] == "development"]
    again = compared(development)
    for kind in ("baseline", "parent", "contrast"):
        assert again.of_kind(kind) == COMPARISONS.of_kind(kind)


def test_a_delta_is_the_mean_difference_over_the_same_items() -> None:
    delta = one(COMPARISONS, "baseline", "dpo beta=1.0", "mini_math")
    mine = SCORES[SCORES["benchmark"] == "mini_math"]
    means = mine.groupby(mine["key"].str.rsplit("/", n=1).str[0])["score"].mean()
    assert delta.mean == pytest.approx(means["dpo/beta=1.0"] - means["sft/mix=plain"])
    assert (delta.n_items, delta.n_seeds_of, delta.n_seeds_against) == (500, 2, 2)
    assert delta.low < delta.mean < delta.high
    assert delta.var_runs > 0


def test_the_suite_mean_is_the_mean_of_its_benchmarks() -> None:
    rows = [one(COMPARISONS, "parent", "rlvr", b.name) for b in SUITES["dev"].benchmarks]
    mean = one(COMPARISONS, "parent", "rlvr", MEAN)
    assert mean.mean == pytest.approx(np.mean([d.mean for d in rows]))
    assert mean.var_items == pytest.approx(sum(d.var_items for d in rows) / 9)


def test_with_one_seed_the_delta_says_item_noise_only_and_has_tangos_interval() -> None:
    runs = [r for r in RUNS if r.seed == 1]
    delta = one(compared(SCORES, runs), "baseline", "sft mix=skills", "mini_gsm")
    wide = SCORES[SCORES["benchmark"] == "mini_gsm"].pivot_table(
        index="item", columns="key", values="score"
    )
    b, a = wide["sft/mix=skills/1"], wide["sft/mix=plain/1"]
    better, worse = int((b > a).sum()), int((b < a).sum())
    assert (delta.better, delta.worse) == (better, worse)
    assert (delta.low, delta.high) == stats.tango(better, worse, b.size)
    alone = scipy_stats.ttest_rel(b, a).confidence_interval(0.95)
    assert (delta.low, delta.high) == pytest.approx((alone.low, alone.high), abs=0.002)
    assert delta.p == pytest.approx(scipy_stats.binomtest(better, better + worse).pvalue, abs=1e-12)
    assert delta.note == "item noise only"
    assert delta.var_runs == 0


def test_the_order_of_rows_does_not_matter() -> None:
    shuffled = SCORES.sample(frac=1, random_state=0)
    again = compared(shuffled)
    assert [d.of for d in again.deltas] == [d.of for d in COMPARISONS.deltas]
    assert [d.low for d in again.deltas] == pytest.approx([d.low for d in COMPARISONS.deltas])


def test_replicates_are_averaged() -> None:
    doubled = pd.concat([SCORES, SCORES], ignore_index=True)
    again = compared(doubled)
    assert [d.mean for d in again.deltas] == pytest.approx([d.mean for d in COMPARISONS.deltas])
    assert {d.n_items for d in again.deltas} == {d.n_items for d in COMPARISONS.deltas}


def test_p_values_are_adjusted_within_kind_and_suite() -> None:
    family = [d for d in COMPARISONS.of_kind("parent") if d.benchmark != MEAN]
    expected = scipy_stats.false_discovery_control([d.p for d in family])
    assert [d.p_adjusted for d in family] == pytest.approx(expected)


def _reason(comparisons: Comparisons, benchmark: str) -> str:
    reasons = {a.reason for a in comparisons.absent if a.benchmark == benchmark}
    assert reasons
    assert not any(
        "beta=5.0" in d.of and d.benchmark in (benchmark, MEAN) for d in comparisons.deltas
    )
    return " ".join(reasons)


def test_a_missing_benchmark_is_absent_with_its_reason() -> None:
    gone = (SCORES["key"] == "dpo/beta=5.0/2") & (SCORES["benchmark"] == "mini_gsm")
    reason = _reason(compared(SCORES[~gone]), "mini_gsm")
    assert "mini_gsm: dpo beta=5.0 at seed 2 has no scores" in reason


def test_a_partial_benchmark_is_absent_with_its_reason() -> None:
    gone = (SCORES["key"] == "dpo/beta=5.0/2") & (SCORES["item"] == "mini_gsm-007")
    reason = _reason(compared(SCORES[~gone]), "mini_gsm")
    assert "scored 499 of 500 items" in reason


def test_other_items_are_refused() -> None:
    scores = SCORES.copy()
    mine = scores["key"].str.startswith("dpo/beta=5.0") & (scores["item"] == "mini_gsm-007")
    scores.loc[mine, "item"] = "other"
    reason = _reason(compared(scores), "mini_gsm")
    assert "dpo beta=5.0 and sft mix=plain were scored on different items" in reason


def test_other_prompts_are_refused() -> None:
    scores = SCORES.copy()
    mine = scores["key"].str.startswith("dpo/beta=5.0") & (scores["benchmark"] == "mini_gsm")
    scores.loc[mine, "prompt_digest"] += "!"
    reason = _reason(compared(scores), "mini_gsm")
    assert "were shown different prompts on 500 items" in reason


@pytest.mark.parametrize("value", [float("nan"), 1.5, -0.1])
def test_a_score_that_is_no_fraction_is_an_error(value: float) -> None:
    scores = SCORES.copy()
    scores.loc[3, "score"] = value
    with pytest.raises(ValueError, match=r"has score .*; it must lie in \[0, 1\]"):
        score_table(scores)


def test_a_table_without_a_column_is_an_error() -> None:
    with pytest.raises(ValueError, match="no column prompt_digest"):
        score_table(SCORES.drop(columns="prompt_digest"))


def test_an_arm_with_a_seed_twice_is_an_error() -> None:
    with pytest.raises(ValueError, match="has a seed twice"):
        trained_arms([RUNS[0], RUNS[0]])


def test_a_benchmark_with_one_item_has_no_delta() -> None:
    tiny = Benchmark(name="mini_gsm", task="mini_gsm", items=1, skill="words")
    suites = {"dev": Suite("one", "development", (tiny,))}
    found = compute_deltas(
        replace(SWEEP, gate=None), RUNS, SCORES[SCORES["item"] == "mini_gsm-001"], suites
    )
    assert found.deltas == ()
    assert any("at least two are needed" in a.reason for a in found.absent)


def test_arms_at_the_floor_have_an_interval_all_the_same() -> None:
    scores = SCORES.copy()
    scores["score"] = 0.0
    delta = one(compared(scores), "baseline", "rlvr", "mini_gsm")
    assert delta.mean == 0
    assert delta.high > 0.004
    assert "floor" in delta.note


def test_a_candidate_that_was_not_trained_is_absent() -> None:
    found = compute_deltas(SWEEP, RUNS, SCORES, SUITES, None)
    assert found.of_kind("gate") == ()
    assert any(a.kind == "gate" for a in found.absent)


def test_inflation_is_the_delta_less_the_delta_on_fresh_items() -> None:
    found, absent = inflation(SWEEP, RUNS, SCORES, SUITES)
    assert absent == ()
    assert [(i.benchmark, i.twin) for i in found] == [
        ("mini_gsm", "mini_gsm_fresh"),
        ("mini_math", "mini_math_fresh"),
        ("mini_ifeval", "mini_ifeval_fresh"),
    ]
    for i in found:
        assert i.dev.mean == pytest.approx(i.dev_of - i.dev_against)
        assert i.inflation.mean == pytest.approx(i.dev.mean - i.fresh.mean)
        assert i.inflation.low < i.dev.mean - i.fresh.mean < i.inflation.high
    assert found[0].inflation.low > 0


def test_a_contrast_of_clean_arms_has_no_inflation() -> None:
    clean = [replace(r, contaminated=False) for r in RUNS]
    assert inflation(SWEEP, clean, SCORES, SUITES) == ((), ())


def _clustered(scores: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Suite]]:
    """Items in clusters of five and in two strata, stated by the suite and carried by scores."""
    number = scores["item"].str[-3:].astype(int)
    labels = (number // 5).astype(str).where(scores["benchmark"] == "mini_math")
    strata = (number % 2).astype(str).where(scores["benchmark"] == "mini_gsm")
    stated = {"mini_math": {"cluster": "passage"}, "mini_gsm": {"stratum": "subject"}}
    suites = {
        role: replace(
            s, benchmarks=tuple(replace(b, **stated.get(b.name, {})) for b in s.benchmarks)
        )
        for role, s in SUITES.items()
    }
    return scores.assign(cluster=labels, stratum=strata), suites


def test_clusters_and_strata_that_the_suite_states_are_used() -> None:
    scores, suites = _clustered(SCORES)
    found = compute_deltas(SWEEP, RUNS, scores, suites, CANDIDATE)
    wide = scores.pivot_table(index=["benchmark", "item"], columns="key", values="score")
    arms = {n: wide[[f"{n}/1", f"{n}/2"]].mean(axis=1) for n in ("dpo/beta=1.0", "sft/mix=plain")}
    d = arms["dpo/beta=1.0"] - arms["sft/mix=plain"]
    clustered = one(found, "baseline", "dpo beta=1.0", "mini_math")
    value = stats.cluster_variance(d["mini_math"], np.arange(500) // 5).value
    assert clustered.var_items == pytest.approx(value)
    stratified = one(found, "baseline", "dpo beta=1.0", "mini_gsm")
    parts = stats.item_parts(d["mini_gsm"], stratum=np.arange(500) % 2)
    assert stratified.var_items == pytest.approx(sum(v.value for v in parts))
    mean = one(found, "baseline", "dpo beta=1.0", MEAN)
    rows = [one(found, "baseline", "dpo beta=1.0", b.name) for b in SUITES["dev"].benchmarks]
    assert mean.var_items == pytest.approx(sum(r.var_items for r in rows) / 9)


def test_clusters_that_the_suite_states_and_the_scores_lack_are_an_absence() -> None:
    _, suites = _clustered(SCORES)
    found = compute_deltas(SWEEP, RUNS, SCORES, suites, CANDIDATE)
    reasons = {a.reason for a in found.absent if a.benchmark == "mini_math"}
    assert any("the suite states cluster 'passage'" in reason for reason in reasons)


def test_one_seed_in_clusters_is_tested_by_flipping_clusters() -> None:
    scores, suites = _clustered(SCORES)
    runs = [r for r in RUNS if r.seed == 1]
    found = compute_deltas(SWEEP, runs, scores, suites, CANDIDATE)
    wide = scores[scores["benchmark"] == "mini_math"].pivot_table(
        index="item", columns="key", values="score"
    )
    d = wide["dpo/beta=5.0/1"] - wide["sft/mix=skills/1"]
    row = one(found, "parent", "dpo beta=5.0", "mini_math")
    assert row.p == stats.sign_flip(d, cluster=np.arange(500) // 5)
    assert row.note == "item noise only"


def test_holm_and_max_t_count_the_arms_on_one_benchmark() -> None:
    family = [d for d in COMPARISONS.of_kind("parent") if d.benchmark == "mini_gsm"]
    assert len(family) == 3
    assert [d.p_holm for d in family] == pytest.approx(stats.holm([d.p for d in family]))
    for d in family:
        assert d.p - 0.01 <= d.p_max_t <= d.p_holm + 0.01


def test_with_one_seed_max_t_flips_the_items_of_all_arms_at_once() -> None:
    runs = [r for r in RUNS if r.seed == 1]
    found = compute_deltas(SWEEP, runs, SCORES, SUITES, CANDIDATE)
    family = [d for d in found.of_kind("parent") if d.benchmark == "mini_math"]
    wide = SCORES[SCORES["benchmark"] == "mini_math"].pivot_table(
        index="item", columns="key", values="score"
    )
    pairs = [("dpo/beta=1.0/1", "sft/mix=skills/1"), ("dpo/beta=5.0/1", "sft/mix=skills/1"),
             ("rlvr/rlvr/1", "dpo/beta=1.0/1")]  # fmt: skip
    d = np.stack([wide[a] - wide[b] for a, b in pairs])
    assert [x.p_max_t for x in family] == pytest.approx(stats.max_t(d), abs=0.01)


def test_shared_problems_covary_in_the_mean() -> None:
    twins = {b.name: replace(b, cluster="problem") for b in SUITES["dev"].benchmarks}
    suites = {"dev": replace(SUITES["dev"], benchmarks=tuple(twins.values()))}
    development = SCORES[SCORES["tier"] == "development"]
    same = development.assign(cluster=development["item"].str[-3:])
    found = compute_deltas(replace(SWEEP, gate=None), RUNS, same, suites)
    mean = one(found, "baseline", "rlvr", MEAN)
    rows = [one(found, "baseline", "rlvr", name) for name in twins]
    apart = sum(r.var_items for r in rows) / 9
    wide = same.pivot_table(index=["benchmark", "cluster"], columns="key", values="score")
    d = wide[["rlvr/rlvr/1", "rlvr/rlvr/2"]].mean(axis=1)
    d = d - wide[["sft/mix=plain/1", "sft/mix=plain/2"]].mean(axis=1)
    joint = d.unstack("benchmark").mean(axis=1)
    assert mean.var_items == pytest.approx(joint.var(ddof=1) / 500)
    assert mean.var_items != pytest.approx(apart)


def test_the_best_arm_of_a_stage_is_measured_where_it_was_not_chosen() -> None:
    sft, dpo = COMPARISONS.promoted
    assert (sft.stage, sft.best, sft.against) == ("sft", "sft mix=leaky", "sft mix=plain")
    assert set(sft.arms) == {"sft mix=skills", "sft mix=leaky"}
    assert (dpo.stage, dpo.best) == ("dpo", "dpo beta=1.0")
    for p in (sft, dpo):
        assert p.honest.low < p.seen < p.honest.high
        assert 0 < p.share <= 1
    row = one(COMPARISONS, "baseline", "dpo beta=1.0", MEAN)
    assert dpo.honest.se > row.se
