"""Findings -> one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.comparisons import MEAN
from harness.report import figures, words
from harness.report.findings import Findings
from harness.report.leaks import GAINS, gain_lines, gain_rows, labels_found
from harness.report.view import (
    FAMILY,
    PROMOTED,
    PUBLISHED,
    SCORES,
    Grid,
    absent_lines,
    family,
    footnotes,
    grids,
    headline,
    level_grids,
    stage_times,
    subject,
)
from harness.verdict import Verdict

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE = "report.html.j2"


def page(findings: Findings) -> str:
    """The report as a page that needs nothing beside it.

    Every text is escaped by the template engine; only the figures, whose text matplotlib and
    `figures` escape, go in as they are.
    """
    template = _environment().get_template(TEMPLATE)
    shown = grids(findings)
    verdict = findings.verdict
    return template.render(
        f=findings,
        verdict=verdict,
        headline=headline(verdict),
        subject=subject(findings),
        gate_figure=_gate(verdict),
        grids=[(g, _forest(g, f"forest-{i}")) for i, g in enumerate(shown)],
        inflation_figure=(
            _safe(figures.inflated(findings.inflation, "inflation")) if findings.inflation else ""
        ),
        times=stage_times(findings.stages),
        broken=[s for s in findings.stages if s.status in ("failed", "blocked")],
        absent=absent_lines(findings),
        gains=gain_rows(findings),
        gain_lines=gain_lines(findings),
        gains_text=GAINS,
        footnotes=footnotes(findings),
        labels_found=labels_found,
        levels=level_grids(findings),
        scores=SCORES,
        w=words,
        family=family(findings),
        family_text=FAMILY,
        promoted_text=PROMOTED,
        published_text=PUBLISHED,
        mean=MEAN,
    )


def _gate(verdict: Verdict | None) -> str:
    """What the gate saw, where that may be shown."""
    shown = verdict is not None and any(row.bounds for row in verdict.table)
    return _safe(figures.gate(verdict, "gate")) if verdict and shown else ""


def _forest(grid: Grid, name: str) -> str:
    """A forest plot where there are arms to set side by side."""
    return _safe(figures.forest(grid, name)) if len(grid.rows) > 1 else ""


def _safe(svg: str) -> str:
    from markupsafe import Markup

    return Markup(svg)  # noqa: S704  (SVG of our own making, text escaped)


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = words.plain
    return environment
