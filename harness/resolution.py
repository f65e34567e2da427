"""Before anything runs: which margins can a benchmark not resolve, even if nothing changed?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from evals import stats
from evals.halves import expected
from evals.suite import Suite
from harness.clauses import margin
from harness.sweep import GatePolicy

DISCORDANCE = 0.10
"""Share of items on which two arms are assumed to differ."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What one benchmark can resolve.  Score units."""

    benchmark: str
    items: int
    """About half of a fresh twin's, of which the gate reads one half."""
    margin: float
    effect: float
    """Smallest true difference found with 80 % power at one-sided 5 %."""
    items_needed: int | None
    """Items that would resolve the margin; None where noise between runs alone exceeds it."""

    @property
    def enough(self) -> bool:
        """Whether the margin is resolved."""
        return self.effect <= self.margin


def resolutions(
    policy: GatePolicy,
    suite: Suite,
    seeds: int,
    discordance: float = DISCORDANCE,
    run_sd: float = 0.0,
) -> tuple[Resolution, ...]:
    """What each benchmark of a gated suite can resolve at zero difference.

    Args:
        policy: The gate, for its margins.
        suite: The suite it reads.
        seeds: Seeds on each side, at least 1.
        discordance: Assumed share of items on which the arms differ.
        run_sd: Assumed standard deviation between runs, in score units; 0 counts items only.
    """
    runs = 2 * run_sd**2 / seeds
    found = []
    for b in suite.benchmarks:
        wanted, items = margin(policy, b), expected(b)
        effect = stats.minimal_detectable_effect(discordance, items, runs)
        needed = items_to_resolve(wanted, discordance, runs)
        found.append(Resolution(b.name, items, wanted, effect, needed))
    return tuple(found)


def items_to_resolve(
    margin: float,
    discordance: float = DISCORDANCE,
    run_variance: float = 0.0,
    alpha: float = stats.ALPHA,
) -> int | None:
    """Items that show a difference of zero to keep a margin, with 80 % power.

    Args:
        margin: In score units.
        discordance: Assumed share of items on which the arms differ.
        run_variance: Of the difference between runs.
        alpha: One-sided level.

    Returns:
        The items; None where noise between runs alone, or a margin of zero, puts it out of reach.
    """
    factor = stats.quantile(1 - alpha) + stats.quantile(stats.POWER)
    room = (margin / factor) ** 2 - run_variance
    return math.ceil(discordance / room) if room > 0 else None
