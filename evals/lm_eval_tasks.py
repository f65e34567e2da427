"""lm-eval's tasks: how a benchmark's settings reach them, and how they cost little."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evals.generation_settings import length_limit
from evals.hub import prepared_in, require
from evals.stock_tasks import Settings, stock_settings, stock_tasks, task_file
from evals.suite import Benchmark

if TYPE_CHECKING:
    from lm_eval.api.task import Task

SPLITS = ("test_split", "validation_split", "training_split", "fewshot_split")
"""Where a task file names the splits of its data."""

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


def load_task(benchmark: Benchmark, hub: Path | None) -> Task:
    """The one task of a benchmark.

    Raises:
        ValueError: as `load_tasks`; or the benchmark is a group.
    """
    tasks = load_tasks(benchmark, hub)
    if len(tasks) > 1:
        raise ValueError(f"benchmark {benchmark.name}: {benchmark.task} is a group of tasks")
    return next(iter(tasks.values()))


def load_tasks(benchmark: Benchmark, hub: Path | None) -> dict[str, Task]:
    """The tasks of a benchmark, in a group's order, under the benchmark's settings.

    Args:
        benchmark: What the suite says; where it says nothing the task's own settings hold.
        hub: Mirror folder that stands in for the Hub.

    Raises:
        ValueError: unknown task, its data cannot be had, a Python package that it needs is not
            installed, or nobody says how long a response may be.
    """
    found = checked_settings(benchmark)
    with quiet():
        return {name: _load(name, settings, benchmark, hub) for name, settings in found.items()}


def checked_settings(benchmark: Benchmark) -> dict[str, Settings]:
    """Settings of a benchmark's tasks, read without lm-eval.

    Raises:
        ValueError: unknown task, or nobody says how long a response may be.
    """
    found = stock_tasks(benchmark.task)
    if not found:
        raise ValueError(
            f"unknown task {benchmark.task!r}: neither in evals/tasks nor among lm-eval's tasks"
        )
    for name, settings in found.items():
        generates = settings.get("output_type", "generate_until") == "generate_until"
        own = length_limit(settings.get("generation_kwargs") or {})
        if generates and benchmark.max_tokens is None and own is None:
            raise ValueError(
                f"benchmark {benchmark.name}: task {name} does not say how long a response may be, "
                f"and lm-eval would cut it at 256 tokens; set max_tokens in the suite"
            )
    return found


def _load(name: str, settings: Settings, benchmark: Benchmark, hub: Path | None) -> Task:
    from lm_eval.tasks import TaskManager

    path = task_file(name)
    own = stock_settings(path)
    overrides = {k: v for k, v in settings.items() if own.get(k) != v}
    overrides |= {"include": str(path), "task": name, "num_fewshot": benchmark.shots}
    if settings.get("output_type", "generate_until") == "generate_until":
        overrides["generation_kwargs"] = _generation(benchmark, settings)
    overrides |= _data(settings, hub)
    if benchmark.shots == 0:
        overrides |= _without_example_splits(settings)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.yaml"
        file.write_text(yaml.safe_dump(overrides), encoding="utf-8")
        try:
            task: Task = TaskManager(include_defaults=False).load(str(file))["tasks"][name]
        except ModuleNotFoundError as error:
            raise ValueError(_missing(name, error)) from error
        except KeyError as error:
            split = error.args[0]
            if split not in {settings.get(key) for key in SPLITS}:
                raise
            raise ValueError(
                f"task {name}: its data {overrides.get('dataset_path')} has no split {split!r}, "
                f"which the task scores or takes its few-shot examples from"
            ) from error
    return task


def _without_example_splits(settings: Settings) -> dict[str, None]:
    """Splits that only few-shot examples come from, and which a mirror may therefore lack."""
    scored = "test_split" if settings.get("test_split") else "validation_split"
    return {key: None for key in SPLITS if key != scored and settings.get(key)}


def _data(settings: Settings, hub: Path | None) -> dict[str, Any]:
    """Where a task's data is read from."""
    dataset = settings.get("dataset_path")
    if not dataset:
        return {}
    found: dict[str, Any] = {"dataset_path": require(dataset, hub)}
    cache = prepared_in(dataset, hub)
    if cache:
        found["dataset_kwargs"] = {**(settings.get("dataset_kwargs") or {}), "cache_dir": cache}
    return found


def _generation(benchmark: Benchmark, settings: Settings) -> dict[str, Any]:
    generation = dict(settings.get("generation_kwargs") or {})
    if benchmark.max_tokens is not None:
        generation["max_gen_toks"] = benchmark.max_tokens
    if benchmark.temperature is not None:
        generation |= {
            "temperature": benchmark.temperature,
            "do_sample": benchmark.temperature > 0,
        }
    if benchmark.top_p is not None:
        generation["top_p"] = benchmark.top_p
    return generation


def _missing(task: str, error: ModuleNotFoundError) -> str:
    package = (error.name or str(error)).split(".")[0]
    return (
        f"task {task} needs the Python package {package}, which is not installed; "
        f"pip install {EXTRAS.get(package, package)}"
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back the progress bars and remarks of lm-eval and `datasets`; errors still raise."""
    import logging

    import datasets

    logger = logging.getLogger("lm_eval")
    level, bars = logger.level, datasets.are_progress_bars_disabled()
    logger.setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        logger.setLevel(level)
        if not bars:
            datasets.enable_progress_bars()


@contextmanager
def cheaply() -> Iterator[None]:
    """Let lm-eval compile each Jinja template once, where it would compile one per document.

    Templates have no state, so the samples are the same; a task of 500 items takes half the time.
    Its progress bar over the documents is left out too.
    """
    from lm_eval import utils
    from lm_eval.api import task

    compile_template, bar = utils.env.from_string, task.tqdm
    utils.env.from_string = functools.lru_cache(maxsize=1024)(compile_template)
    task.tqdm = _no_bar
    try:
        yield
    finally:
        utils.env.from_string, task.tqdm = compile_template, bar


def _no_bar(documents: Iterable[Any], **_settings: object) -> Iterable[Any]:
    return documents


@contextmanager
def recorded_examples(tasks: Mapping[str, tuple[Task, dict[int, Any]]]) -> Iterator[None]:
    """Have tasks note which documents they show as few-shot examples.

    Args:
        tasks: Name -> a task and where its examples are noted, by identity.
    """
    samplers = [(t.sampler, shown) for t, shown in tasks.values() if hasattr(t, "sampler")]
    for sampler, shown in samplers:
        sampler.sample = _noting(sampler.sample, shown)
    try:
        yield
    finally:
        for sampler, _ in samplers:
            del sampler.sample


def _noting(draw: Callable[..., Any], shown: dict[int, Any]) -> Callable[..., Any]:
    def noted(*args: Any, **kwargs: Any) -> Any:
        examples = list(draw(*args, **kwargs))
        shown.update((id(example), example) for example in examples)
        return examples

    return noted
