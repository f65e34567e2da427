"""The items of a benchmark as plain text, for those who must know what a model will be shown."""

from __future__ import annotations

from pathlib import Path

from evals.hub import require
from evals.items import EvalItem
from evals.mini import BENCHMARKS, problems
from evals.suite import Benchmark, ItemsFrom


def load_items(benchmark: Benchmark, hub: Path | None = None) -> list[EvalItem]:
    """Every item of a benchmark, whether or not a run scores it.

    Args:
        benchmark: An embedded benchmark, or one with `items_from`.
        hub: Mirror folder that stands in for the Hub.

    Raises:
        ValueError: the benchmark does not say where its items lie, its data cannot be had, a
            column is missing, or the number of items is not the suite's.
    """
    if benchmark.task in BENCHMARKS:
        items = _embedded(benchmark)
    elif benchmark.items_from:
        items = _from_hub(benchmark, benchmark.items_from, hub)
    else:
        raise ValueError(
            f"benchmark {benchmark.name}: add items_from (path, split, prompt column) to its "
            f"suite, so that training data can be checked against it"
        )
    if len(items) != benchmark.items:
        raise ValueError(
            f"benchmark {benchmark.name}: {len(items)} items found where its suite states "
            f"{benchmark.items}"
        )
    return items


def _embedded(benchmark: Benchmark) -> list[EvalItem]:
    return [
        EvalItem(benchmark.name, f"{benchmark.task}/{i}", p.prompt, p.reference)
        for i, p in enumerate(problems(benchmark.task))
    ]


def _from_hub(benchmark: Benchmark, source: ItemsFrom, hub: Path | None) -> list[EvalItem]:
    from datasets import load_dataset

    data = load_dataset(require(source.path, hub), source.config, split=source.split)
    for column in filter(None, (source.prompt, source.answer)):
        if column not in data.column_names:
            raise ValueError(
                f"benchmark {benchmark.name}: {source.path} has no column {column!r}; "
                f"it has {', '.join(data.column_names)}"
            )
    return [
        EvalItem(
            benchmark.name,
            f"{benchmark.name}/{i}",
            str(row[source.prompt]),
            str(row[source.answer]) if source.answer else None,
        )
        for i, row in enumerate(data)
    ]
