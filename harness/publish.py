"""A finished sweep as files under `sweeps/NAME/` and as what the terminal shows."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console

from evals.suite import Suite
from harness.comparisons import Absent, Comparisons
from harness.execute import Outcome
from harness.gains import Gain
from harness.inflation import Inflation
from harness.levels import compute_levels
from harness.plan import Plan
from harness.report import Findings, render, terminal
from harness.runs import trained_arms
from harness.sweep import Sweep
from harness.tables import Tables
from harness.verdict import Verdict


def findings_of(
    sweep: Sweep,
    suites: Mapping[str, Suite],
    tables: Tables,
    comparisons: Comparisons,
    inflation: tuple[Sequence[Inflation], Sequence[Absent]],
    gains: tuple[Sequence[Gain], Sequence[Absent]],
    verdict: Verdict | None,
) -> Findings:
    """Everything the report shows, in one record; of held-out suites, only the verdict."""
    absent = (*comparisons.absent, *inflation[1], *gains[1])
    shown = replace(comparisons.without_held_out(), absent=absent)
    return Findings(
        sweep=sweep,
        suites=suites,
        comparisons=shown,
        levels=compute_levels(tables.runs, tables.scores, suites),
        inflation=tuple(inflation[0]),
        gains=tuple(gains[0]),
        verdict=verdict,
        contamination=tuple(tables.checks.values()),
        stages=tables.stages,
        contaminated=frozenset(a.name for a in trained_arms(tables.runs) if a.contaminated),
    )


def publish(findings: Findings, plan: Plan, keys: Mapping[str, str], folder: Path) -> None:
    """Write the sweep file, the plan with its keys, the verdict and the report.

    Args:
        findings: What was found.
        plan: The stages.
        keys: Stage id -> key, where known.
        folder: `results/sweeps/NAME`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    markdown, html = render(findings)
    stages = [{"key": keys.get(s.id), **asdict(s), "where": None} for s in plan.stages]
    files = {
        "sweep.yaml": findings.sweep.path.read_text(encoding="utf-8"),
        "plan.json": json.dumps({"stages": stages, "alone": dict(plan.naive)}, indent=1),
        "report.md": markdown,
        "report.html": html,
    }
    if findings.verdict:
        files["verdict.json"] = findings.verdict.to_json()
    for name, text in files.items():
        _replace(folder / name, text)


def _replace(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one, never half."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def show(findings: Findings, outcome: Outcome, folder: Path) -> None:
    """Print the verdict, the deltas, and where the rest is.

    Args:
        findings: What was found.
        outcome: What became of the stages.
        folder: Where the report was written.
    """
    console = Console(highlight=False)
    if not outcome.ran and not outcome.failed:
        console.print(f"Nothing to do: all {len(outcome.cached)} stages are published.")
    console.print(terminal(findings))
    for stage, message in outcome.failed.items():
        console.print(f"failed: {stage}: {message}", style="red", markup=False)
        if stage in outcome.logs:
            console.print(f"  log: {outcome.logs[stage]}", markup=False)
    if outcome.failed:
        skipped = f"; {len(outcome.skipped)} stages wait for it" if outcome.skipped else ""
        console.print(f"{len(outcome.failed)} failed{skipped}. Mend it and run the same command.")
    console.print(f"Report: {folder / 'report.html'}", markup=False)
