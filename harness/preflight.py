"""Everything that can be checked before the first stage starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from evals.hub import mirrored, require
from evals.lm_eval_tasks import task_file
from evals.mini import BENCHMARKS
from evals.suite import Benchmark, Suite
from harness.contents import source_files
from harness.errors import RequestError
from harness.planner import checked_against
from harness.sweep import Mix, SourceSpec, Sweep
from recipe.tiny.names import SOURCE_ROWS


def preflight(sweep: Sweep, suites: Mapping[str, Suite], hub: Path | None) -> None:
    """Refuse a sweep that would fail half-way.

    Args:
        sweep: What was asked.
        suites: Role -> suite.
        hub: Mirror folder that stands in for the Hub.

    Raises:
        RequestError: a task is unknown, a benchmark's items or a source cannot be had, or a
            source's first row does not have the shape that is asked for.
    """
    try:
        if hub is not None and not hub.is_dir():
            raise ValueError(f"--hub {hub} is not a folder")
        for suite in suites.values():
            for benchmark in suite.benchmarks:
                task_file(benchmark.task)
        for benchmark in checked_against(sweep, suites):
            _items(benchmark, hub)
        for source in sweep.sources.values():
            _source(source, hub)
        for mix in sweep.mixes.values():
            _rows(mix, sweep)
    except ValueError as error:
        raise RequestError(f"{sweep.path}: {error}") from error


def _items(benchmark: Benchmark, hub: Path | None) -> None:
    if benchmark.task in BENCHMARKS:
        return
    if benchmark.items_from is None:
        raise ValueError(
            f"benchmark {benchmark.name}: add items_from (path, split, prompt column) to its "
            f"suite, so that training data can be checked against it"
        )
    require(benchmark.items_from.path, hub)


def _rows(mix: Mix, sweep: Sweep) -> None:
    """Refuse a mix that asks an embedded source for more rows than it has."""
    for part in mix.parts:
        spec = sweep.sources[part.source]
        size = SOURCE_ROWS.get(spec.source.removeprefix("tiny:"))
        if size is None or part.rows is None:
            continue
        available = min(size, spec.rows or size) * part.max_repeats
        if part.rows > available:
            raise ValueError(
                f"mixes.{mix.name}.{part.source}: asks for {part.rows} rows and {available} can be "
                f"had; ask for fewer or raise max_repeats"
            )


def _source(spec: SourceSpec, hub: Path | None) -> None:
    from recipe.data import Source, first_row

    if spec.source.startswith("tiny:"):
        return
    files = source_files(spec)
    if not files:
        if hub and not mirrored(spec.source, hub):
            require(spec.source, hub)
        return
    settings = {f: getattr(spec, f) for f in ("name", "source", "format", "user", "assistant")}
    first_row(Source(**settings, files=files, verifier=spec.verifier, reference=spec.reference))
