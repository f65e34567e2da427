"""Sweeps whose truth is known: scores drawn from a probit model, judged by the real code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from evals.suite import Benchmark, Suite
from harness.deltas import compute_deltas
from harness.gate import decide
from harness.runs import Run
from harness.sweep import Arm, ArmRef, DecontamPolicy, GatePolicy, StageSpec, Sweep
from harness.verdict import Verdict


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

    def judge(self, rng: np.random.Generator) -> Verdict:
        """One sweep from nothing to its verdict."""
        sweep, suites = self.sweep(), self.suites()
        runs = [
            Run("sft", "sft", arm.label, arm.choice, seed, f"{arm.label}/{seed}")
            for arm in sweep.stages[0].arms
            for seed in sweep.seeds
        ]
        drawn: list[tuple[str, str, np.ndarray]] = []
        dev: dict[str, float] = {}
        level = {n: rng.normal(size=self.items) for n in "abc"}
        ids = {n: [f"{n}/{i}" for i in range(self.items)] for n in level}
        for run in runs:
            lift = 0.0 if "reference" in run.arm else self._lift()
            ability = lift + self.wobble * rng.normal()
            for name, item in level.items():
                y = (ability + item + 0.7 * rng.normal(size=self.items) > 0).astype(float)
                drawn.append((run.key, name, y))
                if name != "c" and "reference" not in run.arm:
                    dev[run.arm] = dev.get(run.arm, 0.0) + y.mean()
        best = max(dev, key=lambda arm: dev[arm])
        keys, names, values = zip(*drawn, strict=True)
        columns = {
            "key": np.repeat(keys, self.items),
            "benchmark": np.repeat(names, self.items),
            "item": np.concatenate([ids[n] for n in names]),
            "score": np.concatenate(values),
        }
        scores = pd.DataFrame(columns).assign(prompt_digest="p")
        comparisons = compute_deltas(sweep, runs, scores, suites, best)
        assert sweep.gate is not None
        clean = dict.fromkeys("abc", 0.0)
        return decide(sweep.gate, comparisons, suites, clean)

    def _lift(self) -> float:
        from scipy.special import ndtri

        scale = np.sqrt(1 + 0.49 + self.wobble**2)
        return float(scale * ndtri(0.5 + self.gain))
