"""Exact and randomisation tests of a paired difference."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

EXACT_SIGN_FLIPS = 12
"""Up to this many non-zero differences every sign pattern is counted."""


def mcnemar(better: int, worse: int) -> float:
    """Two-sided exact McNemar test on discordant pairs (McNemar 1947; binomial with p = 1/2).

    Args:
        better: Items right under B and wrong under A.
        worse: Items wrong under B and right under A.

    Returns:
        The p value; 1 where no pair is discordant.

    Raises:
        ValueError: a negative count.
    """
    if better < 0 or worse < 0:
        raise ValueError(f"counts of items are not negative: {better}, {worse}")
    from scipy import special

    n = better + worse
    return min(1.0, 2 * float(special.bdtr(min(better, worse), n, 0.5))) if n else 1.0


def sign_flip(d: ArrayLike, draws: int = 10_000, seed: int = 0) -> float:
    """Two-sided sign-flip permutation test that mean(d) = 0 (Fisher 1935; Card et al. 2020).

    Every sign pattern is counted for few non-zero differences; otherwise `draws` random ones with
    the observed pattern counted in (Phipson and Smyth 2010).

    Args:
        d: Differences, shape `[n]`.
        draws: Random sign patterns.
        seed: Seed of the patterns, so that a report is repeatable.

    Raises:
        ValueError: no differences.
    """
    values = np.asarray(d, dtype=np.float64)
    if values.size == 0:
        raise ValueError("no differences to test")
    # Sorting makes the drawn patterns independent of the order of items and of the arms' order.
    values = np.sort(np.abs(values[values != 0]))
    observed = abs(float(np.asarray(d, dtype=np.float64).sum())) * (1 - 1e-12)
    if values.size == 0:
        return 1.0
    if values.size <= EXACT_SIGN_FLIPS:
        return _exact(values, observed)
    rng = np.random.default_rng(seed)
    extreme = 0
    for start in range(0, draws, 500):
        count = min(500, draws - start)
        signs = rng.integers(0, 2, size=(count, values.size), dtype=np.int8) * 2 - 1
        extreme += int((np.abs(signs @ values) >= observed).sum())
    return (extreme + 1) / (draws + 1)


def _exact(values: np.ndarray[tuple[int], np.dtype[np.float64]], observed: float) -> float:
    patterns = np.arange(2**values.size)[:, None] >> np.arange(values.size) & 1
    return float((np.abs((patterns * 2 - 1) @ values) >= observed).mean())
