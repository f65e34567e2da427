"""Findings -> tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from evals.stats import Estimate
from harness.comparisons import MEAN, Delta
from harness.mix_check import MixCheck
from harness.report.findings import Findings
from harness.report.leaks import gain_rows, labels_found
from harness.report.view import (
    Grid,
    GridRow,
    absent_lines,
    grids,
    headline,
    subject,
)
from harness.report.words import half_width, interval, mark, plain, points, score, share

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table
    from rich.text import Text

COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "note": "dim"}
ICONS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "note": "·"}
BENCHMARKS_ABREAST = 5
"""Benchmarks side by side in one table of at most 100 columns, the mean not counted."""


def terminal(findings: Findings) -> Group:
    """The report in brief, at most 100 columns wide: print it with a `rich.console.Console`."""
    from rich.console import Group

    return Group(*_blocks(findings))


def _blocks(findings: Findings) -> Iterator[RenderableType]:
    # The gate's own deltas are what the verdict says in words.
    shown = [g for g in grids(findings) if g.kind != "gate"]
    for grid in shown:
        yield from _grid(grid)
    if not shown:
        yield _text("No two arms could be compared, so there are no numbers to show.", "yellow")
    if shown:
        yield _text(
            "Points; ± is a 95 % interval. ▲▼ excludes zero, △▽ not after adjustment, "
            "° item noise only, † trained on known leaks.",
            "dim",
        )
    if findings.comparisons.promoted:
        yield _promoted(findings)
    if findings.contamination:
        yield _contamination(findings.contamination)
        if any(c.rows_flagged for c in findings.contamination):
            yield _sources(findings.contamination)
    if gain_rows(findings):
        yield _gains(findings)
    if findings.inflation:
        yield _inflation(findings)
    for what, why in absent_lines(findings):
        yield _text(f"Not shown: {what}: {why}", "yellow")
    yield _verdict(findings)


def _text(text: str, style: str = "") -> Text:
    """Text that is never read as markup."""
    from rich.text import Text

    return Text(plain(text), style=style)


def _table(title: str, *columns: str, left: int = 1) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(
        title=_text(title, "bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1),
    )
    for i, name in enumerate(columns):
        if i < left:
            table.add_column(_text(name), overflow="fold", max_width=34)
        else:
            table.add_column(_heading(name), justify="right", no_wrap=True)
    return table


def _heading(name: str) -> Text:
    """A column's name, a long one broken before its last word."""
    from rich.text import Text

    head, underscore, tail = plain(name).rpartition("_")
    long = len(name) > len("▲+77.1 ±14.1") and head
    return Text(f"{head}\n{underscore}{tail}" if long else plain(name))


def _grid(grid: Grid) -> Iterator[Table]:
    """The grid in pieces that fit; the mean stands in the last."""
    names = grid.benchmarks
    last = len(names) - 1
    starts = range(0, last, BENCHMARKS_ABREAST)
    for start in starts:
        end = min(start + BENCHMARKS_ABREAST, last)
        columns = [*range(start, end), *([last] if end == last else [])]
        against = f" ({grid.reference})" if grid.reference else ""
        more = " (continued)" if start else ""
        title = f"{grid.title}{against}, {grid.suite}{more}"
        heads = ["mean" if names[i] == MEAN else names[i] for i in columns]
        table = _table(title, "arm", *heads)
        for row in grid.rows:
            table.add_row(_text(_arm(grid, row)), *(_cell(row.cells[i]) for i in columns))
        if grid.reference:
            scores = (grid.reference_scores[i] for i in columns)
            shown = ("—" if s is None else score(s) for s in scores)
            table.add_row(_text("(score)", "dim"), *(_text(s, "dim") for s in shown))
        yield table


def _arm(grid: Grid, row: GridRow) -> str:
    name = f"{row.name}: {row.of}" if grid.kind == "contrast" else row.of
    dagger = "†" if row.contaminated else ""
    return name + dagger + ("" if grid.reference else f" − {row.against}")


