"""Absolute scores with intervals."""

from __future__ import annotations

import pandas as pd
import pytest

from evals.suite import Benchmark, Suite
from harness.levels import compute_levels
from harness.runs import Run

BENCHMARK = Benchmark(name="b", task="b", items=4, skill="s")
SUITES = {
    "dev": Suite("dev", "development", (BENCHMARK,)),
    "heldout": Suite("held", "held-out", (Benchmark(name="h", task="h", items=4, skill="s"),)),
}


def scores(values: list[float], benchmark: str = "b", key: str = "k1") -> pd.DataFrame:
    rows = [
        {"key": key, "benchmark": benchmark, "item": str(i), "score": v, "prompt_digest": "p"}
        for i, v in enumerate(values)
    ]
    return pd.DataFrame(rows)


RUN = Run(stage="sft", method="sft", arm="a", choice={}, seed=1, key="k1")


def test_a_score_of_zero_has_an_interval_that_is_not_zero_wide() -> None:
    (level,) = compute_levels([RUN], scores([0, 0, 0, 0]), SUITES)
    assert (level.score, level.low) == (0.0, 0.0)
    assert level.high == pytest.approx(0.4899, abs=1e-3)


def test_held_out_scores_have_no_level() -> None:
    both = pd.concat([scores([1, 0, 1, 0]), scores([1, 1, 1, 1], "h")])
    assert [level.benchmark for level in compute_levels([RUN], both, SUITES)] == ["b"]


def test_a_partial_benchmark_has_no_level() -> None:
    assert compute_levels([RUN], scores([1, 0, 1]), SUITES) == ()
