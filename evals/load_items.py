"""The items of a benchmark as plain text, for those who must know what a model will be shown."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from evals.documents import sample_indices
from evals.item_parts import ItemSource, column
from evals.item_sources import SOURCES
from evals.items import EvalItem, item_id
from evals.mini import BENCHMARKS, problems
from evals.read_items import read_group, read_items
from evals.stock_items import stock_source
from evals.stock_tasks import names_near, stock_tasks
from evals.suite import Benchmark, ItemsFrom, load_suite, suite_names


def asked_items(what: str, hub: Path | None = None) -> list[EvalItem]:
    """As `named_items`; of a suite's benchmark with a limit the sample that a run scores.

    Raises:
        ValueError: as `named_items`.
    """
    if not _is_suite(what):
        return named_items(what, hub)
    return [i for b in load_suite(what).benchmarks for i in _sampled(b, load_items(b, hub))]


def _sampled(benchmark: Benchmark, items: Sequence[EvalItem]) -> list[EvalItem]:
    return [items[i] for i in sample_indices(benchmark, len(items))]


def _is_suite(what: str) -> bool:
    return what in suite_names() or what.endswith((".yaml", ".yml"))


def named_items(what: str, hub: Path | None = None) -> list[EvalItem]:
    """Every item of a suite's benchmarks, of a benchmark, or of an lm-eval task.

    Args:
        what: A suite's name or `.yaml` file; a benchmark of `item_sources.SOURCES` or an embedded
            one; or a task, group or tag of lm-eval, whose tasks then are one benchmark each.
        hub: Mirror folder that stands in for the Hub.

    Raises:
        ValueError: unknown name, data that cannot be had, a missing column, or a task whose items
            only its own code can tell.
    """
    if _is_suite(what):
        return [i for b in load_suite(what).benchmarks for i in load_items(b, hub)]
    if what in BENCHMARKS:
        return _embedded(what, what)
    if what in SOURCES:
        return read_items(what, SOURCES[what], hub, unscored=True)
    return [item for name, s in _stock(what).items() for item in read_items(name, s, hub)]


def load_items(benchmark: Benchmark, hub: Path | None = None) -> list[EvalItem]:
    """Every item of a suite's benchmark, whether or not a run scores it.

    Args:
        benchmark: An embedded benchmark, one with `items_from`, or one whose task is known.
        hub: Mirror folder that stands in for the Hub.

    Raises:
        ValueError: as `named_items`; or the number of items is not the suite's.
    """
    name, task = benchmark.name, benchmark.task
    if task in BENCHMARKS:
        items = _embedded(name, task)
    else:
        given = benchmark.items_from
        items = read_group(name, {task: _given(given)} if given else item_sources(task), hub)
    if len(items) != benchmark.items:
        raise ValueError(
            f"benchmark {name}: {len(items)} items found where its suite states {benchmark.items}"
        )
    return items


def _embedded(name: str, task: str) -> list[EvalItem]:
    return [
        EvalItem(name, item_id(task, i, {}), p.prompt, p.reference)
        for i, p in enumerate(problems(task))
    ]


def _given(items_from: ItemsFrom) -> ItemSource:
    return ItemSource(
        dataset=items_from.path,
        configs=(items_from.config,),
        splits=(items_from.split,),
        prompt=column(items_from.prompt),
        answer=column(items_from.answer) if items_from.answer else None,
    )


def item_sources(task: str) -> dict[str, ItemSource]:
    """Where the items that a benchmark's task scores lie, by task: one, or a group's.

    Args:
        task: A benchmark of `item_sources.SOURCES`, or a task, group or tag of lm-eval.

    Raises:
        ValueError: unknown name, or a task whose items only its own code can tell.
    """
    return {task: SOURCES[task]} if task in SOURCES else _stock(task)


def _stock(name: str) -> dict[str, ItemSource]:
    tasks = stock_tasks(name)
    if not tasks:
        raise ValueError(_unknown(name))
    return {task: SOURCES.get(task) or stock_source(task, s) for task, s in tasks.items()}


def _unknown(name: str) -> str:
    known = {*suite_names(), *SOURCES, *BENCHMARKS}
    near = get_close_matches(name, known | names_near(name), n=3)
    if near:
        return f"unknown suite or task {name!r}; did you mean {' or '.join(map(repr, near))}?"
    firsts = {source.dataset: n for n, source in reversed(list(SOURCES.items()))}
    whole = sorted(firsts.values())
    return (
        f"unknown suite or task {name!r}; there are the suites {', '.join(suite_names())}, "
        f"the benchmarks {', '.join(whole)}, and the tasks of lm-eval"
    )
