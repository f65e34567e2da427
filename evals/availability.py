"""Whether a benchmark's data can be had, found out without fetching or loading anything."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from evals.hub import mirrored
from evals.item_sources import SOURCES
from evals.judged import JUDGED
from evals.mini.benchmarks import BENCHMARKS
from evals.stock_tasks import stock_tasks
from evals.suite import Benchmark

Availability = Literal["embedded", "mirror", "hub", "missing"]


def availability(benchmark: Benchmark, hub: Path | None) -> tuple[Availability, str]:
    """Where a benchmark's data is, and why it cannot be had.

    Args:
        benchmark: A suite's.
        hub: Mirror folder that stands in for the Hub.

    Returns:
        `embedded` (in this package), `mirror` (in the folder), `hub` (it would be fetched), or
        `missing` with the reason, which is empty otherwise.
    """
    if benchmark.task in BENCHMARKS:
        return "embedded", ""
    if benchmark.task in JUDGED:
        datasets = {SOURCES[benchmark.task].dataset}
    else:
        tasks = stock_tasks(benchmark.task)
        if not tasks:
            known = importlib.util.find_spec("lm_eval") is not None
            return "missing", f"no task {benchmark.task}" if known else "lm-eval is not installed"
        datasets = {d for settings in tasks.values() if (d := _dataset(settings))}
    away = sorted(d for d in datasets if mirrored(d, hub) is None)
    if not away:
        return ("mirror" if datasets else "embedded"), ""
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        where = f"not in {hub}" if hub else "no mirror is given"
        return "missing", f"{', '.join(away)}: {where}, and the Hub is off (HF_HUB_OFFLINE=1)"
    return "hub", ""


def _dataset(settings: Mapping[str, Any]) -> str | None:
    """The Hub dataset of a task; None where its data comes from files."""
    dataset = settings.get("dataset_path")
    if not isinstance(dataset, str):
        return None
    return dataset if "/" in dataset or not (settings.get("dataset_kwargs") or {}) else None
