"""The gate passes, fails or says what it would take to know."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace

import numpy as np
import pytest
from fixtures import make_findings, make_suites
from hypothesis import given
from hypothesis import strategies as st

from evals.stats import holm, quantile, upper_tail
from harness.clauses import clauses
from harness.comparisons import MEAN, Absent, Comparisons, Delta
from harness.gate import decide
from harness.measured import measured
from harness.resolution import resolutions
from harness.sweep import GatePolicy
from harness.verdict import Verdict, points
from harness.winners import Rivals

SUITES = make_suites()
HELD_OUT = [*(b.name for b in SUITES["heldout"].benchmarks), MEAN]
CLEAN = {b.name: 0.0 for s in SUITES.values() for b in s.benchmarks}
POLICY = GatePolicy(noninferior={"default": 0.03}, min_seeds=2)
IMPROVE = replace(POLICY, improve="dev")


def delta(benchmark: str, mean: float, se: float = 0.005, suite: str = "heldout") -> Delta:
    half = quantile(0.975, 100) * se
    return Delta(
        benchmark=benchmark,
        suite=SUITES[suite].name,
        tier=SUITES[suite].tier,
        of="rlvr",
        against="sft",
        kind="gate",
        name="gate",
        n_items=500,
        n_seeds_of=2,
        n_seeds_against=2,
        score_of=0.5 + mean,
        score_against=0.5,
        mean=mean,
        low=mean - half,
        high=mean + half,
        p=0.5,
        p_adjusted=0.5,
        mde=2.5 * se,
        df=100,
        var_items=0.75 * se**2,
        var_runs=0.25 * se**2,
    )


def comparisons(means: Mapping[str, float] | None = None, se: float = 0.005) -> Comparisons:
    seen = dict.fromkeys(HELD_OUT, 0.0) | dict(means or {})
    return Comparisons(tuple(delta(b, m, se) for b, m in seen.items()), (), "rlvr")


def on_development(means: Mapping[str, float], se: float = 0.005) -> Verdict:
    """A gate on a suite whose numbers may be shown."""
    names = [*(b.name for b in SUITES["dev"].benchmarks), MEAN]
    seen = dict.fromkeys(names, 0.0) | dict(means)
    found = tuple(delta(b, m, se, "dev") for b, m in seen.items())
    return judge(Comparisons(found, (), "rlvr"), replace(POLICY, suite="dev"))


def rivals(n: int) -> Rivals:
    correlation = 0.5 * np.eye(n) + 0.5
    return Rivals(tuple(f"arm {i}" for i in range(n)), tuple(map(tuple, correlation.tolist())))


def with_dev(base: Comparisons, mean: float, se: float = 0.005) -> Comparisons:
    return replace(base, deltas=(*base.deltas, delta(MEAN, mean, se, "dev")))


def judge(found: Comparisons, policy: GatePolicy = POLICY) -> Verdict:
    return decide(policy, found, SUITES, CLEAN)


def test_lower_bounds_above_the_margins_pass() -> None:
    verdict = judge(comparisons())
    assert (verdict.status, verdict.exit_code) == ("pass", 0)
    assert (verdict.candidate, verdict.against) == ("rlvr", "sft")
    assert {r.outcome for r in verdict.reasons} == {"pass"}
    assert len(verdict.table) == len(HELD_OUT)


def test_an_upper_bound_below_the_margin_fails() -> None:
    verdict = on_development({"mini_math": -0.08})
    assert (verdict.status, verdict.exit_code) == ("fail", 1)
    (reason,) = [r for r in verdict.reasons if r.outcome == "fail"]
    assert reason.benchmark == "mini_math"
    assert "−8.0 points" in reason.text
    assert "the margin of −3.0" in reason.text


def test_a_bound_astride_the_margin_is_inconclusive_and_says_what_would_settle_it() -> None:
    verdict = on_development({"mini_math": -0.025})
    assert (verdict.status, verdict.exit_code) == ("inconclusive", 4)
    (reason,) = [r for r in verdict.reasons if r.outcome == "inconclusive"]
    found = re.search(r"about ([\d,]+) items \(now 500\)", reason.text)
    assert found
    n = int(found[1].replace(",", ""))
    variance = 0.75 * 0.005**2 * 500 / n + 0.25 * 0.005**2
    assert quantile(0.95) * variance**0.5 == pytest.approx(0.005, rel=0.01)


def test_a_bound_that_neither_items_nor_seeds_alone_can_reach_says_so() -> None:
    verdict = on_development({"mini_math": -0.0299}, se=0.02)
    texts = [r.text for r in verdict.reasons if r.benchmark == "mini_math"]
    assert "Neither more items nor more seeds alone" in texts[0]


WORDS = {
    0.0: ("pass", "mini_math_fresh: keeps the margin of −3.0 points."),
    -0.08: ("fail", "mini_math_fresh: is worse than the margin of −3.0 points allows."),
    -0.025: (
        "inconclusive",
        "mini_math_fresh: shown neither to keep the margin of −3.0 points nor to miss it. With "
        "10% of items flipping and no true loss it takes about 687 items (now 500).",
    ),
}


@pytest.mark.parametrize("mean", WORDS)
def test_of_a_held_out_benchmark_the_outcome_is_given_in_words_and_without_its_bounds(
    mean: float,
) -> None:
    verdict = judge(comparisons({"mini_math_fresh": mean}))
    (told,) = [r for r in verdict.reasons if r.benchmark == "mini_math_fresh"]
    assert (told.outcome, told.text) == WORDS[mean]
    (row,) = [r for r in verdict.table if r.clause.benchmark == "mini_math_fresh"]
    assert (row.outcome, row.bounds) == (told.outcome, None)


def test_what_is_told_of_a_held_out_benchmark_depends_on_the_outcome_alone() -> None:
    told: dict[str, set[str]] = {}
    for mean in np.linspace(-0.12, 0.1, 45):
        verdict = judge(comparisons({"mini_math_fresh": float(mean)}))
        (row,) = [r for r in verdict.table if r.clause.benchmark == "mini_math_fresh"]
        told.setdefault(row.outcome, set()).add(verdict.to_json())
    assert {outcome: len(texts) for outcome, texts in told.items()} == {
        "pass": 1, "fail": 1, "inconclusive": 1,
    }  # fmt: skip


def test_one_upper_bound_just_below_the_margin_is_not_enough_among_many() -> None:
    se, mean = 0.005, -0.03 - 1.8 * 0.005
    assert upper_tail(1.8, 100) < 0.05
    assert judge(comparisons({"mini_math_fresh": mean}, se)).status == "inconclusive"


def test_the_upper_bound_agrees_with_holm() -> None:
    verdict = on_development({"mini_gsm": -0.05, "mini_math": -0.046, "mini_ifeval": -0.04})
    bounds = [row.bounds for row in verdict.table if row.bounds]
    p = [upper_tail((-0.03 - b.mean) / 0.005, 100) for b in bounds]
    failed = [row.outcome == "fail" for row in verdict.table]
    assert failed == [bool(a < 0.05) for a in holm(p)]
    assert [b.upper < -0.03 for b in bounds] == failed
    assert any(failed)


def test_improvement_needs_a_lower_bound_above_zero() -> None:
    assert judge(with_dev(comparisons(), 0.02), IMPROVE).status == "pass"
    assert judge(with_dev(comparisons(), 0.005), IMPROVE).status == "inconclusive"
    assert judge(with_dev(comparisons(), -0.05), IMPROVE).status == "fail"


@given(st.floats(0.001, 0.2))
def test_identical_arms_never_pass_a_gate_that_asks_for_improvement(se: float) -> None:
    found = with_dev(comparisons(se=se), 0.0, se)
    assert judge(found, IMPROVE).status != "pass"


def test_a_missing_benchmark_fails_with_its_reason() -> None:
    found = comparisons()
    kept = tuple(d for d in found.deltas if d.benchmark not in ("mini_gsm_shift", MEAN))
    why = Absent("rlvr", "sft", "mini_gsm_shift", "gate", "mini_gsm_shift: 499 of 500 items")
    verdict = judge(replace(found, deltas=kept, absent=(why,)))
    assert verdict.status == "fail"
    assert any("499 of 500 items" in r.text for r in verdict.reasons if r.outcome == "fail")


def test_nothing_to_judge_is_inconclusive() -> None:
    why = Absent("rlvr", "", "", "gate", "no arm of stage rlvr became the candidate")
    verdict = judge(Comparisons((), (why,)))
    assert verdict.status == "inconclusive"
    assert [r.text for r in verdict.reasons] == [
        "Nothing to judge: no arm of stage rlvr became the candidate."
    ]


def test_contamination_above_policy_fails() -> None:
    verdict = decide(POLICY, comparisons(), SUITES, CLEAN | {"mini_gsm_fresh": 0.021})
    assert verdict.status == "fail"
    assert any("holds 2.1% of its items" in r.text for r in verdict.reasons)


def test_unchecked_training_data_does_not_pass() -> None:
    held = {k: v for k, v in CLEAN.items() if k != "mini_gsm_fresh"}
    verdict = decide(POLICY, comparisons(), SUITES, held)
    assert verdict.status == "inconclusive"
    assert any("not checked against mini_gsm_fresh" in r.text for r in verdict.reasons)


def test_fewer_seeds_than_asked_fail() -> None:
    verdict = judge(comparisons(), replace(POLICY, min_seeds=3))
    assert verdict.status == "fail"
    assert any("2 seeds on one side" in r.text for r in verdict.reasons)


def test_a_choice_among_arms_is_noted() -> None:
    verdict = judge(replace(comparisons(), rivals=rivals(3)))
    assert verdict.status == "pass"
    assert any("3 arms were looked at" in r.text for r in verdict.reasons)


def test_a_gain_on_the_suite_that_chose_the_candidate_has_to_beat_all_rivals() -> None:
    found = with_dev(comparisons(), 0.0105)
    assert judge(found, IMPROVE).status == "pass"
    among = replace(found, rivals=rivals(20))
    verdict = judge(among, IMPROVE)
    assert verdict.status == "inconclusive"
    (dev,) = [row for row in verdict.table if row.clause.kind == "improve"]
    assert dev.bounds
    assert dev.bounds.lower == pytest.approx(0.0105 - 0.005 * rivals(20).factor(0.05, 100))


def test_rivals_move_no_bound_on_a_suite_that_chose_nothing() -> None:
    found = [(clause, delta(clause.benchmark, 0.0)) for clause in clauses(POLICY, SUITES)]
    levels = [0.05] * len(found)
    alone, among = (measured(found, levels, SUITES, r) for r in (None, rivals(20)))
    assert alone == among


@pytest.mark.parametrize("name", ["mini_math_fresh", MEAN])
def test_a_margin_of_its_own_counts(name: str) -> None:
    found = comparisons({name: -0.08})
    own = replace(POLICY, noninferior={"default": 0.03, name: 0.10})
    assert judge(found).status == "fail"
    assert judge(found, own).status == "pass"


def test_a_verdict_is_written_with_all_that_it_says() -> None:
    verdict = make_findings().verdict
    assert verdict is not None
    written = json.loads(verdict.to_json())
    known = {"status", "reasons", "candidate", "against", "table", "held_out"}
    assert set(written) == known
    assert written["status"] == verdict.status
    assert [r["text"] for r in written["reasons"]] == [r.text for r in verdict.reasons]
    bounds = [r.bounds and asdict(r.bounds) for r in verdict.table]
    assert [r["bounds"] for r in written["table"]] == bounds


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "+1.2"), (-0.04, "−4.0"), (0.0, "0.0"), (-0.0001, "0.0")]
)
def test_points_carry_their_sign(value: float, text: str) -> None:
    assert points(value) == text


def test_a_margin_that_items_cannot_resolve_is_named_before_anything_runs() -> None:
    policy = GatePolicy(noninferior={"default": 0.03, "mini_gsm_fresh": 0.05})
    found = [r for r in resolutions(policy, SUITES["heldout"], seeds=2) if not r.enough]
    assert "mini_gsm_fresh" not in {r.benchmark for r in found}
    first = found[0]
    assert first.effect > first.margin
    assert first.items_needed == pytest.approx(0.1 * (2.4865 / 0.03) ** 2, rel=0.01)


def test_noise_between_runs_can_make_a_margin_out_of_reach() -> None:
    found = resolutions(POLICY, SUITES["heldout"], seeds=2, run_sd=0.02)
    assert all(r.items_needed is None for r in found)
