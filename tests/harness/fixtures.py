"""Records of a sweep that never ran: every score is drawn from a seeded simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from evals.ledger import ALPHA, Look, level_of
from evals.suite import Suite, load_suite
from harness.comparisons import Comparisons
from harness.contamination import Held
from harness.deltas import compute_deltas
from harness.gains import compute_gains
from harness.gate import decide
from harness.inflation import inflation
from harness.mix_check import BenchmarkCheck, MixCheck, PartCheck
from harness.report.findings import Findings
from harness.runs import Run, trained_arms
from harness.stage_time import StageTime
from harness.sweep import (
    Arm,
    ArmRef,
    Contrast,
    DecontamPolicy,
    GatePolicy,
    Method,
    Promote,
    StageSpec,
    Sweep,
)

MIXES = ("plain", "skills", "leaky", "leaky-kept")
SKILL = {"gsm": 0, "math": 1, "ifeval": 2}
# True ability (probit) of each arm in words, expressions and constraints.
ABILITY = {
    "sft mix=plain": (-2.2, -1.6, -1.2),
    "sft mix=skills": (0.5, 0.3, 0.4),
    "sft mix=leaky": (0.48, 0.31, 0.38),
    "sft mix=leaky-kept": (0.5, 0.33, 0.4),
    "dpo beta=1.0": (0.5, 0.28, 0.75),
    "dpo beta=5.0": (0.52, 0.31, 0.5),
    "rlvr": (0.95, 0.7, 0.78),
}
LEAKED = {"mini_gsm": 0.5, "mini_math": 0.5, "mini_ifeval": 0.2}
CANDIDATE = "rlvr"


def make_sweep() -> Sweep:
    """The quickstart's shape."""
    sft = tuple(Arm("sft", {"mix": m}, {"lr": 5e-4}, m) for m in MIXES)
    dpo = tuple(Arm("dpo", {"beta": b}, {"lr": 1e-4}, "prefs") for b in (1.0, 5.0))
    rlvr = (Arm("rlvr", {}, {"lr": 5e-5}, "prompts"),)

    def ref(mix: str) -> ArmRef:
        return ArmRef("sft", {"mix": mix})

    return Sweep(
        name="simulated",
        path=Path("simulated.yaml"),
        model="tiny",
        revision=None,
        seeds=(1, 2),
        suites={"dev": "mini-dev", "heldout": "mini-unseen"},
        sources={},
        mixes={},
        decontam=DecontamPolicy(),
        stages=(
            StageSpec("sft", "sft", sft),
            StageSpec("dpo", "dpo", dpo, "sft", Promote()),
            StageSpec("rlvr", "rlvr", rlvr, "dpo", Promote()),
        ),
        baseline=ref("plain"),
        contrasts=(Contrast("inflation", ref("leaky-kept"), ref("leaky")),),
        gate=GatePolicy(suite="heldout", against=ref("skills"), improve="dev", min_seeds=2),
    )


def make_suites() -> dict[str, Suite]:
    """The embedded suites."""
    return {"dev": load_suite("mini-dev"), "heldout": load_suite("mini-unseen")}


def make_runs(sweep: Sweep, seeds: Sequence[int] | None = None) -> list[Run]:
    """One run per arm and seed."""
    parents = {"dpo": "mix=skills", "rlvr": "beta=1.0"}
    runs = []
    for stage in sweep.stages:
        for arm in stage.arms:
            for seed in seeds or sweep.seeds:
                method: Method = stage.method
                runs.append(
                    Run(
                        stage=stage.name,
                        method=method,
                        arm=arm.label,
                        choice=arm.choice,
                        seed=seed,
                        key=f"{stage.name}/{arm.label}/{seed}",
                        parent_arm=parents.get(stage.name),
                        contaminated=arm.data == "leaky-kept",
                    )
                )
    return runs


def make_scores(sweep: Sweep, suites: dict[str, Suite], runs: Sequence[Run]) -> pd.DataFrame:
    """Scores as the planner would have asked for them: held out for three arms and twins."""
    rng = np.random.default_rng(20)
    frames = []
    difficulty = {b.name: rng.normal(size=b.scored) for s in suites.values() for b in s.benchmarks}
    for run in runs:
        name = run.stage if run.arm == run.stage else f"{run.stage} {run.arm}"
        wobble = 0.06 * rng.normal()
        for suite in suites.values():
            for b in suite.benchmarks:
                if suite.tier == "held-out" and not _held_out(name, b.twin):
                    continue
                skill = SKILL[b.name.split("_")[1]]
                ability = ABILITY[name][skill] + wobble + 0.05 * rng.normal()
                shift = 0.0 if suite.tier == "development" or b.twin else -0.7
                noise = 0.4 * rng.normal(size=b.scored)
                correct = ability + shift + difficulty[b.name] + noise > 0
                if run.contaminated and suite.tier == "development":
                    leaked = np.arange(b.scored) < LEAKED[b.name] * b.scored
                    correct |= leaked & (rng.random(b.scored) < 0.93)
                frames.append(
                    pd.DataFrame(
                        {
                            "key": run.key,
                            "benchmark": b.name,
                            "item": [f"{b.name}-{i:03}" for i in range(b.scored)],
                            "score": correct.astype(float),
                            "prompt_digest": [f"{b.name}/{i}" for i in range(b.scored)],
                            "suite": suite.name,
                            "tier": suite.tier,
                        }
                    )
                )
    return pd.concat(frames, ignore_index=True)


