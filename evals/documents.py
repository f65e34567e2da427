"""A benchmark's documents: the id of each, and which of them are scored."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from evals.items import group_labels, item_id, own_id
from evals.suite import Benchmark

if TYPE_CHECKING:
    from lm_eval.api.task import Task


def item_ids(benchmark: Benchmark, tasks: Mapping[str, Task]) -> dict[str, tuple[str, ...]]:
    """The id of every document, by the rule of `read_items`, so that scores and items meet.

    A document's own id counts where each has one and no two share it; else it is
    `<benchmark>/<position>`, with the subtask between the two in a group: the configuration of the
    dataset where the tasks differ by it, else the task's name.

    Args:
        benchmark: The benchmark.
        tasks: Its tasks, as `load_tasks` gives them.

    Returns:
        Task -> ids in the order of its documents.
    """
    docs = {name: task.eval_docs for name, task in tasks.items()}
    own = [own_id(doc) for rows in docs.values() for doc in rows]
    named = None not in own and len(set(own)) == len(own)
    labels = group_labels({name: task.config.dataset_name for name, task in tasks.items()})
    where = {
        name: f"{benchmark.name}/{labels[name]}" if len(docs) > 1 else benchmark.name
        for name in docs
    }
    return {
        name: tuple(item_id(where[name], i, doc if named else {}) for i, doc in enumerate(rows))
        for name, rows in docs.items()
    }


def sample_indices(benchmark: Benchmark, available: int) -> list[int]:
    """Which documents are scored: all, or a fixed sample of `limit`.

    Raises:
        ValueError: the task has another number of documents than the suite states.
    """
    if available != benchmark.items:
        raise ValueError(
            f"benchmark {benchmark.name}: {available} items found where its suite states "
            f"{benchmark.items}; another version of the data, or a wrong suite file"
        )
    if benchmark.limit is None or benchmark.limit >= available:
        return list(range(available))
    return sorted(random.Random(benchmark.name).sample(range(available), benchmark.limit))


def sampled_documents(benchmark: Benchmark, tasks: Mapping[str, Task]) -> dict[str, list[int]]:
    """Task -> which of its documents are scored; tasks of which none is are left out.

    Args:
        benchmark: The benchmark.
        tasks: Its tasks, as `load_tasks` gives them.

    Raises:
        ValueError: the tasks together have another number of documents than the suite states.
    """
    places = [(name, i) for name, task in tasks.items() for i in range(len(task.eval_docs))]
    chosen: dict[str, list[int]] = {}
    for index in sample_indices(benchmark, len(places)):
        name, position = places[index]
        chosen.setdefault(name, []).append(position)
    return chosen
