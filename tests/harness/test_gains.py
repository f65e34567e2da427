"""What known leaks add to a score, arm by arm, from the ids of the items that were matched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures import make_sweep

from evals import stats
from evals.suite import Benchmark, Suite
from harness.contamination import Held, candidate_contamination, held_items
from harness.gains import compute_gains
from harness.mix_check import BenchmarkCheck, MixCheck
from harness.plan import Plan
from harness.planner import make_plan
from harness.runs import Run
from harness.sweep import ArmRef, Contrast
from harness.sweep_file import load_sweep
from harness.tables import Tables

N = 40
ITEMS = tuple(f"b/{i:02}" for i in range(N))
BENCHMARK = Benchmark(name="b", task="b", items=N, skill="s")
SUITES = {
    "dev": Suite("dev", "development", (BENCHMARK,)),
    "heldout": Suite("unseen", "held-out", (Benchmark(name="h", task="h", items=N, skill="s"),)),
}
REFS = {m: ArmRef("sft", {"mix": m}) for m in "abc"}
SWEEP = replace(make_sweep(), baseline=REFS["b"], contrasts=())
RUNS = [Run("sft", "sft", "mix=a", {"mix": "a"}, seed, f"a/{seed}") for seed in (1, 2)]


def scores(
    benchmark: str = "b", runs: Iterable[Run] = RUNS, seed: int = 1, **columns: object
) -> pd.DataFrame:
    """Two seeds, right more often on the first ten items."""
    rng = np.random.default_rng(seed)
    rate = np.where(np.arange(N) < 10, 0.9, 0.4)
    frames = [
        pd.DataFrame(
            {
                "key": run.key,
                "benchmark": benchmark,
                "item": [i.replace("b/", f"{benchmark}/") for i in ITEMS],
                "score": (rng.random(N) < rate).astype(float),
                "prompt_digest": "p",
                **columns,
            }
        )
        for run in runs
    ]
    return pd.concat(frames, ignore_index=True)


def held(items: Iterable[str]) -> dict[str, dict[str, Held]]:
    return {"sft mix=a": {"b": Held(N, frozenset(items))}}


def test_the_gain_is_the_score_on_all_items_less_that_on_clean_ones() -> None:
    table = scores()
    (gain,), absent = compute_gains(SWEEP, RUNS, table, SUITES, held(ITEMS[:10]))
    assert absent == ()
    assert (gain.arm, gain.benchmark, gain.finding) == ("sft mix=a", "b", "estimated")
    assert (gain.n_items, gain.n_matched, gain.n_seeds) == (N, 10, 2)
    means = table.groupby("item")["score"].mean().sort_index()
    matched = means.index.isin(ITEMS[:10])
    assert gain.estimate == stats.performance_gain(means.to_numpy(), matched)
    assert gain.estimate.clean_items.mean == pytest.approx(means[~matched].mean())
    assert gain.estimate.gain.mean == pytest.approx(means.mean() - means[~matched].mean())
    assert gain.estimate.gain.low > 0


@pytest.mark.parametrize(
    ("known", "finding", "matched"),
    [
        (held([]), "no item matched", 0),
        (held(ITEMS), "every item matched", N),
        ({}, "not checked", 0),
        ({"sft mix=a": {}}, "not checked", 0),
    ],
)
def test_where_there_is_nothing_to_compare_words_stand_and_no_number(
    known: Mapping[str, Mapping[str, Held]], finding: str, matched: int
) -> None:
    (gain,), absent = compute_gains(SWEEP, RUNS, scores(), SUITES, known)
    assert (gain.finding, gain.n_matched, gain.estimate) == (finding, matched, None)
    assert absent == ()


def test_a_single_clean_item_is_said_to_be_too_few() -> None:
    found, (absent,) = compute_gains(SWEEP, RUNS, scores(), SUITES, held(ITEMS[1:]))
    assert found == ()
    assert (absent.of, absent.benchmark, absent.kind) == ("sft mix=a", "b", "gain")
    assert "1 clean items; at least two" in absent.reason


def test_ids_that_do_not_meet_are_no_clean_benchmark() -> None:
    found, (absent,) = compute_gains(SWEEP, RUNS, scores(), SUITES, held(["7", "8"]))
    assert found == ()
    assert absent.reason == "2 matched items of b are not among those scored"


def test_of_a_sample_the_items_that_were_not_scored_do_not_count() -> None:
    suites = {"dev": replace(SUITES["dev"], benchmarks=(replace(BENCHMARK, items=90, limit=N),))}
    (gain,), absent = compute_gains(SWEEP, RUNS, scores(), suites, held(["b/77", "b/78"]))
    assert (gain.finding, absent) == ("no item matched", ())


def test_clusters_are_drawn_whole() -> None:
    clustered = replace(BENCHMARK, cluster="passage")
    suites = {"dev": replace(SUITES["dev"], benchmarks=(clustered,))}
    table = scores(cluster=[str(i // 5) for i in range(N)])
    (gain,), _ = compute_gains(SWEEP, RUNS, table, suites, held(ITEMS[:10]))
    means = table.groupby("item")["score"].mean().sort_index().to_numpy()
    expected = stats.performance_gain(means, np.arange(N) < 10, cluster=np.arange(N) // 5)
    assert gain.estimate == expected


def test_held_out_scores_have_no_gain() -> None:
    both = pd.concat([scores(), scores("h")])
    known = {"sft mix=a": {n: Held(N, frozenset([f"{n}/01"])) for n in ("b", "h")}}
    found, _ = compute_gains(SWEEP, RUNS, both, SUITES, known)
    assert [gain.benchmark for gain in found] == ["b"]


# beside an arm that trained on none of the items


def runs(*mixes: str, stage: str = "sft", parent: str | None = None) -> list[Run]:
    return [
        Run(stage, "sft", f"mix={m}", {"mix": m}, seed, f"{stage} {m}/{seed}", parent)
        for m in mixes
        for seed in (1, 2)
    ]


ABC = runs("a", "b", "c")
LEAK = frozenset(ITEMS[:10])


def beside(**matched: Iterable[str]) -> dict[str, dict[str, Held]]:
    """What the data of each arm holds."""
    return {f"sft mix={m}": {"b": Held(N, frozenset(i))} for m, i in matched.items()}


def test_the_gain_of_the_baseline_on_the_same_items_stands_beside_it() -> None:
    table = scores(runs=ABC)
    found, absent = compute_gains(SWEEP, ABC, table, SUITES, beside(a=LEAK, b=[], c=[]))
    (gain,) = (g for g in found if g.estimate)
    assert (gain.arm, absent) == ("sft mix=a", ())
    assert gain.control is not None
    assert gain.control.arm == "sft mix=b"
    x, y = (
        table[table["key"].str.startswith(f"sft {m}/")].groupby("item")["score"].mean().to_numpy()
        for m in "ab"
    )
    matched = np.arange(N) < 10
    assert gain.control.estimate == stats.performance_gain(y, matched)
    assert gain.control.excess == stats.excess_gain(x, y, matched)
    gains = (gain.estimate.gain.mean, gain.control.estimate.gain.mean)  # type: ignore[union-attr]
    assert gain.control.excess.mean == pytest.approx(gains[0] - gains[1])
    assert all(g.control is None for g in found if g is not gain)


@pytest.mark.parametrize(("of", "against"), [("a", "c"), ("c", "a")])
def test_the_other_arm_of_a_contrast_comes_before_the_baseline(of: str, against: str) -> None:
    sweep = replace(SWEEP, contrasts=(Contrast("leak", REFS[of], REFS[against]),))
    known = beside(a=LEAK, b=[], c=[])
    (gain, *_), _ = compute_gains(sweep, ABC, scores(runs=ABC), SUITES, known)
    assert gain.control is not None
    assert gain.control.arm == "sft mix=c"


@pytest.mark.parametrize("other", [[ITEMS[0]], [ITEMS[-1]], None])
def test_an_arm_that_holds_an_item_or_was_not_checked_is_no_control(
    other: Iterable[str] | None,
) -> None:
    known = beside(a=LEAK, c=[]) | (beside(b=other) if other else {})
    found, absent = compute_gains(SWEEP, ABC, scores(runs=ABC), SUITES, known)
    assert (found[0].arm, found[0].control, absent) == ("sft mix=a", None, ())
    assert found[0].estimate is not None


def test_the_stage_before_is_a_control_where_no_baseline_is_named() -> None:
    sweep = make_sweep()
    stages = [replace(s, name=n, start=f) for s, (n, f) in zip(
        sweep.stages, (("sft", None), ("dpo", "sft")), strict=False)]  # fmt: skip
    sweep = replace(sweep, stages=tuple(stages), baseline=None, contrasts=())
    both = runs("b") + runs("a", stage="dpo", parent="mix=b")
    known = beside(b=[]) | {"dpo mix=a": {"b": Held(N, LEAK)}}
    (_, gain), _ = compute_gains(sweep, both, scores(runs=both), SUITES, known)
    assert gain.control is not None
    assert gain.control.arm == "sft mix=b"


def test_a_control_that_saw_other_prompts_is_listed_and_the_gain_stands_alone() -> None:
    table = scores(runs=ABC)
    table.loc[table["key"].str.startswith("sft b/"), "prompt_digest"] = "q"
    known = beside(a=LEAK, b=[], c=[])
    (gain, *_), (absent,) = compute_gains(SWEEP, ABC, table, SUITES, known)
    assert (gain.control, gain.finding) == (None, "estimated")
    assert (absent.of, absent.against, absent.kind) == ("sft mix=a", "sft mix=b", "gain")
    assert "different prompts" in absent.reason


def test_held_out_scores_are_no_control_either() -> None:
    both = pd.concat([scores(runs=ABC), scores("h", runs=ABC, seed=2)])
    known = {
        f"sft mix={m}": {n: Held(N, frozenset([f"{n}/01"] * (m == "a"))) for n in "bh"}
        for m in "abc"
    }
    found, _ = compute_gains(SWEEP, ABC, both, SUITES, known)
    assert {gain.benchmark for gain in found} == {"b"}
    redrawn = pd.concat([scores(runs=ABC), scores("h", runs=ABC, seed=3)])
    assert compute_gains(SWEEP, ABC, redrawn, SUITES, known)[0] == found


# what training data holds


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """DPO continues every SFT arm, the contaminated one too."""
    text = (Path(__file__).parents[2] / "sweeps" / "quickstart.yaml").read_text()
    text = text.replace("dpo:  {from: sft, promote: {top: 1, by: dev},", "dpo:  {from: sft,")
    path = tmp_path_factory.mktemp("sweep") / "sweep.yaml"
    path.write_text(text)
    return make_plan(load_sweep(path))


def check(name: str, action: str, **found: Iterable[str]) -> MixCheck:
    """A check against two benchmarks of 500 items."""
    ids = {b: frozenset(found.get(b, ())) for b in ("mini_gsm", "mini_math")}
    benchmarks = tuple(BenchmarkCheck(b, 500, len(i), {}, i) for b, i in ids.items())
    flagged = sum(map(len, ids.values()))
    kept = 90 if action == "report" else 90 - flagged
    return MixCheck(name, action, 90, flagged, kept, benchmarks)  # type: ignore[arg-type]


def tables(plan: Plan, *checks: MixCheck) -> Tables:
    parents = {"dpo": "mix=leaky-kept"}
    runs = tuple(
        Run(r.name, "sft", r.label, r.arm.choice, r.seed, r.stage, parents.get(r.name))
        for r in plan.runs
        if r.name == "sft" or (r.name == "dpo" and "leaky-kept" in r.label)
    )
    return Tables(runs, pd.DataFrame(), {c.name: c for c in checks}, (), None)


def test_a_chain_holds_what_any_of_its_stages_holds_and_dropped_rows_hold_nothing(
    plan: Plan,
) -> None:
    found = held_items(
        plan,
        tables(
            plan,
            check("plain", "drop"),
            check("skills", "drop"),
            check("leaky", "drop", mini_gsm=["1", "2"]),
            check("leaky-kept", "report", mini_gsm=["1", "2"]),
            check("prefs", "report", mini_gsm=["2", "3"], mini_math=["9"]),
        ),
    )
    assert found["sft mix=leaky"]["mini_gsm"] == Held(500, frozenset())
    assert found["sft mix=leaky-kept"]["mini_gsm"] == Held(500, frozenset("12"))
    (later, *_) = (name for name in found if name.startswith("dpo"))
    assert found[later] == {
        "mini_gsm": Held(500, frozenset("123")),
        "mini_math": Held(500, frozenset("9")),
    }
    assert candidate_contamination(found, later) == {"mini_gsm": 0.006, "mini_math": 0.002}
    assert candidate_contamination(found, None) == {}


def test_of_a_stage_that_was_not_checked_nothing_is_known(plan: Plan) -> None:
    found = held_items(plan, tables(plan, check("leaky-kept", "report", mini_gsm=["1"])))
    (later, *_) = (name for name in found if name.startswith("dpo"))
    assert found[later] == {}
    assert found["sft mix=plain"] == {}
    assert found["sft mix=leaky-kept"]["mini_gsm"].held == frozenset("1")
