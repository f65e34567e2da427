"""lm-eval's tasks: how a benchmark's settings reach them, and what of them is scored."""

from __future__ import annotations

import functools
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evals.hub import require
from evals.stock_tasks import stock_settings, task_file
from evals.suite import Benchmark

if TYPE_CHECKING:
    from lm_eval.api.task import Task


def load_task(benchmark: Benchmark, hub: Path | None) -> Task:
    """A task with the benchmark's shots, response length and data source.

    Raises:
        ValueError: unknown task; its data cannot be had.
    """
    from lm_eval.tasks import TaskManager

    path = task_file(benchmark.task)
    stock = stock_settings(path)
    generation = dict(stock.get("generation_kwargs") or {})
    overrides: dict[str, Any] = {
        "include": str(path),
        "task": benchmark.task,
        "num_fewshot": benchmark.shots,
        "generation_kwargs": {**generation, "max_gen_toks": benchmark.max_tokens},
    }
    if stock.get("dataset_path"):
        overrides["dataset_path"] = require(stock["dataset_path"], hub)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{benchmark.task}.yaml"
        file.write_text(yaml.safe_dump(overrides), encoding="utf-8")
        loaded = TaskManager(include_defaults=False).load(str(file))
    task: Task = loaded["tasks"][benchmark.task]
    task.set_fewshot_seed(1234)
    return task


@contextmanager
def compiled_once() -> Iterator[None]:
    """Let lm-eval compile each Jinja template once, where it would compile one per document.

    Templates have no state, so the samples are the same; a task of 500 items takes half the time.
    """
    from lm_eval import utils

    compile_template = utils.env.from_string
    utils.env.from_string = functools.lru_cache(maxsize=1024)(compile_template)
    try:
        yield
    finally:
        utils.env.from_string = compile_template


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
