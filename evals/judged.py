"""Benchmarks whose scores a judge gives: they are run here, beside lm-eval's tasks.

A conversation of two turns and a verdict after the last response do not fit lm-eval's one pass of
requests; so the model is asked, then the judge, then the metrics are made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evals.engines import Engine
from evals.judged_items import JudgedResult
from evals.suite import Benchmark

JudgedRun = Callable[[Benchmark, Engine, Engine, "Path | None", int], JudgedResult]


def run_judged(
    benchmark: Benchmark, engine: Engine, judge: Engine, hub: Path | None, replicate: int = 0
) -> JudgedResult:
    """Ask the model, then the judge.

    Args:
        benchmark: One whose task is in `JUDGED`.
        engine: The model that is measured.
        judge: The model that judges.
        hub: Mirror folder that stands in for the Hub.
        replicate: Which replicate; each draws its own responses.

    Raises:
        ValueError: unknown task or metric; the data cannot be had or has another size.
    """
    if benchmark.task not in JUDGED:
        raise ValueError(f"task {benchmark.task!r} is not judged; judged are {', '.join(JUDGED)}")
    result = JUDGED[benchmark.task](benchmark, engine, judge, hub, replicate)
    if benchmark.metric not in result.items[0].metrics:
        known = ", ".join(sorted(result.items[0].metrics))
        raise ValueError(
            f"benchmark {benchmark.name}: no metric {benchmark.metric!r}; there are {known}"
        )
    return result


def _alpaca_eval(*arguments: Any) -> JudgedResult:
    from evals.alpaca_eval import alpaca_eval

    return alpaca_eval(*arguments)


def _mt_bench(*arguments: Any) -> JudgedResult:
    from evals.mt_bench import mt_bench

    return mt_bench(*arguments)


JUDGED: Mapping[str, JudgedRun] = MappingProxyType(
    {"alpaca_eval": _alpaca_eval, "mt_bench": _mt_bench}
)
