"""Before anything runs: which margins can a benchmark not resolve, even if nothing changed?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from evals import stats
from evals.suite import Suite
from harness.gate import margin
from harness.sweep import GatePolicy

DISCORDANCE = 0.10
"""Share of items on which two arms are assumed to differ."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What one benchmark can resolve.  Score units."""

    benchmark: str
    items: int
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
    factor = stats.quantile(1 - stats.ALPHA) + stats.quantile(stats.POWER)
    found = []
    for b in suite.benchmarks:
        wanted = margin(policy, b)
        effect = stats.minimal_detectable_effect(discordance, b.scored, runs)
        room = (wanted / factor) ** 2 - runs
        needed = math.ceil(discordance / room) if room > 0 else None
        found.append(Resolution(b.name, b.scored, wanted, effect, needed))
    return tuple(found)
