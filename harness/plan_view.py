"""What `--plan` shows: stages, sharing, time, disk, and what the benchmarks can resolve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from evals.suite import Suite
from harness.job import load_stages
from harness.plan import Plan
from harness.resolution import resolutions
from harness.resolve import resolve_keys
from harness.store import Store
from harness.sweep import GatePolicy, Sweep


@dataclass(frozen=True, slots=True)
class History:
    """What stages of one kind have cost so far in this store."""

    seconds: float
    """Mean seconds of a stage."""
    size: float
    """Mean bytes of its output."""


def show_plan(
    sweep: Sweep, plan: Plan, suites: Mapping[str, Suite], store: Store, width: int | None = None
) -> None:
    """Print the plan of a sweep.

    Args:
        sweep: What was asked.
        plan: Its stages.
        suites: Role -> suite.
        store: Where earlier results lie; their times make the estimate.
        width: Columns to print in; the terminal's if None.
    """
    console = Console(width=width, highlight=False)
    console.print(_stages(sweep, plan, store))
    console.print(_resolution(sweep, suites))
    console.print(
        f"effect: smallest true difference found with 80 % power (one-sided 5 %), {_seeds(sweep)}, "
        "if 10 % of the items flip; noise between runs, known after the first run, adds to it",
        style="dim",
    )


def _stages(sweep: Sweep, plan: Plan, store: Store) -> Table:
    keys = resolve_keys(plan, store, load_stages())
    history = _history(store)
    table = Table(title=f"Plan of {sweep.name}", title_justify="left")
    for column in ("stage", "alone", "shared", "published", "to run", "about", "disk"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for kind, count in plan.shared().items():
        ids = [s.id for s in plan.stages if s.kind == kind]
        found = [keys[i] for i in ids]
        done = sum(key is not None and store.has(kind, key) for key in found)
        left, past = count - done, history.get(kind)
        table.add_row(
            kind,
            str(plan.naive.get(kind, count)),
            str(count),
            str(done),
            str(left),
            _time(left * past.seconds) if past else ("–" if left == 0 else "not yet measured"),
            _bytes(left * past.size) if past else "–",
        )
    return table


def _history(store: Store) -> dict[str, History]:
    seconds: dict[str, list[tuple[float, float]]] = {}
    for record in store.records():
        size = float(sum(f.bytes for f in record.outputs.values()))
        seconds.setdefault(record.kind, []).append((record.seconds, size))
    return {
        kind: History(sum(s for s, _ in costs) / len(costs), sum(b for _, b in costs) / len(costs))
        for kind, costs in seconds.items()
    }


def _resolution(sweep: Sweep, suites: Mapping[str, Suite]) -> Table:
    table = Table(title="What the benchmarks can resolve", title_justify="left")
    for column in ("benchmark", "suite", "items", "effect", "margin", ""):
        table.add_column(
            column, justify="right" if column in ("items", "effect", "margin") else "left"
        )
    policy = sweep.gate or GatePolicy()
    for role, suite in suites.items():
        for row in resolutions(policy, suite, len(sweep.seeds)):
            gated = sweep.gate is not None and role == policy.suite
            verdict = "" if row.enough or not gated else _too_few(row.items_needed)
            table.add_row(
                row.benchmark,
                suite.name,
                str(row.items),
                f"{100 * row.effect:.1f}",
                f"{100 * row.margin:.1f}" if gated else "",
                verdict,
            )
    return table


def _too_few(needed: int | None) -> str:
    return f"too few: needs {needed:,} items" if needed else "too noisy between runs"


def _seeds(sweep: Sweep) -> str:
    n = len(sweep.seeds)
    return f"{n} seed{'s' if n > 1 else ''}"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _bytes(count: float) -> str:
    sizes: Sequence[tuple[str, float]] = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
    for unit, size in sizes:
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} B"
