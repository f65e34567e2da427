"""A checkpoint and benchmarks -> per-item scores, through lm-eval's `evaluate`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.cache import CachedEngine, MemoryRows, Rows
from evals.engines import Engine
from evals.item_scores import Sample, is_number, item_score
from evals.items import ItemScore
from evals.prepared import Part, Prepared, prepare, question_digest
from evals.progress import Progress, Silent
from evals.suite import Benchmark

if TYPE_CHECKING:
    from evals.lm import EngineLM

Examples = dict[int, Mapping[str, Any]]
"""Documents shown as few-shot examples, by identity."""


@dataclass(frozen=True, slots=True)
class BenchmarkRun:
    """How one benchmark ran."""

    scores: tuple[ItemScore, ...]
    """One for each item, filter and replicate."""
    seconds: float
    generated: int
    """Rows that the engine was asked for."""
    cached: int
    """Rows that were at hand."""
    overall: Mapping[tuple[str, str], float]
    """(metric, filter) -> what lm-eval makes of the first replicate of all items."""
    shown: frozenset[str]
    """Digests of test items that were shown as few-shot examples."""


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """Per-item scores of one checkpoint, by benchmark; never only means."""

    runs: Mapping[str, BenchmarkRun]

    def scores(self, benchmark: Benchmark) -> tuple[ItemScore, ...]:
        """The scores that count: those of the benchmark's filter."""
        rows = self.runs[benchmark.name].scores
        return tuple(s for s in rows if s.filter == benchmark.filter)

    def mean(self, benchmark: Benchmark) -> float:
        """Mean score of the items of a benchmark, each the mean of its replicates."""
        scores = self.scores(benchmark)
        return sum(s.score for s in scores) / len(scores)

    def truncated(self, benchmark: Benchmark) -> float:
        """Share of a benchmark's responses that ran into the length limit."""
        scores = self.scores(benchmark)
        return sum(s.finish == "length" for s in scores) / len(scores)


def run(
    engine: Engine,
    benchmarks: Sequence[Benchmark],
    *,
    hub: Path | None = None,
    cache: Rows | None = None,
    progress: Progress | None = None,
) -> SuiteResult:
    """Evaluate a model.

    Args:
        engine: The model.
        benchmarks: What to score, with settings.
        hub: Mirror folder that stands in for the Hub.
        cache: What is known is taken from here, and each row put here as it finishes.  None keeps
            rows in memory.
        progress: Told of each row.

    Raises:
        ValueError: a task is unknown, its data is missing or of another size, or a benchmark
            scored other items than asked for.
    """
    return run_prepared(engine, [prepare(b, hub) for b in benchmarks], cache, progress)


def run_prepared(
    engine: Engine,
    prepared: Sequence[Prepared],
    cache: Rows | None = None,
    progress: Progress | None = None,
) -> SuiteResult:
    """As `run`, of benchmarks that are loaded already."""
    names = [p.benchmark.name for p in prepared]
    if len(set(names)) < len(names):
        raise ValueError("two benchmarks have the same name")
    cached = CachedEngine(engine, MemoryRows() if cache is None else cache)
    shown = progress or Silent()
    return SuiteResult({p.benchmark.name: _run(cached, p, shown) for p in prepared})


def _run(engine: CachedEngine, prepared: Prepared, progress: Progress) -> BenchmarkRun:
    from evals.lm import EngineLM

    benchmark = prepared.benchmark
    before, started = len(engine.generated), time.perf_counter()
    scores: list[ItemScore] = []
    overall: dict[tuple[str, str], float] = {}
    with progress.benchmark(benchmark.name) as on_row:
        lm = EngineLM(engine, replicates=benchmark.replicates, on_row=on_row)
        examples: dict[str, Examples] = {name: {} for name in prepared.parts}
        for lm.replicate in range(benchmark.replicates):
            results = _evaluate(lm, prepared, examples)
            for name, part in prepared.parts.items():
                samples = results["samples"][name]
                _require_counted(benchmark, part, samples)
                scores += [item_score(lm, prepared, name, s) for s in samples]
            if lm.replicate == 0:
                overall = _overall(prepared, results["results"])
    rows = len(lm.generations) + len(lm.likelihoods)
    generated = len(engine.generated) - before
    return BenchmarkRun(
        tuple(scores),
        time.perf_counter() - started,
        generated,
        rows - generated,
        overall,
        _shown(prepared, examples),
    )


def _evaluate(
    lm: EngineLM, prepared: Prepared, examples: Mapping[str, Examples]
) -> Mapping[str, Any]:
    from lm_eval.evaluator import evaluate

    from evals.lm_eval_patches import cheaply, quiet, recorded_examples

    benchmark, parts = prepared.benchmark, prepared.parts
    for part in parts.values():
        part.task.set_fewshot_seed(benchmark.fewshot_seed)
    # lm-eval looks each document up in the list of those to score: leave it out where all are.
    some = {n: list(p.scored) for n, p in parts.items() if len(p.scored) < len(p.documents)}
    with quiet(), cheaply(), recorded_examples({n: (parts[n].task, examples[n]) for n in parts}):
        results = evaluate(
            lm,
            {"tasks": {n: p.task for n, p in parts.items()}, "groups": {}, "group_map": {}},
            samples=some or None,
            bootstrap_iters=0,
            log_samples=True,
            apply_chat_template=benchmark.chat,
            fewshot_as_multiturn=benchmark.chat and benchmark.multiturn,
        )
    assert results is not None
    found: Mapping[str, Any] = results
    return found


def _require_counted(benchmark: Benchmark, part: Part, samples: Sequence[Sample]) -> None:
    counted = [s for s in samples if s["filter"] == benchmark.filter]
    if len(counted) != len(part.scored):
        filters = sorted({str(s["filter"]) for s in samples})
        raise ValueError(
            f"benchmark {benchmark.name}: {len(counted)} of {len(part.scored)} items were scored "
            f"with filter {benchmark.filter!r}; the task has the filters {filters}"
        )
    if benchmark.metric not in counted[0]:
        raise ValueError(
            f"benchmark {benchmark.name}: no metric {benchmark.metric!r}; "
            f"the task has {sorted(counted[0]['metrics'])}"
        )


def _overall(
    prepared: Prepared, results: Mapping[str, Mapping[str, Any]]
) -> dict[tuple[str, str], float]:
    """lm-eval's own numbers; for a group there is none, its tasks are pooled."""
    if len(prepared.parts) > 1:
        return {}
    found: dict[tuple[str, str], float] = {}
    for name, value in results[next(iter(prepared.parts))].items():
        metric, _, filter_name = name.partition(",")
        if filter_name and not metric.endswith("_stderr") and is_number(value):
            found[metric, filter_name] = float(value)
    return found


def _shown(prepared: Prepared, examples: Mapping[str, Examples]) -> frozenset[str]:
    """Test items among the few-shot examples, by the text of their questions."""
    from evals.lm_eval_patches import cheaply

    found: set[str] = set()
    with cheaply():
        for name, part in prepared.parts.items():
            digests = {question_digest(part.task, example) for example in examples[name].values()}
            if digests:
                found |= digests & {question_digest(part.task, d) for d in part.documents}
    return frozenset(found)
