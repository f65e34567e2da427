"""Numbers and names as people read them."""

from __future__ import annotations

import unicodedata

from harness.comparisons import Delta
from harness.verdict import points

__all__ = [
    "chance",
    "duration",
    "half_width",
    "interval",
    "mark",
    "plain",
    "points",
    "score",
    "share",
    "span",
]

SIGNIFICANT = 0.05


def plain(text: str) -> str:
    """The text on one line, without control and direction-changing characters."""
    return "".join(" " if c.isspace() else "�" if _hidden(c) else c for c in text)


def _hidden(c: str) -> bool:
    return unicodedata.category(c) in ("Cc", "Cf", "Cs")


def score(value: float) -> str:
    """A score in points: 0.523 is `52.3`."""
    return f"{100 * value:.1f}"


def half_width(low: float, high: float) -> str:
    """Half of an interval in points: `±4.1`."""
    return f"±{50 * (high - low):.1f}"


def interval(low: float, high: float) -> str:
    """An interval in points: `[−1.0, +3.2]`."""
    return f"[{points(low)}, {points(high)}]"


def span(low: float, high: float) -> str:
    """An interval of scores: `[48.1, 56.0]`."""
    return f"[{score(low)}, {score(high)}]"


def mark(delta: Delta) -> str:
    """Which way the interval excludes zero; hollow where that does not survive adjustment."""
    if not delta.excludes_zero:
        return "·"
    survives = delta.p_adjusted <= SIGNIFICANT
    return ("▲" if survives else "△") if delta.mean > 0 else ("▼" if survives else "▽")


def chance(p: float) -> str:
    """A p value: `0.012`; `<0.001` below what simulation can tell."""
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def share(part: int, whole: int) -> str:
    """`12 of 500 (2.4 %)`; a dash where there is nothing to take a share of."""
    return f"{part:,} of {whole:,} ({100 * part / whole:.1f} %)" if whole else "—"


def duration(seconds: float | None) -> str:
    """`4.2 s`, `3 min 20 s`, `2 h 5 min`; a dash where there is none."""
    if seconds is None:
        return "—"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
