"""Everything that can be checked before the first stage starts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from evals.hub import require
from evals.lm_eval_tasks import checked_settings
from evals.load_items import item_sources
from evals.mini import BENCHMARKS
from evals.suite import Benchmark, Suite
from harness.contents import source_files
from harness.job import load_stages
from harness.plan import Plan
from harness.planner import checked_against
from harness.resolve import resolve_keys
from harness.store import Store
from harness.sweep import Mix, SourceSpec, Sweep
from recipe.tiny.names import SOURCE_ROWS


def preflight(
    sweep: Sweep, suites: Mapping[str, Suite], plan: Plan, store: Store, hub: Path | None
) -> None:
    """Refuse a sweep that would fail half-way.

    Local files are read to their end, unless their rows are published already.

    Args:
        sweep: What was asked.
        suites: Role -> suite.
        plan: Its stages.
        store: Where results go.
        hub: Mirror folder that stands in for the Hub.

    Raises:
        ValueError: results cannot be written; a task is unknown; a benchmark's items or a source
            cannot be had; a row does not have the shape that is asked for; a mix asks for more
            rows than there are.
    """
    _writable(store.root)
    if hub is not None and not hub.is_dir():
        raise ValueError(f"--hub {hub} is not a folder")
    for suite in suites.values():
        for benchmark in suite.benchmarks:
            checked_settings(benchmark)
    for benchmark in checked_against(sweep, suites):
        _items(benchmark, hub)
    published = _published(plan, store)
    sizes = {n: published.get(n) or _size(s, hub) for n, s in sweep.sources.items()}
    for mix in sweep.mixes.values():
        _rows(mix, sizes)


def _writable(results: Path) -> None:
    """Refuse a results folder that is none, or that cannot be written; makes nothing."""
    nearest = next(p for p in (results, *results.parents) if p.exists())
    if not nearest.is_dir():
        raise ValueError(f"--results {results}: {nearest} is a file; name a folder")
    if not os.access(nearest, os.W_OK | os.X_OK) or str(nearest).startswith(("/proc", "/sys")):
        raise ValueError(f"--results {results}: {nearest} cannot be written; name another folder")


def _published(plan: Plan, store: Store) -> dict[str, int]:
    """Source -> rows, of the sources whose rows are published."""
    keys = resolve_keys(plan, store, load_stages())
    found = {}
    for stage in plan.stages:
        key = keys[stage.id]
        if stage.kind == "source" and key and store.has("source", key):
            info = json.loads((store.out("source", key) / "info.json").read_text(encoding="utf-8"))
            found[str(stage.params["name"])] = int(info["rows"])
    return found


def _items(benchmark: Benchmark, hub: Path | None) -> None:
    if benchmark.task in BENCHMARKS:
        return
    given = benchmark.items_from
    try:
        datasets = (
            [given.path] if given else [s.dataset for s in item_sources(benchmark.task).values()]
        )
    except ValueError as error:
        raise ValueError(
            f"benchmark {benchmark.name}: {error}; or add items_from (path, split, prompt column) "
            f"to its suite, so that training data can be checked against it"
        ) from error
    for dataset in datasets:
        require(dataset, hub)


def _rows(mix: Mix, sizes: Mapping[str, int | None]) -> None:
    """Refuse a mix that asks a source for more rows than it has."""
    for part in mix.parts:
        size = sizes[part.source]
        if size is not None and part.rows is not None and part.rows > size * part.max_repeats:
            raise ValueError(
                f"mixes.{mix.name}.{part.source}: asks for {part.rows} rows and "
                f"{size * part.max_repeats} can be had; ask for fewer or raise max_repeats"
            )


def _size(spec: SourceSpec, hub: Path | None) -> int | None:
    """Rows of a source; None for a Hub dataset, which is looked up but not read."""
    from recipe.data import Source, count_rows

    embedded = SOURCE_ROWS.get(spec.source.removeprefix("tiny:"))
    if embedded is not None:
        return min(embedded, spec.rows or embedded)
    files = source_files(spec)
    if not files:
        _splits(spec, hub)
        return None
    settings = {f: getattr(spec, f) for f in ("name", "source", "format", "user", "assistant")}
    source = Source(**settings, files=files, verifier=spec.verifier, reference=spec.reference)
    rows = count_rows(source)
    return min(rows, spec.rows or rows)


def _splits(spec: SourceSpec, hub: Path | None) -> None:
    """Refuse a Hub dataset that cannot be had, or lacks the split."""
    from datasets import get_dataset_split_names

    at = require(spec.source, hub)
    try:
        splits = get_dataset_split_names(at, spec.config, revision=spec.revision)
    except (ConnectionError, OSError) as error:
        where = f"{hub} has no {spec.source}" if hub else "no mirror is given (--hub DIR)"
        raise ValueError(
            f"data.{spec.name}: {where}, and the Hub did not answer ({type(error).__name__})"
        ) from error
    if spec.split not in splits:
        raise ValueError(
            f"data.{spec.name}: {spec.source} has no split {spec.split!r}; "
            f"it has {', '.join(splits)}"
        )
