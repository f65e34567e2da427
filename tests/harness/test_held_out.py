"""Of a held-out suite people are given a verdict; its scores choose and tell nothing else."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures import (
    CANDIDATE,
    make_contamination,
    make_held,
    make_runs,
    make_scores,
    make_suites,
    make_sweep,
)
from rich.console import Console

from evals.halves import in_half
from evals.ledger import ALPHA, level_of, read_ledger
from harness.clauses import clauses
from harness.deltas import compute_deltas
from harness.gains import compute_gains
from harness.gate import decide
from harness.inflation import inflation
from harness.judge import judge
from harness.measured import measured
from harness.plan import Chosen, Output, Plan, Stage
from harness.planner import make_plan
from harness.publish import findings_of, publish
from harness.report import terminal
from harness.sweep_file import load_sweep
from harness.table_files import shown, write_tables
from harness.tables import Tables
from harness.verdict import HeldOut, Verdict

SWEEP, SUITES = make_sweep(), make_suites()
RUNS = make_runs(SWEEP)
SCORES = make_scores(SWEEP, SUITES, RUNS)
COMPARISONS = compute_deltas(SWEEP, RUNS, SCORES, SUITES, CANDIDATE)
CLEAN = {b.name: 0.0 for s in SUITES.values() for b in s.benchmarks}
ROOT = Path(__file__).parents[2]


def judged(path: Path, sweep=SWEEP, **options: bool) -> Verdict:  # type: ignore[no-untyped-def]
    found = judge(sweep, SUITES, COMPARISONS, CLEAN, RUNS, path, **options)
    assert found is not None
    return found


def test_the_gate_is_judged_at_the_level_of_its_look(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    assert SWEEP.gate is not None
    first = judged(path)
    (entry,) = read_ledger(path)
    assert first == decide(SWEEP.gate, COMPARISONS, SUITES, CLEAN, look=entry)
    assert first.held_out == HeldOut("mini-unseen", 1, level_of(1, ALPHA), forced=False)
    assert {row.clause.suite for row in first.table if row.bounds} == {"mini-dev"}
    assert any("Look 1 at mini-unseen: " in r.text and "3.04%" in r.text for r in first.reasons)
    assert judged(path) == first
    (entry,) = read_ledger(path)
    assert entry.checkpoints == (
        "rlvr/rlvr/1", "rlvr/rlvr/2", "sft/mix=skills/1", "sft/mix=skills/2",
    )  # fmt: skip
    stricter = replace(SWEEP, gate=replace(SWEEP.gate, noninferior={"default": 0.01}))
    judged(path, stricter)
    assert [e.number for e in read_ledger(path)] == [1, 2]
    spent = replace(SWEEP, gate=replace(SWEEP.gate, min_seeds=1, max_looks=2))
    refused = judged(path, spent)
    assert (refused.status, refused.table) == ("inconclusive", ())
    assert "2 looks are allowed" in refused.reasons[0].text
    forced = judged(path, spent, force=True)
    assert forced.held_out == HeldOut("mini-unseen", 3, level_of(3, ALPHA), forced=True)
    assert any("past the budget" in r.text for r in forced.reasons)


def test_a_smaller_level_takes_longer_to_pass(tmp_path: Path) -> None:
    assert SWEEP.gate is not None
    deltas = [d for d in COMPARISONS.of_kind("gate") if d.tier == "held-out"]
    asked = {c.benchmark: c for c in clauses(SWEEP.gate, SUITES) if c.suite == "mini-unseen"}
    found = [(asked[d.benchmark], d) for d in deltas]
    first, ninth = (
        measured(found, [level_of(j, ALPHA)] * len(found), SUITES, None) for j in (1, 9)
    )
    for one, other in zip(first, ninth, strict=True):
        assert other.bounds.lower < one.bounds.lower
        assert other.bounds.upper > one.bounds.upper


def test_a_look_is_on_disk_before_it_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.jsonl"

    def dies(*_args: object, **_options: object) -> Verdict:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.judge.decide", dies)
    with pytest.raises(KeyboardInterrupt):
        judged(path)
    assert len(read_ledger(path)) == 1


def test_a_gate_on_development_items_takes_no_look(tmp_path: Path) -> None:
    assert SWEEP.gate is not None
    dev = replace(SWEEP, gate=replace(SWEEP.gate, suite="dev"))
    comparisons = compute_deltas(dev, RUNS, SCORES, SUITES, CANDIDATE)
    path = tmp_path / "ledger.jsonl"
    assert judge(dev, SUITES, comparisons, CLEAN, RUNS, path) is not None
    assert judge(replace(SWEEP, gate=None), SUITES, comparisons, CLEAN, RUNS, path) is None
    assert not path.exists()


def noise(held_out: pd.Series) -> pd.DataFrame:
    """The scores with every one of some rows drawn anew."""
    rng = np.random.default_rng(0)
    other = SCORES.copy()
    other.loc[held_out, "score"] = rng.integers(0, 2, size=int(held_out.sum())).astype(float)
    return other


def judging() -> pd.Series:
    """Which rows are scores that the gate judges on: held out, and of twins the gate's half."""
    twins = {b.name: b for b in SUITES["heldout"].benchmarks if b.twin}
    diagnosis = pd.Series(data=False, index=SCORES.index)
    for name, benchmark in twins.items():
        rows = SCORES["benchmark"] == name
        diagnosis[rows] = in_half(
            benchmark.name, benchmark.twin, SCORES.loc[rows, "item"], "diagnosis"
        )
    return (SCORES["tier"] == "held-out") & ~diagnosis


