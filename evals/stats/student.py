"""Student's t: quantiles and tails.  SciPy is imported where it is used, for quick commands."""

from __future__ import annotations

import math


def quantile(probability: float, df: float = math.inf) -> float:
    """The value below which `probability` of Student's t with `df` degrees of freedom lies.

    Args:
        probability: In (0, 1).
        df: Degrees of freedom, at least 1; infinite gives the normal distribution.
    """
    from scipy import special

    if math.isinf(df):
        return float(special.ndtri(probability))
    return float(special.stdtrit(df, probability))


def upper_tail(t: float, df: float = math.inf) -> float:
    """P(T >= t) for Student's t with `df` degrees of freedom."""
    from scipy import special

    return float(special.ndtr(-t) if math.isinf(df) else special.stdtr(df, -t))
