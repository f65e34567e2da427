"""Which names stand for held-out data, however they are spelled and whatever their settings."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from evals.stock_tasks import stock_tasks
from evals.suite import Suite, load_suite, suite_names

_SAME_ITEMS = {"hails/agieval-sat-en-without-passage": "hails/agieval-sat-en"}


def held_out_suite(name: str) -> Suite | None:
    """The shipped held-out suite on whose data a task, group or tag is scored, if there is one.

    A group with one such task counts as held out whole: its scores stand in one folder.

    Args:
        name: A task, group or tag, ours or lm-eval's; an unknown name is of no suite.

    Raises:
        ValueError: a group names a task that does not exist.
    """
    suites = _suites()
    return next((suites[data] for data in _data(name) if data in suites), None)


def tier_kept(file: Path, suite: Suite) -> Suite:
    """The suite of a file, unless it makes development data of what is held out.

    Raises:
        ValueError: a development suite has a benchmark that is scored on held-out data.
    """
    for benchmark in suite.benchmarks if suite.tier == "development" else ():
        held = held_out_suite(benchmark.task)
        if held is not None:
            raise ValueError(
                f"{file}: benchmark {benchmark.name!r} is scored on data of {held.name}, which is "
                f"held out; list it in a suite whose tier is held-out"
            )
    return suite


@functools.cache
def _suites() -> Mapping[str, Suite]:
    """Data -> the held-out suite that is scored on it."""
    shipped = [load_suite(name) for name in suite_names()]
    return MappingProxyType(
        {
            data: suite
            for suite in shipped
            if suite.tier == "held-out"
            for benchmark in suite.benchmarks
            for data in _data(benchmark.task)
        }
    )


def _data(name: str) -> list[str]:
    """The datasets of a name's tasks; a task with embedded data is known by its own name."""
    tasks = stock_tasks(name)
    found = [str(settings.get("dataset_path") or task) for task, settings in tasks.items()]
    return [_SAME_ITEMS.get(data, data) for data in found]
