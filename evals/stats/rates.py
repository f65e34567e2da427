"""Proportions: intervals and pass@k."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from evals.stats.student import quantile


def wilson(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a proportion (Wilson 1927).

    Args:
        successes: Between 0 and `n`.
        n: Trials, at least 1.
        level: Two-sided coverage.

    Raises:
        ValueError: no trials, or successes outside [0, n].
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no proportion")
    z2 = quantile(0.5 + level / 2) ** 2
    p = successes / n
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # The interval touches 0 and 1 exactly; rounding must not push it past.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return low, high


def pass_at_k(correct: ArrayLike, n: int, k: int) -> float:
    """Mean over items of 1 - C(n - c, k) / C(n, k) (Chen et al. 2021, arXiv 2107.03374).

    Args:
        correct: Correct samples of each item, shape `[items]`.
        n: Samples drawn for each item.
        k: Samples a user would look at, at most `n`.

    Raises:
        ValueError: no items, `k` outside [1, n], or a count outside [0, n].
    """
    c = np.asarray(correct, dtype=np.int64)
    if c.size == 0:
        raise ValueError("no items")
    if not 1 <= k <= n:
        raise ValueError(f"k is {k}; it lies between 1 and the {n} samples drawn")
    if c.min() < 0 or c.max() > n:
        raise ValueError(f"a count of correct samples lies outside [0, {n}]")
    # C(n-c, k) / C(n, k) = prod_{i=n-c+1}^{n} (1 - k/i): stable for large n.
    i = np.arange(1, n + 1)
    miss = np.where(i > (n - c)[:, None], 1 - k / i, 1.0).clip(min=0.0).prod(axis=1)
    return float((1 - miss).mean())
