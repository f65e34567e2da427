"""A checkpoint and benchmarks -> per-item scores, through lm-eval's `evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.digest import text_digest
from evals.engines import Engine
from evals.items import ItemScore, item_id
from evals.lm_eval_tasks import compiled_once, load_task, sample_indices
from evals.suite import Benchmark

if TYPE_CHECKING:
    from lm_eval.api.task import Task

    from evals.lm import EngineLM


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """Per-item scores of one checkpoint, by benchmark; never only means."""

    scores: Mapping[str, tuple[ItemScore, ...]]

    def mean(self, benchmark: str) -> float:
        """Mean score in [0, 1] of a benchmark that has at least one item."""
        scores = self.scores[benchmark]
        return sum(s.score for s in scores) / len(scores)

    def truncated(self, benchmark: str) -> float:
        """Share of a benchmark's responses that ran into the length limit."""
        scores = self.scores[benchmark]
        return sum(s.finish == "length" for s in scores) / len(scores)


def run(engine: Engine, benchmarks: Sequence[Benchmark], *, hub: Path | None = None) -> SuiteResult:
    """Evaluate a model.

    Args:
        engine: The model.
        benchmarks: What to score, with settings.
        hub: Mirror folder that stands in for the Hub.

    Raises:
        ValueError: a task is unknown, its data is missing or of another size, or a benchmark
            scored other items than asked for.
    """
    from evals.lm import EngineLM

    lm = EngineLM(engine)
    scores: dict[str, tuple[ItemScore, ...]] = {}
    for chat in (True, False):
        group = [b for b in benchmarks if b.chat == chat]
        if group:
            scores.update(_run_group(lm, group, chat, hub))
    return SuiteResult({b.name: scores[b.name] for b in benchmarks})


def _run_group(
    lm: EngineLM, benchmarks: Sequence[Benchmark], chat: bool, hub: Path | None
) -> dict[str, tuple[ItemScore, ...]]:
    from lm_eval.evaluator import evaluate

    tasks = {b.task: load_task(b, hub) for b in benchmarks}
    if len(tasks) < len(benchmarks):
        raise ValueError("two benchmarks share a task; run them one at a time")
    for benchmark in benchmarks:
        _require_supported(benchmark, tasks[benchmark.task])
    indices = {b.task: sample_indices(b, len(list(tasks[b.task].eval_docs))) for b in benchmarks}
    with compiled_once():
        result = evaluate(
            lm,
            {"tasks": tasks, "groups": {}, "group_map": {}},
            samples=indices,
            bootstrap_iters=0,
            log_samples=True,
            apply_chat_template=chat,
            fewshot_as_multiturn=chat,
        )
    assert result is not None
    return {b.name: _scores(lm, b, result["samples"][b.task]) for b in benchmarks}


def _require_supported(benchmark: Benchmark, task: Task) -> None:
    """Refuse what would be scored wrongly: other outputs than text, and sampled responses."""
    if task.OUTPUT_TYPE != "generate_until":
        raise ValueError(
            f"benchmark {benchmark.name}: tasks of type {task.OUTPUT_TYPE} are not supported"
        )
    if task.config.generation_kwargs.get("do_sample"):
        raise ValueError(f"benchmark {benchmark.name}: sampled responses are not supported")


def _scores(
    lm: EngineLM, benchmark: Benchmark, samples: Sequence[Mapping[str, Any]]
) -> tuple[ItemScore, ...]:
    counted = [s for s in samples if s["filter"] == benchmark.filter]
    if len(counted) != benchmark.scored:
        filters = sorted({str(s["filter"]) for s in samples})
        raise ValueError(
            f"benchmark {benchmark.name}: {len(counted)} of {benchmark.scored} items were scored "
            f"with filter {benchmark.filter!r}; the task has the filters {filters}"
        )
    return tuple(_item_score(lm, benchmark, s) for s in counted)


def _item_score(lm: EngineLM, benchmark: Benchmark, sample: Mapping[str, Any]) -> ItemScore:
    if benchmark.metric not in sample:
        raise ValueError(
            f"benchmark {benchmark.name}: no metric {benchmark.metric!r}; "
            f"the task has {sorted(sample['metrics'])}"
        )
    prompt, settings = sample["arguments"][0][:2]
    generation = lm.generation(prompt, settings)
    extracted = sample["filtered_resps"][0]
    return ItemScore(
        benchmark=benchmark.name,
        item=item_id(benchmark.name, sample["doc_id"], sample["doc"]),
        replicate=0,
        score=float(sample[benchmark.metric]),
        prompt_digest=text_digest(prompt),
        response=generation.text,
        extracted=str(extracted) if extracted not in ("[invalid]", "") else None,
        finish=generation.finish,
        tokens=generation.tokens,
        cluster=_label(benchmark, "cluster", benchmark.cluster, sample["doc"]),
        stratum=_label(benchmark, "stratum", benchmark.stratum, sample["doc"]),
    )


def _label(
    benchmark: Benchmark, kind: str, field: str | None, doc: Mapping[str, Any]
) -> str | None:
    """What a document says of the cluster or stratum of its item."""
    if field is None:
        return None
    if doc.get(field) is None:
        raise ValueError(
            f"benchmark {benchmark.name}: {kind} is {field!r}, which a document lacks; "
            f"its fields are {', '.join(sorted(doc))}"
        )
    return str(doc[field])
