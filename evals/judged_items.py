"""Responses that a judge has scored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evals.engines import Generation, Sampling
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