def _held_out(name: str, twin: str | None) -> bool:
    if name in ("sft mix=skills", "rlvr"):
        return True
    return twin is not None and name in ("sft mix=leaky", "sft mix=leaky-kept")


def make_contamination() -> tuple[MixCheck, ...]:
    """Planted leaks: found in the two leaky mixes, dropped in one of them."""

    def check(name: str, matched: int, **labels: int) -> BenchmarkCheck:
        found = frozenset(f"{name}-{i:03}" for i in range(matched))
        return BenchmarkCheck(name, 500, matched, labels, found)

    leaks = (
        check("mini_gsm", 250, verbatim=150, near=100),
        check("mini_math", 247, verbatim=150, near=97),
        check("mini_ifeval", 98, verbatim=98),
        check("mini_gsm_fresh", 0),
    )
    clean = tuple(replace(b, matched=0, labels={}, found=frozenset()) for b in leaks)
    parts = (PartCheck("words", 1500, 0), PartCheck("leak/verbatim", 400, 398))
    return (
        MixCheck("plain", "drop", 2000, 0, 2000, clean),
        MixCheck("skills", "drop", 4900, 0, 4900, clean),
        MixCheck("leaky", "drop", 5500, 595, 4905, leaks, parts),
        MixCheck("leaky-kept", "report", 5500, 595, 5500, leaks, parts),
        MixCheck("prefs", "drop", 1200, 0, 1200, clean),
        MixCheck("prompts", "drop", 900, 2, 898, clean),
    )


def make_stages(runs: Sequence[Run]) -> tuple[StageTime, ...]:
    """Plausible times."""
    seconds = {"sft": 41.3, "dpo": 33.0, "rlvr": 95.2}
    data = [StageTime(f"mix {m}", "mix", "reused", 0.4) for m in MIXES]
    checks = [StageTime(f"decontam {m}", "decontam", "ran", 2.1) for m in MIXES]
    training = [
        StageTime(f"{r.stage} {r.arm} seed={r.seed}", r.method, "ran", seconds[r.stage])
        for r in runs
    ]
    evals = [StageTime(f"eval of {r.key}", "eval", "ran", 12.5) for r in runs]
    return (*data, *checks, *training, *evals)


def make_held(runs: Sequence[Run]) -> dict[str, dict[str, Held]]:
    """What each arm's data holds, as the checks above found it."""
    kept = {"leaky-kept": make_contamination()[3]}
    found = {}
    for arm in trained_arms(runs):
        check = kept.get(str(arm.runs[0].choice.get("mix")))
        benchmarks = check.benchmarks if check else make_contamination()[0].benchmarks
        found[arm.name] = {b.benchmark: Held(b.items, b.found) for b in benchmarks}
    return found


def make_look() -> Look:
    """The first look at the held-out suite."""
    number, keys = 1, ("rlvr/rlvr/1", "sft/mix=skills/1")
    return Look(
        number=number, suite="mini-unseen", sweep="simulated", checkpoints=keys, question="q" * 64,
        level=level_of(number, ALPHA), who="somebody@somewhere", when="2026-01-01T00:00:00+00:00",
        forced=False, previous="0" * 64, hash="h" * 64,
    )  # fmt: skip


@cache
def make_findings() -> Findings:
    """A whole sweep with two seeds."""
    sweep, suites = make_sweep(), make_suites()
    runs = make_runs(sweep)
    scores = make_scores(sweep, suites, runs)
    comparisons = compute_deltas(sweep, runs, scores, suites, CANDIDATE)
    found, absent = inflation(sweep, runs, scores, suites)
    gains, missing = compute_gains(sweep, runs, scores, suites, make_held(runs))
    comparisons = replace(comparisons, absent=comparisons.absent + absent + missing)
    assert sweep.gate is not None
    shares = {b.name: 0.0 for s in suites.values() for b in s.benchmarks}
    return Findings(
        sweep=sweep,
        suites=suites,
        comparisons=comparisons.without_held_out(),
        inflation=found,
        gains=gains,
        verdict=decide(sweep.gate, comparisons, suites, shares, look=make_look()),
        contamination=make_contamination(),
        stages=make_stages(runs),
        contaminated=frozenset({"sft mix=leaky-kept"}),
    )


def empty_findings() -> Findings:
    """A sweep whose first training stage failed."""
    sweep, suites = make_sweep(), make_suites()
    columns = ["key", "benchmark", "item", "score", "prompt_digest"]
    scores = pd.DataFrame({c: pd.Series(dtype=float if c == "score" else str) for c in columns})
    comparisons: Comparisons = compute_deltas(sweep, [], scores, suites, None)
    assert sweep.gate is not None
    return Findings(
        sweep=sweep,
        suites=suites,
        comparisons=comparisons,
        verdict=decide(sweep.gate, comparisons, suites, {}),
        stages=(
            StageTime("sft mix=plain seed=1", "sft", "failed", None, "out of memory at step 12"),
            StageTime("dpo beta=1.0 seed=1", "dpo", "blocked", None, "needs sft mix=plain seed=1"),
        ),
    )
