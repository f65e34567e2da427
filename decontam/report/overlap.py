"""How much of a benchmark a data set holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

CONTAMINATED = 0.02
"""A set that holds more of a benchmark is contaminated (Tulu 3, arXiv 2411.15124, section 3.2)."""

Verdict = Literal["contaminated", "traces", "clean", "unchecked"]
"""More than `CONTAMINATED` of the items found; some; none; none could be looked for."""

_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class ItemSummary:
    """One item's account."""

    benchmark: str
    item: str
    indexed: bool
    reason: str | None
    """Why the item could not be looked for, or None."""
    rows: int
    """Rows flagged for it."""
    variants: int
    """Matches reported that flag nothing."""
    score: float | None
    """Best score of a flagged row, 0 without one; None where the item was not looked for."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """One benchmark's account."""

    benchmark: str
    items: int
    indexed: int
    matched: int
    rate: float | None
    """Matched over indexed items; None where none was indexed."""
    low: float | None
    """Wilson 95 % interval of the rate."""
    high: float | None
    verdict: Verdict

    def record(self) -> dict[str, object]:
        """The fields as a plain record, the bounds as `interval`."""
        fields = asdict(self)
        low, high = fields.pop("low"), fields.pop("high")
        return {**fields, "interval": None if low is None else [low, high]}


def overlap(benchmark: str, items: Sequence[ItemSummary]) -> Overlap:
    """Summarise a benchmark's items."""
    indexed = sum(i.indexed for i in items)
    matched = sum(i.rows > 0 for i in items)
    if not indexed:
        return Overlap(benchmark, len(items), 0, 0, None, None, None, "unchecked")
    rate = matched / indexed
    verdict: Verdict = "clean" if not matched else "traces"
    if rate > CONTAMINATED:
        verdict = "contaminated"
    return Overlap(
        benchmark, len(items), indexed, matched, rate, *wilson(matched, indexed), verdict
    )


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion (Wilson 1927, J. Am. Stat. Assoc. 22, 209).

    Args:
        successes: How many of the trials succeeded.
        trials: At least 1.
    """
    rate, z2 = successes / trials, _Z95**2
    centre = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z95 / (1 + z2 / trials) * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2))
    return max(centre - half, 0.0), min(centre + half, 1.0)
