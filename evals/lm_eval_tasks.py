"""lm-eval's tasks: how a benchmark's settings reach them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evals.generation_settings import length_limit
from evals.hub import datasets_cache, require
from evals.item_sources import SOURCES
from evals.lm_eval_patches import quiet
from evals.null_columns import MGSM
from evals.offline_tasks import confirm_confined, offline
from evals.read_documents import read_once
from evals.stock_tasks import Function, Settings, stock_settings, stock_tasks, task_file
from evals.suite import Benchmark

if TYPE_CHECKING:
    from lm_eval.api.task import Task

EXTRAS: Mapping[str, str] = {
    "math_verify": "math-verify",
    "antlr4": "antlr4-python3-runtime==4.11.0",
    "latex2sympy2_extended": "math-verify",
    "sympy": "sympy",
    "langdetect": "langdetect",
    "immutabledict": "immutabledict",
    "nltk": "nltk",
    "emoji": "emoji",
    "sacrebleu": "sacrebleu",
    "rouge_score": "rouge-score",
}
"""Python packages that some tasks need -> what pip calls them."""


SPLITS = ("training_split", "validation_split", "test_split", "fewshot_split")


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
        ValueError: unknown task, its data cannot be had, a Python package that it needs is not
            installed, or nobody says how long a response may be.
    """
    from lm_eval.tasks import TaskManager

    members = checked_settings(benchmark)
    tasks: dict[str, Task] = {}
    with tempfile.TemporaryDirectory() as folder, quiet():
        manager = TaskManager(include_defaults=False)
        for name, settings in members.items():
            file = Path(folder) / f"{name}.yaml"
            overrides = _overrides(benchmark, name, settings, hub)
            file.write_text(yaml.dump(overrides, Dumper=_Dumper), encoding="utf-8")
            try:
                with offline(settings):
                    task = manager.load(str(file))["tasks"][name]
            except ModuleNotFoundError as error:
                raise ValueError(_missing(name, error)) from error
            except KeyError as error:
                split = error.args[0]
                if split not in {settings.get(key) for key in SPLITS}:
                    raise
                at = overrides.get("dataset_path")
                raise ValueError(_no_split(name, split, settings, at, benchmark.shots)) from error
            confirm_confined(task)
            task.set_fewshot_seed(benchmark.fewshot_seed)
            read_once(task)
            tasks[name] = task
    return tasks


def checked_settings(benchmark: Benchmark) -> dict[str, Settings]:
    """Settings of a benchmark's tasks, read without lm-eval.

    Raises:
        ValueError: unknown task, or nobody says how long a response may be.
    """
    found = task_members(benchmark.task)
    for name, settings in found.items():
        generates = settings.get("output_type", "generate_until") == "generate_until"
        own = length_limit(settings.get("generation_kwargs") or {})
        if generates and benchmark.max_tokens is None and own is None:
            raise ValueError(
                f"benchmark {benchmark.name}: task {name} does not say how long a response may be, "
                f"and lm-eval would cut it at 256 tokens; set max_tokens in the suite"
            )
    return found


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
    generation = dict(settings.get("generation_kwargs") or {})
    if benchmark.max_tokens is not None:
        generation["max_gen_toks"] = benchmark.max_tokens
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


def _no_split(task: str, split: str, settings: Settings, at: object, shots: int) -> str:
    scored = settings.get("test_split") or settings.get("validation_split")
    use = (
        "which the task scores"
        if split == scored
        else f"which the task's {shots} few-shot examples are from; add it to the data, or run a "
        f"suite's benchmark that takes none from there (`python -m evals list`)"
    )
    return f"task {task}: its data {at} has no split {split!r}, {use}"


def _missing(task: str, error: ModuleNotFoundError) -> str:
    package = (error.name or str(error)).split(".")[0]
    return (
        f"task {task} needs the Python package {package}, which is not installed; "
        f"pip install {EXTRAS.get(package, package)}"
    )
