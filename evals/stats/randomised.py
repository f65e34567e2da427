"""Exact and randomisation tests of a paired difference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from evals.stats.vector import Floats, group_index, group_sums, vector

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


def sign_flip(
    d: ArrayLike, draws: int = 10_000, seed: int = 0, *, cluster: ArrayLike | None = None
) -> float:
    """Two-sided sign-flip permutation test that mean(d) = 0 (Fisher 1935; Card et al. 2020).

    Every sign pattern is counted for few non-zero differences; otherwise `draws` random ones with
    the observed pattern counted in (Phipson and Smyth 2010).

    Args:
        d: Differences, shape `[n]`.
        draws: Random sign patterns.
        seed: Seed of the patterns, so that a report is repeatable.
        cluster: The cluster of each item: its items keep one sign.

    Raises:
        ValueError: no differences, one that is NaN or infinite, or no draws.
    """
    values = vector(d, "differences")
    if draws < 1:
        raise ValueError(f"{draws} sign patterns are no test; draw at least 1")
    if cluster is not None:
        values = group_sums(values, group_index(cluster, values.size, "cluster"))
    observed = abs(float(values.sum())) * (1 - 1e-12)
    # Sorting makes the drawn patterns independent of the order of items and of the arms' order.
    values = np.sort(np.abs(values[values != 0]))
    if values.size == 0:
        return 1.0
    if values.size <= EXACT_SIGN_FLIPS:
        return float((np.abs(every_sign(values.size) @ values) >= observed).mean())
    rng = np.random.default_rng(seed)
    extreme = 0
    for count in batches(draws, values.size):
        signs = random_signs(rng, count, values.size)
        extreme += int((np.abs(signs @ values) >= observed).sum())
    return (extreme + 1) / (draws + 1)


def batches(draws: int, n: int) -> Iterator[int]:
    """Sizes of batches of sign patterns of n items that stay below about 16 MB."""
    size = max(1, 2_000_000 // n)
    for start in range(0, draws, size):
        yield min(size, draws - start)


def every_sign(n: int) -> Floats:
    """Every pattern of n signs, shape `[2^n, n]`."""
    patterns = np.arange(2**n)[:, None] >> np.arange(n) & 1
    return (patterns * 2 - 1).astype(np.float64)


def random_signs(rng: np.random.Generator, draws: int, n: int) -> Floats:
    """Random signs, shape `[draws, n]`; every bit of the generator is one sign."""
    bits = np.unpackbits(np.frombuffer(rng.bytes(draws * ((n + 7) // 8)), dtype=np.uint8))
    signs: Floats = bits.reshape(draws, -1)[:, :n].astype(np.float64) * 2 - 1
    return signs
