"""What leaked and what it did, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from evals.stats import PerformanceGain
from harness.mix_check import MixCheck
from harness.report.findings import Findings
from harness.report.leaks import GAINS, gain_lines, gain_rows, labels_found
from harness.report.markdown_text import code, prose, table
from harness.report.words import half_width, interval, points, score, share, span


def contamination(checks: Sequence[MixCheck]) -> list[str]:
    """Blocks on what the checks of training data found."""
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


def gains(findings: Findings) -> list[str]:
    """Blocks on scores with and without the matched items."""
    if not findings.gains:
        return []
    blocks = ["## Scores without the matched items"]
    rows = []
    for g in gain_rows(findings):
        arm = code(g.arm) + ("†" if g.arm in findings.contaminated else "")
        matched = share(g.n_matched, g.n_items)
        if g.estimate is None:
            rows.append((arm, code(g.benchmark), matched, g.finding, *["—"] * 5))
            continue
        excess = g.control.excess if g.control else None
        beyond = (f"**{points(excess.mean)}**", interval(excess.low, excess.high)) if excess else ()
        rows.append((arm, code(g.benchmark), matched, *_gain(g.estimate), *(beyond or ("—", "—"))))
        if g.control:
            name = f"control {code(g.control.arm)}"
            rows.append((name, code(g.benchmark), "0", *_gain(g.control.estimate), "", ""))
    if rows:
        head = ("arm", "benchmark", "items matched", "all items", "clean items", "difference",
                "95 % interval", "beyond control", "95 % interval")  # fmt: skip
        blocks += [GAINS, table(head, rows, 2)]
    return blocks + [prose(line) for line in gain_lines(findings)]


def _gain(found: PerformanceGain) -> tuple[str, str, str, str]:
    return (
        f"{score(found.all_items.mean)} {span(found.all_items.low, found.all_items.high)}",
        f"{score(found.clean_items.mean)} {span(found.clean_items.low, found.clean_items.high)}",
        points(found.gain.mean),
        interval(found.gain.low, found.gain.high),
    )


def inflation(findings: Findings) -> list[str]:
    """Blocks on what kept leaks did beyond fresh items."""
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
