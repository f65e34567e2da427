"""lm-eval's tasks: how a benchmark's settings reach them, and what of them is scored."""

from __future__ import annotations

import functools
import random
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evals.hub import datasets_cache, require
from evals.item_sources import SOURCES
from evals.items import group_labels, item_id, own_id
from evals.null_columns import MGSM
from evals.offline_tasks import confirm_confined, offline
from evals.stock_tasks import Function, Settings, stock_settings, stock_tasks, task_file
from evals.suite import Benchmark

if TYPE_CHECKING:
    from lm_eval.api.task import Task

FEWSHOT_SEED = 1234


def load_task(benchmark: Benchmark, hub: Path | None) -> Task:
    """The task of a benchmark that is one task.

    Raises:
        ValueError: as `load_tasks`; or the benchmark is a group of several tasks.
    """
    tasks = load_tasks(benchmark, hub)
    if len(tasks) > 1:
        raise ValueError(f"benchmark {benchmark.name}: {benchmark.task} is {len(tasks)} tasks")
    return next(iter(tasks.values()))


def load_tasks(benchmark: Benchmark, hub: Path | None) -> dict[str, Task]:
    """The tasks of a benchmark with its shots, generation settings and data source.

    Args:
        benchmark: One whose `task` is a task, a group or a tag, ours or lm-eval's.
        hub: Mirror folder that stands in for the Hub.

    Returns:
        Name -> task, in the group's order; one for a plain task.

    Raises:
        ValueError: unknown task; its data cannot be had.
    """
    from lm_eval.tasks import TaskManager

    members = task_members(benchmark.task)
    tasks: dict[str, Task] = {}
    with tempfile.TemporaryDirectory() as folder:
        manager = TaskManager(include_defaults=False)
        for name, settings in members.items():
            file = Path(folder) / f"{name}.yaml"
            overrides = _overrides(benchmark, name, settings, hub)
            file.write_text(yaml.dump(overrides, Dumper=_Dumper), encoding="utf-8")
            with offline(settings):
                task = manager.load(str(file))["tasks"][name]
            confirm_confined(task)
            task.set_fewshot_seed(FEWSHOT_SEED)
            tasks[name] = task
    return tasks


def task_members(name: str) -> dict[str, Settings]:
    """The tasks that a benchmark's task stands for, with their settings.

    A tag of lm-eval may gather other data (Galician MGSM) and second versions (Spanish MGSM);
    where the benchmark is known by its dataset, the first task of each configuration counts.

    Raises:
        ValueError: unknown name.
    """
    members = stock_tasks(name)
    if not members:
        raise ValueError(f"unknown task {name!r}: neither in evals/tasks nor among lm-eval's tasks")
    known = SOURCES.get(name)
    if known is None or 1 in (len(known.configs), len(members)):
        return members
    first: dict[str | None, tuple[str, Settings]] = {}
    for member, settings in members.items():
        if settings.get("dataset_path") == known.dataset:
            first.setdefault(settings.get("dataset_name"), (member, settings))
    return {first[config][0]: first[config][1] for config in known.configs if config in first}


def _overrides(
    benchmark: Benchmark, name: str, settings: Settings, hub: Path | None
) -> dict[str, Any]:
    path = task_file(name)
    own = stock_settings(path)
    # What the group that lists a task changes of it.
    overrides = {k: v for k, v in settings.items() if k not in own or own[k] != v}
    overrides |= {"include": str(path), "task": name, "num_fewshot": benchmark.shots}
    if not benchmark.shots:
        overrides |= _without_shots(settings)
    if settings.get("output_type", "generate_until") == "generate_until":
        overrides["generation_kwargs"] = _generation(benchmark, settings)
    dataset = settings.get("dataset_path")
    if dataset:
        overrides |= _data(dataset, settings, hub)
    if dataset == MGSM:
        overrides["process_docs"] = Function("evals.null_columns.with_mgsm_answer")
    return overrides


def _data(dataset: str, settings: Settings, hub: Path | None) -> dict[str, Any]:
    """Where a task's data comes from; code of ours that loads it is told by argument."""
    at, cache = require(dataset, hub), datasets_cache(dataset, hub)
    kwargs = settings.get("dataset_kwargs") or {}
    if settings.get("custom_dataset"):
        return {"dataset_kwargs": {**kwargs, "dataset": dataset, "hub": str(hub) if hub else None}}
    kwargs = {**kwargs, **({"cache_dir": cache} if cache else {})}
    return {"dataset_path": at, **({"dataset_kwargs": kwargs} if kwargs else {})}


class _Dumper(yaml.SafeDumper):
    """Safe YAML in which a `Function` is code again."""


_Dumper.add_representer(Function, lambda dumper, name: dumper.represent_scalar("!function", name))


def _without_shots(settings: Settings) -> dict[str, Any]:
    """Splits that only shots are drawn from need not be there when there are none."""
    scored = settings.get("test_split") or settings.get("validation_split")
    unused = ("training_split", "validation_split", "fewshot_split")
    kept = {s for s in ("test_split", "validation_split") if settings.get(s) == scored}
    return {s: None for s in unused if settings.get(s) and s not in kept} | (
        {"fewshot_config": None} if settings.get("fewshot_config") else {}
    )


def _generation(benchmark: Benchmark, settings: Settings) -> dict[str, Any]:
    """A task's generation settings with the benchmark's own put over them."""
    generation = {
        **(settings.get("generation_kwargs") or {}),
        "max_gen_toks": benchmark.max_tokens,
    }
    if benchmark.temperature is not None:
        generation |= {
            "do_sample": benchmark.temperature > 0,
            "temperature": float(benchmark.temperature),
        }
    if benchmark.top_p is not None:
        generation["top_p"] = float(benchmark.top_p)
    if benchmark.stop is not None:
        generation["until"] = list(benchmark.stop)
    return generation


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
    docs = {name: list(task.eval_docs) for name, task in tasks.items()}
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
