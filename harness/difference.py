"""One arm minus another, with what is known of how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evals import stats


@dataclass(frozen=True, slots=True)
class Pull:
    """What the items of one benchmark add to a difference."""

    benchmark: str
    values: NDArray[np.float64]
    """One number for each item; their sum over benchmarks is the difference."""
    units: NDArray[np.object_]
    """What is drawn as a whole: the cluster of each item, or the item."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One arm minus another, with the parts of its variance apart."""

    score_of: float
    score_against: float
    n_items: int
    seeds: tuple[int, int]
    items: tuple[stats.Variance, ...]
    """Parts from the draw of items."""
    runs: tuple[stats.Variance, ...]
    """Parts from the draw of runs; empty with one seed."""
    p: float | None
    """Of an exact or randomisation test, where there is one seed."""
    note: str
    discordant: tuple[int, int] | None = None
    """Items that got better and worse, where there is one binary response to each, no cluster, no
    subtask and no noise between runs: bounds are then Tango's."""
    pulls: tuple[Pull, ...] = ()
    sides: tuple[tuple[str, float], tuple[str, float]] = (("", 0.0), ("", 0.0))
    """Name and noise between runs of either arm, as a variance; 0 where it is not known."""

    @property
    def mean(self) -> float:
        """The difference, in score units."""
        return self.score_of - self.score_against

    def estimate(self) -> stats.Estimate:
        """The difference with its 95 % interval."""
        found = stats.estimate(self.mean, [*self.items, *self.runs])
        if self.discordant is None:
            return found
        low, high = stats.tango(*self.discordant, self.n_items)
        return replace(found, low=low, high=high)

    def mde(self) -> float:
        """Smallest true difference found with 80 % power at one-sided 5 %."""
        estimate = self.estimate()
        items, runs = (sum(v.value for v in part) for part in (self.items, self.runs))
        return stats.minimal_detectable_effect(
            items * self.n_items, self.n_items, runs, estimate.df
        )
