"""What known leaks add to a score, arm by arm, from the ids of the items that were matched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evals import stats
from evals.suite import Benchmark, Suite
from harness.contamination import Held, candidate_contamination, held_items
from harness.gains import compute_gains
from harness.mix_check import BenchmarkCheck, MixCheck
from harness.plan import Plan
from harness.planner import make_plan
from harness.runs import Run
from harness.sweep_file import load_sweep
from harness.tables import Tables

N = 40
ITEMS = tuple(f"b/{i:02}" for i in range(N))
BENCHMARK = Benchmark(name="b", task="b", items=N, skill="s")
SUITES = {
    "dev": Suite("dev", "development", (BENCHMARK,)),
    "heldout": Suite("unseen", "held-out", (Benchmark(name="h", task="h", items=N, skill="s"),)),
}
RUNS = [Run("sft", "sft", "mix=a", {"mix": "a"}, seed, f"a/{seed}") for seed in (1, 2)]


def scores(benchmark: str = "b", **columns: object) -> pd.DataFrame:
    """Two seeds, right more often on the first ten items."""
    rng = np.random.default_rng(1)
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
        for run in RUNS
    ]
    return pd.concat(frames, ignore_index=True)


def held(items: Iterable[str]) -> dict[str, dict[str, Held]]:
    return {"sft mix=a": {"b": Held(N, frozenset(items))}}


def test_the_gain_is_the_score_on_all_items_less_that_on_clean_ones() -> None:
    table = scores()
    (gain,), absent = compute_gains(RUNS, table, SUITES, held(ITEMS[:10]))
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
    (gain,), absent = compute_gains(RUNS, scores(), SUITES, known)
    assert (gain.finding, gain.n_matched, gain.estimate) == (finding, matched, None)
    assert absent == ()


def test_a_single_clean_item_is_said_to_be_too_few() -> None:
    found, (absent,) = compute_gains(RUNS, scores(), SUITES, held(ITEMS[1:]))
    assert found == ()
    assert (absent.of, absent.benchmark, absent.kind) == ("sft mix=a", "b", "gain")
    assert "1 clean items; at least two" in absent.reason


def test_ids_that_do_not_meet_are_no_clean_benchmark() -> None:
    found, (absent,) = compute_gains(RUNS, scores(), SUITES, held(["7", "8"]))
    assert found == ()
    assert absent.reason == "2 matched items of b are not among those scored"


def test_of_a_sample_the_items_that_were_not_scored_do_not_count() -> None:
    suites = {"dev": replace(SUITES["dev"], benchmarks=(replace(BENCHMARK, items=90, limit=N),))}
    (gain,), absent = compute_gains(RUNS, scores(), suites, held(["b/77", "b/78"]))
    assert (gain.finding, absent) == ("no item matched", ())


def test_clusters_are_drawn_whole() -> None:
    clustered = replace(BENCHMARK, cluster="passage")
    suites = {"dev": replace(SUITES["dev"], benchmarks=(clustered,))}
    table = scores(cluster=[str(i // 5) for i in range(N)])
    (gain,), _ = compute_gains(RUNS, table, suites, held(ITEMS[:10]))
    means = table.groupby("item")["score"].mean().sort_index().to_numpy()
    expected = stats.performance_gain(means, np.arange(N) < 10, cluster=np.arange(N) // 5)
    assert gain.estimate == expected


def test_held_out_scores_have_no_gain() -> None:
    both = pd.concat([scores(), scores("h")])
    known = {"sft mix=a": {n: Held(N, frozenset([f"{n}/01"])) for n in ("b", "h")}}
    found, _ = compute_gains(RUNS, both, SUITES, known)
    assert [gain.benchmark for gain in found] == ["b"]


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
