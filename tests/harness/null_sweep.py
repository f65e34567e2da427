"""Sweeps whose truth is known: scores drawn from a probit model, judged by the real code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evals.stats import quantile
from evals.suite import Benchmark, Suite
from harness.deltas import compute_deltas
from harness.evidence import gather_table
from harness.gate import ALPHA, decide
from harness.runs import Run, trained_arms
from harness.scores import ItemScores, ScoreTable
from harness.sweep import Arm, ArmRef, DecontamPolicy, GatePolicy, StageSpec, Sweep
from harness.verdict import Verdict
from harness.winners import rivals_of

Drawn = dict[tuple[str, str], NDArray[np.float64]]
"""(checkpoint, benchmark) -> a score for each item."""


@dataclass(frozen=True)
class NullSweep:
    """Arms beside one reference; the best development score is the gate's candidate."""

    arms: int = 20
    seeds: int = 1
    items: int = 150
    gain: float = 0.0
    """True gain of every arm on every benchmark, in score units."""
    improve: bool = True
    margin: float = 0.5
    wobble: float = 0.0
    """Standard deviation between runs, in probits."""

    def sweep(self) -> Sweep:
        names = ["reference", *(f"arm{i}" for i in range(self.arms))]
        stage = StageSpec("sft", "sft", tuple(Arm("sft", {"mix": n}, {}, n) for n in names))
        gate = GatePolicy(
            noninferior={"default": self.margin}, improve="dev" if self.improve else None
        )
        return Sweep(
            name="null", path=Path("null.yaml"), model="tiny", revision=None,
            seeds=tuple(range(self.seeds)), suites={"dev": "dev", "heldout": "heldout"},
            sources={}, mixes={}, decontam=DecontamPolicy(), stages=(stage,),
            baseline=ArmRef("sft", {"mix": "reference"}), contrasts=(), gate=gate,
        )  # fmt: skip

    def suites(self) -> dict[str, Suite]:
        def suite(role: str, tier: str, names: list[str]) -> Suite:
            return Suite(
                role,
                tier,  # type: ignore[arg-type]
                tuple(Benchmark(name=n, task=n, items=self.items, skill=n) for n in names),
            )

        return {
            "dev": suite("dev", "development", ["a", "b"]),
            "heldout": suite("heldout", "held-out", ["c"]),
        }

    def runs(self) -> list[Run]:
        sweep = self.sweep()
        return [
            Run("sft", "sft", arm.label, arm.choice, seed, f"{arm.label}/{seed}")
            for arm in sweep.stages[0].arms
            for seed in sweep.seeds
        ]

    def judge(self, rng: np.random.Generator) -> Verdict:
        """One sweep from nothing to its verdict."""
        sweep, suites, runs = self.sweep(), self.suites(), self.runs()
        drawn = self.draw(rng, runs)
        columns = {
            "key": np.repeat([key for key, _ in drawn], self.items),
            "benchmark": np.repeat([name for _, name in drawn], self.items),
            "item": np.concatenate([self.ids(name) for _, name in drawn]),
            "score": np.concatenate(list(drawn.values())),
        }
        scores = pd.DataFrame(columns).assign(prompt_digest="p")
        comparisons = compute_deltas(sweep, runs, scores, suites, best_of(drawn))
        assert sweep.gate is not None
        clean = dict.fromkeys("abc", 0.0)
        return decide(sweep.gate, comparisons, suites, clean)

    def improves(self, rng: np.random.Generator) -> bool:
        """Whether `improve` holds: what `judge` finds, without tables and other deltas."""
        suites, drawn = self.suites(), self.draw(rng, runs := self.runs())
        cells = {
            (key, name): ItemScores(self.ids(name), np.full(self.items, "p", object), y, {})
            for (key, name), y in drawn.items()
        }
        evidence = gather_table(trained_arms(runs), ScoreTable(cells), suites)
        reference, *arms = evidence.arms
        best = next(a for a in arms if a.label == best_of(drawn))
        found = evidence.suite_difference(best, reference, suites["dev"]).estimate()
        if found.mean <= quantile(1 - ALPHA, found.df) * found.se:
            return False  # a bound for all arms is below that of one
        factor = rivals_of(evidence, reference, suites["dev"]).factor(ALPHA, found.df)
        return found.mean - factor * found.se > 0

    def ids(self, benchmark: str) -> NDArray[np.object_]:
        return np.array([f"{benchmark}/{i:05}" for i in range(self.items)], dtype=object)

    def draw(self, rng: np.random.Generator, runs: list[Run]) -> Drawn:
        drawn: Drawn = {}
        level = {n: rng.normal(size=self.items) for n in "abc"}
        for run in runs:
            lift = 0.0 if "reference" in run.arm else self._lift()
            ability = lift + self.wobble * rng.normal()
            for name, item in level.items():
                noise = 0.7 * rng.normal(size=self.items)
                drawn[run.key, name] = (ability + item + noise > 0).astype(float)
        return drawn

    def _lift(self) -> float:
        from scipy.special import ndtri

        scale = np.sqrt(1 + 0.49 + self.wobble**2)
        return float(scale * ndtri(0.5 + self.gain))


def best_of(drawn: Drawn) -> str:
    """Label of the arm with the highest development score."""
    scores: dict[str, float] = {}
    for (key, name), y in drawn.items():
        arm = key.rpartition("/")[0]
        if name != "c" and "reference" not in arm:
            scores[arm] = scores.get(arm, 0.0) + float(y.sum())
    return max(scores, key=lambda arm: scores[arm])
