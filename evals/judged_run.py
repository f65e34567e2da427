"""Judged benchmarks as runs: the model is asked, then the judge, and each item gets its score."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from evals.cache import CachedEngine, Rows
from evals.digest import text_digest
from evals.engines import Engine
from evals.items import ItemScore
from evals.judged import run_judged
from evals.judged_items import JudgedItem
from evals.prepared import Prepared
from evals.run import BenchmarkRun
from evals.suite import Benchmark


def judged(benchmark: Benchmark, judge: str) -> Prepared:
    """A judged benchmark as one that is ready to run; it has no task of lm-eval's."""
    return Prepared(benchmark, {}, f"{benchmark.name}: the verdicts are those of {judge}")


def run_with_judge(
    benchmarks: Sequence[Benchmark], engine: Engine, judge: Engine, cache: Rows, hub: Path | None
) -> dict[str, BenchmarkRun]:
    """Run judged benchmarks.

    Args:
        benchmarks: Those whose task is in `JUDGED`.
        engine: The model that is measured.
        judge: The model that judges.
        cache: Keeps the answers of both.
        hub: Mirror folder that stands in for the Hub.

    Raises:
        ValueError: as `run_judged`; or a verdict cannot be read: a mean over the others would be
            another benchmark.
    """
    return {
        b.name: _run(b, CachedEngine(engine, cache), CachedEngine(judge, cache), hub)
        for b in benchmarks
    }


def _run(
    benchmark: Benchmark, engine: CachedEngine, judge: CachedEngine, hub: Path | None
) -> BenchmarkRun:
    started = time.perf_counter()
    scores: list[ItemScore] = []
    for replicate in range(benchmark.replicates):
        result = run_judged(benchmark, engine, judge, hub, replicate)
        result.scores()  # raises where a verdict could not be read
        scores += [_score(benchmark, item, replicate) for item in result.items]
    generated = len(engine.generated)
    return BenchmarkRun(
        scores=tuple(scores),
        seconds=time.perf_counter() - started,
        generated=generated,
        cached=len(scores) - generated,
        overall={},
        shown=frozenset(),
    )


def _score(benchmark: Benchmark, item: JudgedItem, replicate: int) -> ItemScore:
    metrics = {name: value for name, value in item.metrics.items() if value is not None}
    document = json.dumps(item.document, sort_keys=True, ensure_ascii=False, default=str)
    return ItemScore(
        benchmark=benchmark.name,
        item=item.item,
        replicate=replicate,
        filter=benchmark.filter,
        document_digest=text_digest(document),
        prompt_digest=text_digest(item.prompt),
        prompt=item.prompt,
        response=item.generation.text,
        extracted=item.verdict,
        score=metrics[benchmark.metric],
        metrics=metrics,
        finish=item.generation.finish,
        tokens=item.generation.tokens,
        prompt_tokens=item.generation.prompt_tokens,
        cluster=str(item.document[benchmark.cluster]) if benchmark.cluster else None,
        stratum=str(item.document[benchmark.stratum]) if benchmark.stratum else None,
    )
