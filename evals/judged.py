"""Benchmarks whose scores a judge gives: they are run here, beside lm-eval's tasks.

A conversation of two turns and a verdict after the last response do not fit lm-eval's one pass of
requests; so the model is asked, then the judge, then the metrics are made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evals.engines import Engine, Generation, Sampling
from evals.suite import Benchmark


@dataclass(frozen=True, slots=True)
class JudgedItem:
    """One response and what the judge made of it."""

    item: str
    document: Mapping[str, Any]
    prompt: str
    generation: Generation
    verdict: str
    """The judge's words."""
    metrics: Mapping[str, float | None]
    """Metric -> score in [0, 1]; None where the verdict could not be read."""


@dataclass(frozen=True, slots=True)
class JudgedResult:
    """The items of one replicate of a judged benchmark."""

    benchmark: Benchmark
    items: tuple[JudgedItem, ...]

    @property
    def unread(self) -> int:
        """Items whose verdict could not be read."""
        return sum(item.metrics[self.benchmark.metric] is None for item in self.items)

    def scores(self) -> dict[str, float]:
        """Item -> score in the benchmark's metric.

        Raises:
            ValueError: a verdict could not be read; a mean over the others would be another
                benchmark.
        """
        if self.unread:
            raise ValueError(
                f"benchmark {self.benchmark.name}: {self.unread} of {len(self.items)} verdicts "
                f"of the judge could not be read; another judge, or a longer verdict, is needed"
            )
        metric = self.benchmark.metric
        return {i.item: s for i in self.items if (s := i.metrics[metric]) is not None}


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


def sampling(benchmark: Benchmark, temperature: float, item: str, replicate: int) -> Sampling:
    """How an item is answered: the benchmark's settings, and a seed that is the item's own."""
    if benchmark.max_tokens is None:
        raise ValueError(f"benchmark {benchmark.name}: set max_tokens; no task says it")
    name = f"{benchmark.name}/{item}/{replicate}"
    return Sampling(
        benchmark.max_tokens,
        temperature=benchmark.temperature if benchmark.temperature is not None else temperature,
        top_p=benchmark.top_p if benchmark.top_p is not None else 1.0,
        stop=benchmark.stop or (),
        seed=int(hashlib.sha256(name.encode()).hexdigest()[:8], 16),
    )


def _alpaca_eval(*arguments: Any) -> JudgedResult:
    from evals.alpaca_eval import alpaca_eval

    return alpaca_eval(*arguments)


def _mt_bench(*arguments: Any) -> JudgedResult:
    from evals.mt_bench import mt_bench

    return mt_bench(*arguments)


JUDGED: Mapping[str, JudgedRun] = MappingProxyType(
    {"alpaca_eval": _alpaca_eval, "mt_bench": _mt_bench}
)
