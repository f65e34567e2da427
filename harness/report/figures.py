"""Figures as inline SVG that takes its colours from the page."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, cast

from harness.comparisons import MEAN, Delta
from harness.inflation import Inflation
from harness.report.view import Grid
from harness.report.words import plain, points
from harness.verdict import Row, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Matplotlib wants colours, the page has variables: each stand-in is replaced in the SVG.
INK, QUIET, LINE, UP, DOWN, ACCENT = (
    "#010203", "#010204", "#010205", "#010206", "#010207", "#010208"
)  # fmt: skip
VARIABLES = {
    INK: "var(--ink)",
    QUIET: "var(--quiet)",
    LINE: "var(--line)",
    UP: "var(--up)",
    DOWN: "var(--down)",
    ACCENT: "var(--accent)",
}
OUTCOMES = {"pass": UP, "fail": DOWN, "inconclusive": ACCENT, "note": QUIET}

STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "assay",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": QUIET,
    "xtick.color": QUIET,
    "ytick.color": INK,
    "axes.unicode_minus": True,
}
INCH_ROW = 0.26
WIDTH = 10.6


def forest(grid: Grid, name: str) -> str:
    """Deltas with 95 % intervals: a panel per benchmark, a row per arm, best first."""
    shown = [i for i, b in enumerate(grid.benchmarks) if any(r.cells[i] for r in grid.rows)]
    labels = [r.of if grid.reference else f"{r.of} − {r.against}" for r in grid.rows]
    across = min(4, len(shown))
    down = -(-len(shown) // across)
    height = down * (0.75 + INCH_ROW * len(labels)) + 0.2
    title = f"{grid.title}, {grid.suite}: differences in points with 95 % intervals"

    def draw(figure: Figure) -> None:
        panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
        for axes, i in zip(panels.flat, shown, strict=False):
            axes.set_title(_heading(grid.benchmarks[i]), loc="left", fontsize=9.5, color=INK)
            for y, row in enumerate(grid.rows):
                if delta := row.cells[i]:
                    _interval(axes, y, delta)
            _rows(axes, labels)
        for axes in panels.flat[len(shown) :]:
            axes.set_visible(False)
        figure.supxlabel("points", fontsize=9, color=QUIET)

    return _svg(draw, height, name, title)


def gate(verdict: Verdict, name: str) -> str:
    """Estimate and one-sided bounds of each clause that has them, and the line to reach.

    Clauses on held-out suites have none.
    """
    rows = [(row, row.bounds) for row in verdict.table if row.bounds]
    title = "The gate: estimates with one-sided 95 % bounds, and the line each has to reach"

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for y, (row, seen) in enumerate(rows):
            colour = OUTCOMES[row.outcome]
            low, high, mean = (100 * v for v in (seen.lower, 2 * seen.mean - seen.lower, seen.mean))
            axes.plot([low, high], [y, y], color=colour, linewidth=1.6, solid_capstyle="butt")
            axes.plot([mean], [y], "o", color=colour, markersize=5)
            line = 100 * row.clause.required
            axes.plot([line, line], [y - 0.36, y + 0.36], color=INK, linewidth=2)
        _rows(axes, [_clause(row) for row, _ in rows])
        axes.set_xlabel("points", fontsize=9)

    return _svg(draw, 0.8 + 0.29 * len(rows), name, title)


def inflated(found: Sequence[Inflation], name: str) -> str:
    """Delta on each development benchmark beside the one on its fresh twin."""
    contrasts = len({i.contrast for i in found})
    labels = [i.benchmark if contrasts == 1 else f"{i.contrast}: {i.benchmark}" for i in found]
    title = "Inflation: differences on development benchmarks and on their fresh twins, in points"

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for y, i in enumerate(found):
            ends = [100 * i.fresh.mean, 100 * i.dev.mean]
            axes.plot(ends, [y, y], color=ACCENT, linewidth=7, alpha=0.25, solid_capstyle="butt")
            for e, up, face in ((i.dev, -0.13, DOWN), (i.fresh, 0.13, "none")):
                x, low, high = (100 * v for v in (e.mean, e.low, e.high))
                edge = DOWN if e is i.dev else INK
                axes.plot([low, high], [y + up, y + up], color=edge, linewidth=1.4)
                axes.plot(
                    [x], [y + up], "o", markerfacecolor=face, markeredgecolor=edge, markersize=6.5
                )
            axes.annotate(
                f"inflation {points(i.inflation.mean)}",
                (max(i.dev.high, i.fresh.high) * 100, y),
                xytext=(8, 0),
                textcoords="offset points",
                va="center",
                color=INK,
            )
        _rows(axes, labels)
        axes.margins(x=0.16)
        axes.set_xlabel("points; ● development benchmark   ○ fresh twin", fontsize=9)

    return _svg(draw, 0.8 + 0.55 * len(found), name, title)


def _clause(row: Row) -> str:
    what = f"mean of {row.clause.suite}" if row.clause.benchmark == MEAN else row.clause.benchmark
    return f"{what} ↑" if row.clause.kind == "improve" else what


def _heading(benchmark: str) -> str:
    return "mean" if benchmark == MEAN else plain(benchmark)


def _interval(axes: Axes, y: int, d: Delta) -> None:
    colour = (UP if d.mean > 0 else DOWN) if d.excludes_zero else QUIET
    axes.plot([100 * d.low, 100 * d.high], [y, y], color=colour, linewidth=1.6)
    face = colour if d.excludes_zero else "none"
    axes.plot([100 * d.mean], [y], "o", markerfacecolor=face, markeredgecolor=colour, markersize=5)


def _rows(axes: Axes, labels: Sequence[str]) -> None:
    """One labelled row per entry, the first on top, and a line at zero."""
    axes.axvline(0, color=QUIET, linewidth=0.9, zorder=0)
    axes.set_yticks(range(len(labels)), [plain(label) for label in labels])
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _svg(draw: Callable[[Figure], None], height: float, name: str, title: str) -> str:
    """Draw into an SVG element with a title, ids of its own and the page's colours."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(cast(Any, STYLE)):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, variable)
    opening = f'<svg role="img" aria-labelledby="{name}-title" '
    titled = svg.replace("<svg ", opening, 1)
    return re.sub(
        r"(<svg [^>]*>)",
        lambda m: f'{m[1]}<title id="{name}-title">{escape(plain(title))}</title>',
        titled,
        count=1,
    )
