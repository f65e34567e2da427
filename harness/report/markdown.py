"""Findings -> Markdown."""

from __future__ import annotations

from evals.references import Reference
from harness.comparisons import MEAN, Delta
from harness.levels import Level
from harness.report.findings import Findings
from harness.report.markdown_leaks import contamination, gains, inflation
from harness.report.markdown_text import code, prose, table
from harness.report.view import (
    FAMILY,
    PROMOTED,
    PUBLISHED,
    SCORES,
    Grid,
    GridRow,
    absent_lines,
    family,
    footnotes,
    grids,
    headline,
    level_grids,
    stage_times,
    subject,
)
from harness.report.words import (
    chance,
    duration,
    half_width,
    interval,
    mark,
    points,
    score,
    span,
)

ICONS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "note": "·"}


def markdown(findings: Findings) -> str:
    """The report as GitHub-flavoured Markdown."""
    blocks = [f"# {prose(findings.sweep.name)}", *_verdict(findings)]
    blocks += contamination(findings.contamination)
    blocks += _deltas(findings)
    blocks += gains(findings)
    blocks += inflation(findings)
    blocks += _levels(findings)
    blocks += _absent(findings)
    blocks += _stages(findings)
    blocks += ["---", *(prose(note) for note in footnotes(findings))] if footnotes(findings) else []
    return "\n\n".join(blocks) + "\n"


def _verdict(findings: Findings) -> list[str]:
    verdict = findings.verdict
    lines = [f"> **{headline(verdict)}**", ">", f"> {prose(subject(findings))}"]
    if verdict is None:
        return ["\n".join(lines)]
    if verdict.reasons:
        lines.append(">")
        lines += [f"> - {ICONS[r.outcome]} {prose(r.text)}" for r in verdict.reasons]
    return ["\n".join(lines)]


def _deltas(findings: Findings) -> list[str]:
    blocks = ["## Deltas"]
    title = None
    for grid in grids(findings):
        if grid.title != title:
            blocks.append(f"### {grid.title}")
            title = grid.title
        blocks += _grid(grid)
    blocks += _family(findings)
    if title is None:
        blocks.append("No two arms could be compared, so there are no numbers to show.")
    return blocks


def _family(findings: Findings) -> list[str]:
    blocks = []
    rows = [
        (code(d.of), f"{points(d.mean)} {half_width(d.low, d.high)}{'°' if d.note else ''}",
         *(prose(chance(p)) for p in (d.p, d.p_holm, d.p_max_t, d.p_adjusted)))
        for d in family(findings)
    ]  # fmt: skip
    if rows:
        head = ("arm", "mean", "p", "Holm", "max-T", "Benjamini-Hochberg")
        blocks += ["### Counting how many arms were tried", FAMILY, table(head, rows)]
    won = [
        (
            code(p.stage),
            code(p.best),
            str(len(p.arms)),
            points(p.seen),
            f"**{points(p.honest.mean)}**",
            interval(p.honest.low, p.honest.high),
            f"{p.share:.0%}",
        )
        for p in findings.comparisons.promoted
    ]
    if won:
        heads = (
            "stage",
            "best arm",
            "of",
            "gain seen",
            "not chosen",
            "95 % interval",
            "halves won",
        )
        blocks += ["### The best arms, where they were not chosen", PROMOTED, table(heads, won, 2)]
    return blocks


def _grid(grid: Grid) -> list[str]:
    header = ["arm", *(_heading(b) for b in grid.benchmarks)]
    rows = [[_arm(grid, row), *(_cell(d) for d in row.cells)] for row in grid.rows]
    if grid.reference is not None:
        scores = ["—" if s is None else f"{score(s)}" for s in grid.reference_scores]
        rows.append([f"{code(grid.reference)} (score)", *scores])
    return [f"Suite {code(grid.suite)}, {grid.tier}.", table(header, rows)]


def _heading(benchmark: str) -> str:
    return "mean" if benchmark == MEAN else code(benchmark)


def _arm(grid: Grid, row: GridRow) -> str:
    dagger = "†" if row.contaminated else ""
    arm = code(row.of) + dagger
    if grid.kind == "contrast":
        return f"{prose(row.name)}: {arm} − {code(row.against)}"
    return arm if grid.reference is not None else f"{arm} − {code(row.against)}"


def _cell(d: Delta | None) -> str:
    if d is None:
        return "—"
    alone = "°" if d.note else ""
    bold = "**" if d.excludes_zero else ""
    seen = f"{bold}{points(d.mean)}{bold} {half_width(d.low, d.high)}{alone}"
    return f"{mark(d)} {seen} (MDE {score(d.mde)})"


def _levels(findings: Findings) -> list[str]:
    shown = level_grids(findings)
    blocks = ["## Scores", SCORES] if shown else []
    for grid in shown:
        rows = [
            [code(arm) + ("†" if leaks else ""), *(_level(level) for level in cells)]
            for arm, leaks, cells in grid.rows
        ]
        rows += [
            [f"{prose(model)} (published)", *map(_reference, cells)]
            for model, cells in grid.published
        ]
        blocks += [f"Suite {code(grid.suite)}.", table(["arm", *map(code, grid.benchmarks)], rows)]
        blocks += [PUBLISHED] if grid.published else []
    return blocks


def _reference(found: Reference | None) -> str:
    return f"{score(found.score)} ({prose(found.settings)})" if found else "—"


def _level(level: Level | None) -> str:
    return f"{score(level.score)} {span(level.low, level.high)}" if level else "—"


def _absent(findings: Findings) -> list[str]:
    lines = absent_lines(findings)
    if not lines:
        return []
    items = "\n".join(f"- {prose(what)}: {prose(why)}" for what, why in lines)
    return ["## Not shown, and why", items]


def _stages(findings: Findings) -> list[str]:
    if not findings.stages:
        return []
    rows = [
        (
            k.kind,
            str(k.ran),
            str(k.reused),
            str(k.failed),
            str(k.blocked),
            duration(k.seconds if k.ran else None),
        )
        for k in stage_times(findings.stages)
    ]
    head = ("kind", "ran", "reused", "failed", "blocked", "time")
    broken = [
        f"- {code(s.id)} {s.status}: {prose(s.reason)}"
        for s in findings.stages
        if s.status in ("failed", "blocked")
    ]
    return ["## Stages", table(head, rows), *(["\n".join(broken)] if broken else [])]