def _cell(d: Delta | None) -> Text:
    if d is None:
        return _text("—", "dim")
    alone = "°" if d.note else ""
    style = ("green" if d.mean > 0 else "red") if d.excludes_zero else "dim"
    return _text(f"{mark(d)}{points(d.mean)} {half_width(d.low, d.high)}{alone}", style)


def _promoted(findings: Findings) -> Table:
    heads = ("stage", "best arm", "of", "gain seen", "not chosen", "95 % interval", "halves")
    table = _table("The best arms, where they were not chosen", *heads, left=2)
    for p in findings.comparisons.promoted:
        cells = (
            p.stage,
            p.best,
            str(len(p.arms)),
            points(p.seen),
            points(p.honest.mean),
            interval(p.honest.low, p.honest.high),
            f"{p.share:.0%}",
        )
        table.add_row(*(_text(cell) for cell in cells))
    return table


def _contamination(checks: tuple[MixCheck, ...]) -> Table:
    heads = ("mix", "action", "rows", "flagged", "dropped", "kept", "items found")
    table = _table("Contamination", *heads, left=2)
    for c in checks:
        found = ", ".join(f"{count:,} {label}" for label, count in labels_found(c)) or "none"
        counts = (f"{n:,}" for n in (c.rows_read, c.rows_flagged, c.rows_dropped, c.rows_kept))
        style = "yellow" if c.leaks else ""
        table.add_row(*(_text(t, style) for t in (c.name, c.action, *counts, found)))
    return table


def _sources(checks: tuple[MixCheck, ...]) -> Table:
    table = _table("Where the flagged rows came from", "mix", "source", "rows flagged", left=2)
    for c in checks:
        for part in c.parts if c.rows_flagged else ():
            style = "" if part.flagged else "dim"
            cells = (c.name, part.name, share(part.flagged, part.rows))
            table.add_row(*(_text(t, style) for t in cells))
    return table


def _gains(findings: Findings) -> Table:
    heads = ("arm", "benchmark", "matched", "all − clean", "control's", "beyond")
    table = _table("Scores without the matched items", *heads, left=2)
    for g in gain_rows(findings):
        if not g.n_matched:
            continue
        found = g.estimate
        dagger = "†" if g.arm in findings.contaminated else ""
        cells = [g.arm + dagger, g.benchmark, f"{g.n_matched:,} of {g.n_items:,}"]
        beside = (g.control.estimate.gain, g.control.excess) if g.control else (None, None)
        cells += [_estimate(found.gain) if found else g.finding, *map(_estimate, beside)]
        told = g.control.excess if g.control else found and found.gain
        style = "red" if told and told.low > 0 else ""
        table.add_row(*(_text(cell, style) for cell in cells))
    return table


def _estimate(found: Estimate | None) -> str:
    return f"{points(found.mean)} {half_width(found.low, found.high)}" if found else "—"


def _inflation(findings: Findings) -> Table:
    heads = ("contrast", "benchmark", "development", "fresh twin", "inflation", "95 % interval")
    table = _table("Inflation", *heads, left=2)
    for i in findings.inflation:
        cells = (
            i.contrast,
            i.benchmark,
            points(i.dev.mean),
            points(i.fresh.mean),
            points(i.inflation.mean),
            interval(i.inflation.low, i.inflation.high),
        )
        style = "red" if i.inflation.low > 0 else ""
        table.add_row(*(_text(cell, style) for cell in cells))
    return table


def _verdict(findings: Findings) -> RenderableType:
    from rich.panel import Panel
    from rich.text import Text

    verdict = findings.verdict
    body = _text(subject(findings))
    for reason in verdict.reasons if verdict else ():
        body.append("\n")
        body.append_text(Text(f"{ICONS[reason.outcome]} ", style=COLOURS[reason.outcome]))
        body.append_text(_text(reason.text))
    colour = COLOURS[verdict.status] if verdict else "dim"
    title = _text(headline(verdict), f"bold {colour}")
    return Panel(body, title=title, title_align="left", border_style=colour, padding=(0, 1))
