"""A difference with its uncertainty, built from independent parts of variance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evals.stats.student import quantile, upper_tail


@dataclass(frozen=True, slots=True)
class Variance:
    """An estimated variance of a mean, and how well it is known."""

    value: float
    df: float
    """Degrees of freedom of the estimate; infinite where the variance is known."""
    spread: float | None = None
    """The mean square that `value` came from, where `value` is a difference of mean squares: the
    uncertainty of `value` is that of `spread`.  None means `value` itself."""

    def scaled(self, factor: float) -> Variance:
        """The variance of `sqrt(factor)` times the mean."""
        spread = None if self.spread is None else self.spread * factor
        return Variance(self.value * factor, self.df, spread)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A difference of means with a t interval."""

    mean: float
    se: float
    low: float
    high: float
    df: float
    p: float
    """Two-sided, of the null hypothesis that the difference is zero."""


def estimate(mean: float, variances: Sequence[Variance], level: float = 0.95) -> Estimate:
    """A t interval around `mean` whose variance is the sum of independent parts.

    Degrees of freedom by Satterthwaite (1946) and Welch (1947): (sum v)^2 / sum (v_k^2 / df_k).

    Args:
        mean: The difference, in score units.
        variances: Independent parts of its variance.
        level: Two-sided coverage.

    Raises:
        ValueError: no part of variance, a mean or variance that is NaN or infinite, or a
            negative one.
    """
    if not variances:
        raise ValueError("an estimate needs at least one part of variance")
    if not (math.isfinite(mean) and all(0 <= v.value < math.inf for v in variances)):
        found = [v.value for v in variances]
        raise ValueError(f"mean {mean} with variances {found}: finite numbers are needed")
    df = welch_satterthwaite(variances)
    se = math.sqrt(sum(v.value for v in variances))
    half = quantile(0.5 + level / 2, df) * se
    return Estimate(mean, se, mean - half, mean + half, df, _two_sided(mean, se, df))


def _two_sided(mean: float, se: float, df: float) -> float:
    if se == 0:
        return float(mean == 0)
    return 2 * upper_tail(abs(mean) / se, df)


def welch_satterthwaite(variances: Sequence[Variance]) -> float:
    """Degrees of freedom of a sum of independent variance estimates, at least 1."""
    total = sum(v.value for v in variances)
    spreads = [v.value if v.spread is None else v.spread for v in variances]
    doubt = sum(s * s / v.df for s, v in zip(spreads, variances, strict=True))
    return max(1.0, total * total / doubt) if doubt > 0 else math.inf
