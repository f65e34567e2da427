"""Findings -> Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from evals.references import Reference
from harness.comparisons import MEAN, Delta
from harness.gains import Gain
from harness.levels import Level
from harness.mix_check import MixCheck
from harness.report.findings import Findings
from harness.report.view import (
    FAMILY,
    GAINS,
    PROMOTED,
    PUBLISHED,
    SCORES,
    Grid,
    GridRow,
    absent_lines,
    family,
    footnotes,
    gain_lines,
    gain_rows,
    grids,
    headline,
    labels_found,
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
    plain,
    points,
    score,
    share,
    span,
)

ICONS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "note": "·"}


def markdown(findings: Findings) -> str:
    """The report as GitHub-flavoured Markdown."""
    blocks = [f"# {prose(findings.sweep.name)}", *_verdict(findings)]
    blocks += _contamination(findings.contamination)
    blocks += _deltas(findings)
    blocks += _gains(findings)
    blocks += _inflation(findings)
    blocks += _levels(findings)
    blocks += _absent(findings)
    blocks += _stages(findings)
    blocks += ["---", *(prose(note) for note in footnotes(findings))] if footnotes(findings) else []
    return "\n\n".join(blocks) + "\n"


def prose(text: str) -> str:
    """Text that Markdown and HTML leave as it is."""
    escaped = re.sub(r"([\\`*\[\]<>|#~$])", r"\\\1", plain(text).replace("&", "&amp;"))
    return re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", escaped)


def code(text: str) -> str:
    """A name as a code span that a table cell can hold."""
    return "`" + plain(text).replace("`", "'").replace("|", "\\|") + "`"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A pipe table whose first `left` columns are flush left and the others right."""
    rules = [":--" if i < left else "--:" for i in range(len(header))]
    lines = [header, rules, *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _verdict(findings: Findings) -> list[str]:
    verdict = findings.verdict
    lines = [f"> **{headline(verdict)}**", ">", f"> {prose(subject(findings))}"]
    if verdict is None:
        return ["\n".join(lines)]
    if verdict.reasons:
        lines.append(">")
        lines += [f"> - {ICONS[r.outcome]} {prose(r.text)}" for r in verdict.reasons]
    return ["\n".join(lines)]


def _contamination(checks: Sequence[MixCheck]) -> list[str]:
    if not checks:
        return ["## Contamination", "No training data was checked."]
    rows = [
        (
            code(c.name),
            c.action,
            f"{c.rows_read:,}",
            f"{c.rows_flagged:,}",
            f"{c.rows_dropped:,}",
            f"{c.rows_kept:,}",
            ", ".join(f"{n:,} {prose(label)}" for label, n in labels_found(c)) or "none",
        )
        for c in checks
    ]
    head = ("mix", "action", "rows read", "flagged", "dropped", "kept", "items found")
    blocks = ["## Contamination", table(head, rows, 2)]
    found = [
        (code(c.name), code(b.benchmark), share(b.matched, b.items), _labels(b.labels.items()))
        for c in checks
        for b in c.benchmarks
        if b.matched
    ]
    if found:
        blocks.append(table(("mix", "benchmark", "items found", "how"), found, 2))
    parts = [
        (code(c.name), code(p.name), share(p.flagged, p.rows))
        for c in checks
        for p in c.parts
        if c.rows_flagged
    ]
    if parts:
        blocks.append(table(("mix", "source", "rows flagged"), parts, 2))
    return blocks


def _labels(labels: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count:,} {prose(label)}" for label, count in labels)


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


def _gains(findings: Findings) -> list[str]:
    if not findings.gains:
        return []
    blocks = ["## Scores without the matched items"]
    rows = [
        (code(g.arm), code(g.benchmark), share(g.n_matched, g.n_items), *_gain(g))
        for g in gain_rows(findings)
    ]
    if rows:
        head = ("arm", "benchmark", "items matched", "all items", "clean items", "difference",
                "95 % interval")  # fmt: skip
        blocks += [GAINS, table(head, rows, 2)]
    return blocks + [prose(line) for line in gain_lines(findings)]


def _gain(g: Gain) -> tuple[str, str, str, str]:
    found = g.estimate
    if found is None:
        return g.finding, "—", "—", "—"
    return (
        f"{score(found.all_items.mean)} {span(found.all_items.low, found.all_items.high)}",
        f"{score(found.clean_items.mean)} {span(found.clean_items.low, found.clean_items.high)}",
        f"**{points(found.gain.mean)}**",
        interval(found.gain.low, found.gain.high),
    )


def _inflation(findings: Findings) -> list[str]:
    if not findings.inflation:
        return []
    rows = [
        (
            prose(i.contrast),
            code(i.benchmark),
            f"{points(i.dev.mean)} {half_width(i.dev.low, i.dev.high)}",
            f"{points(i.fresh.mean)} {half_width(i.fresh.low, i.fresh.high)}",
            f"**{points(i.inflation.mean)}**",
            interval(i.inflation.low, i.inflation.high),
        )
        for i in findings.inflation
    ]
    first = findings.inflation[0]
    head = ("contrast", "benchmark", "development", "fresh twin", "inflation", "95 % interval")
    said = (
        "What known leaks did: the delta on the development benchmark, on fresh items of the same "
        "distribution, and the difference of the two, in points."
    )
    arms = f"{code(first.of)} against {code(first.against)}."
    single = len({(i.of, i.against) for i in findings.inflation}) == 1
    return ["## Inflation", f"{said} {arms if single else ''}".strip(), table(head, rows, 2)]


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
