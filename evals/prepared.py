"""A benchmark ready to run: its tasks loaded, its items known, its settings checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.digest import text_digest
from evals.documents import item_ids, sampled_documents
from evals.generation_settings import LM_EVALS_LENGTH, length_limit, sampling_of
from evals.lm_eval_tasks import load_tasks, task_members
from evals.stock_tasks import Settings, stock_tasks
from evals.suite import BY_TASK, Benchmark

if TYPE_CHECKING:
    from lm_eval.api.task import Task


@dataclass(frozen=True, slots=True)
class Part:
    """One task of a benchmark."""

    task: Task
    documents: Sequence[Mapping[str, Any]]
    """Every document of the split that is scored."""
    items: tuple[str, ...]
    """The id of each."""
    scored: tuple[int, ...]
    """Positions of the documents that a run scores."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A benchmark and its tasks."""

    benchmark: Benchmark
    parts: Mapping[str, Part]
    """Task -> what is scored of it; one, or those of a group."""
    note: str = ""
    """What a reader of the scores should know."""

    @property
    def rows(self) -> int:
        """Responses that a run needs; where texts are scored, the items."""
        return sum(
            len(p.scored) * self.benchmark.replicates * int(p.task.config.repeats)
            for p in self.parts.values()
        )


def prepare(benchmark: Benchmark, hub: Path | None) -> Prepared:
    """Load a benchmark and check all that can be checked without a model.

    Args:
        benchmark: A suite's.
        hub: Mirror folder that stands in for the Hub.

    Raises:
        ValueError: as `load_tasks`; the number of items is not the suite's; the task is of a kind
            or has settings that are not supported; a column named by the suite is missing.
    """
    return _prepared(benchmark, load_tasks(benchmark, hub))


def prepare_stock(
    name: str,
    hub: Path | None,
    *,
    chat: bool = False,
    limit: int | None = None,
    max_tokens: int | None = None,
) -> list[Prepared]:
    """The tasks that a name of lm-eval stands for, each with its own settings.

    Args:
        name: A task, group or tag.
        hub: Mirror folder that stands in for the Hub.
        chat: Apply the model's chat template, few-shot examples as turns of the conversation.
        limit: Score a fixed sample of this many items of each task.
        max_tokens: Longest response, in tokens; None is the task's own limit, and where it has
            none the 256 that lm-eval falls back to.

    Returns:
        One benchmark for each task; none for an unknown name.

    Raises:
        ValueError: as `prepare`.
    """
    members = task_members(name) if stock_tasks(name) else {}
    return [
        _stock(task, settings, hub, Benchmark(
            name=task, task=task, items=0, skill=name, shots=int(settings.get("num_fewshot") or 0),
            chat=chat, limit=limit, max_tokens=max_tokens, max_truncated=1.0, max_empty=1.0,
        ))
        for task, settings in members.items()
    ]  # fmt: skip


def _stock(name: str, settings: Settings, hub: Path | None, benchmark: Benchmark) -> Prepared:
    note = ""
    own = length_limit(settings.get("generation_kwargs") or {})
    generates = settings.get("output_type", "generate_until") == "generate_until"
    if generates and own is None and benchmark.max_tokens is None:
        benchmark = replace(benchmark, max_tokens=LM_EVALS_LENGTH)
        note = f"{name} names no longest response: cut at lm-eval's {LM_EVALS_LENGTH} tokens"
    tasks = load_tasks(benchmark, hub)
    (task,) = tasks.values()
    benchmark = replace(
        benchmark,
        items=len(task.eval_docs),
        metric=_first_metric(task),
        filter=str(task._filters[0].name),
    )
    return replace(_prepared(benchmark, tasks), note=note)


def _first_metric(task: Task) -> str:
    """The name that the task's first metric has in its samples."""
    name = next(iter(task.aggregation()))
    of_code = (task._metric_fn_kwargs.get(name) or {}).get("k")
    return f"pass@{of_code[0]}" if of_code else str(name)


def _prepared(benchmark: Benchmark, tasks: Mapping[str, Task]) -> Prepared:
    for task in tasks.values():
        _require_supported(benchmark, task)
        _require_columns(benchmark, task.eval_docs[0])
    chosen, ids = sampled_documents(benchmark, tasks), item_ids(benchmark, tasks)
    parts = {
        name: Part(tasks[name], tasks[name].eval_docs, ids[name], tuple(positions))
        for name, positions in chosen.items()
    }
    return Prepared(benchmark, parts)


def _require_columns(benchmark: Benchmark, document: Mapping[str, Any]) -> None:
    for column in (benchmark.cluster, benchmark.stratum):
        if column not in (None, BY_TASK) and column not in document:
            raise ValueError(
                f"benchmark {benchmark.name}: its documents have no column {column!r}; "
                f"they have {', '.join(document)}"
            )


def _require_supported(benchmark: Benchmark, task: Task) -> None:
    """Refuse what would be scored wrongly, or not safely."""
    where = f"benchmark {benchmark.name}"
    if task.OUTPUT_TYPE == "loglikelihood_rolling":
        raise ValueError(f"{where}: tasks of type {task.OUTPUT_TYPE} are not supported")
    if getattr(task, "UNSAFE_CODE", False):
        raise ValueError(
            f"{where}: its task runs code that the model wrote inside this process; "
            f"only tasks that score in the sandbox are supported"
        )
    if task.OUTPUT_TYPE != "generate_until":
        if benchmark.replicates > 1:
            raise ValueError(f"{where}: likelihoods do not vary; set replicates: 1")
        return
    try:
        sampling = sampling_of(task.config.generation_kwargs)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    if benchmark.replicates > 1 and sampling.temperature == 0:
        raise ValueError(f"{where}: greedy replicates are all alike; set a temperature")
    if benchmark.replicates > 1 and task.config.repeats > 1:
        raise ValueError(
            f"{where}: its task repeats each request {task.config.repeats} times itself; "
            f"set replicates: 1"
        )


def question_digest(task: Task, document: Mapping[str, Any]) -> str:
    """Digest of a document's question, which tells few-shot examples among test items."""
    text = task.doc_to_text(document)
    return text_digest(text if isinstance(text, str) else json.dumps(document, default=str))