def test_no_held_out_number_reaches_a_choice() -> None:
    again = compute_deltas(SWEEP, RUNS, noise(SCORES["tier"] == "held-out"), SUITES, CANDIDATE)
    assert again.deltas != COMPARISONS.deltas
    assert again.without_held_out() == COMPARISONS.without_held_out()
    assert again.promoted == COMPARISONS.promoted
    assert again.rivals == COMPARISONS.rivals
    development = pd.DataFrame(SCORES[SCORES["tier"] == "development"])
    none = compute_deltas(SWEEP, RUNS, development, SUITES, CANDIDATE)
    assert none.promoted == COMPARISONS.promoted


def published(scores: pd.DataFrame, folder: Path, *, judged: bool) -> dict[str, bytes]:
    """Everything that people are given of a sweep with these scores: name of a file -> its bytes.

    Args:
        scores: Of its checkpoints.
        folder: Where to.
        judged: Whether a verdict is given, which may depend on held-out scores.
    """
    comparisons = compute_deltas(SWEEP, RUNS, scores, SUITES, CANDIDATE)
    runs = tuple(RUNS)
    tables = Tables(runs, scores, {c.name: c for c in make_contamination()}, (), CANDIDATE)
    verdict = judge(SWEEP, SUITES, comparisons, CLEAN, RUNS, folder / "ledger.jsonl")
    findings = findings_of(
        replace(SWEEP, path=ROOT / "sweeps" / "quickstart.yaml"),
        SUITES,
        tables,
        comparisons,
        inflation(SWEEP, RUNS, scores, SUITES),
        compute_gains(SWEEP, RUNS, scores, SUITES, make_held(RUNS)),
        verdict if judged else None,
    )
    write_tables(folder / "tables", tables, findings)
    publish(findings, Plan((), (), None, {}), {}, folder / "sweep")
    out = io.StringIO()
    Console(file=out, width=100).print(terminal(findings))
    (folder / "sweep" / "terminal.txt").write_text(out.getvalue())
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.parent != folder)
    return {p.name: p.read_bytes() for p in files}


def test_no_byte_that_is_published_depends_on_scores_that_judge(tmp_path: Path) -> None:
    one = published(SCORES, tmp_path / "a", judged=False)
    other = published(noise(judging()), tmp_path / "b", judged=False)
    assert {"report.html", "report.md", "terminal.txt", "items.parquet", "gains.parquet"} <= set(
        one
    )
    assert one == other
    gate = compute_deltas(SWEEP, RUNS, noise(judging()), SUITES, CANDIDATE).of_kind("gate")
    changed = [d.tier for d, e in zip(gate, COMPARISONS.of_kind("gate"), strict=True) if d != e]
    assert changed == ["held-out"] * (len(SUITES["heldout"].benchmarks) + 1)


def test_no_score_of_a_look_is_published_with_its_verdict(tmp_path: Path) -> None:
    planted, held_out = SCORES.copy(), judging()
    candidate = planted["key"].str.startswith("rlvr")
    planted.loc[held_out & candidate, "score"] = 0.73117
    planted.loc[held_out & ~candidate, "score"] = 0.21911
    files = published(planted, tmp_path, judged=True)
    assert json.loads(files["verdict.json"])["status"] == "pass"
    hidden = re.compile(r"73[.]?1|21[.]?9|51[.]?2|0[.]5120")
    for name in ("verdict.json", "report.md", "terminal.txt"):
        told = [line for line in files[name].decode().splitlines() if "unseen" in line
                or any(b.name in line for b in SUITES["heldout"].benchmarks)]  # fmt: skip
        assert told
        assert not [line for line in told if hidden.search(line)]
        assert "73117" not in files[name].decode()
    for path in (tmp_path / "tables").iterdir():
        numbers = pd.read_parquet(path).select_dtypes("number")
        for value in (0.73117, 0.21911, 0.73117 - 0.21911):
            assert not (np.abs(numbers - value) < 1e-9).any(axis=None), path.name
    items = pd.read_parquet(tmp_path / "tables" / "items.parquet")
    scores = pd.read_parquet(tmp_path / "tables" / "scores.parquet")
    development = {b.name for b in SUITES["dev"].benchmarks}
    assert set(items["benchmark"]) == set(scores["benchmark"]) == development


def test_a_benchmark_in_both_tiers_is_held_out() -> None:
    dev, unseen = SUITES["dev"], SUITES["heldout"]
    both = replace(dev, benchmarks=(*dev.benchmarks, unseen.benchmarks[3]))
    assert shown({"dev": both, "heldout": unseen}) == {b.name for b in dev.benchmarks}


def test_no_stage_that_trains_or_promotes_depends_on_a_held_out_evaluation() -> None:
    plan = make_plan(load_sweep(ROOT / "sweeps" / "quickstart.yaml"))
    development = {b.name for b in SUITES["dev"].benchmarks}
    deciders = [s for s in plan.stages if s.kind in ("promote", "sft", "dpo", "rlvr")]
    assert deciders
    read = [s for stage in deciders for s in _above(plan, stage) if s.kind == "eval"]
    assert {s.params["name"] for s in read} == development


def _above(plan: Plan, stage: Stage) -> list[Stage]:
    """Every stage whose output a stage depends on."""
    known = {s.id: s for s in plan.stages}
    found: dict[str, Stage] = {}
    left = [stage]
    while left:
        for given in left.pop().inputs.values():
            names = [given.stage] if isinstance(given, Output) else []
            if isinstance(given, Chosen):
                names = [given.promote, *given.candidates.values()]
            fresh = [known[n] for n in names if n not in found]
            found |= {s.id: s for s in fresh}
            left += fresh
    return list(found.values())
