"""Many arms against one: adjusted p values and bounds that know how the arms hang together.

Arms of a sweep are scored on the same items and compared with the same reference, so their deltas
rise and fall together.  Bonferroni and Holm do not use that; the largest of the statistics does.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from evals.stats.randomised import EXACT_SIGN_FLIPS, batches, every_sign, random_signs
from evals.stats.student import quantile
from evals.stats.vector import Floats, group_index, group_sums, matrix

TIE = 1e-9
"""Statistics this close to the observed one count as equal to it; rounding decides nothing."""


def max_t(
    d: ArrayLike,
    draws: int = 10_000,
    seed: int = 0,
    *,
    cluster: ArrayLike | None = None,
    step_down: bool = True,
) -> Floats:
    """Adjusted two-sided p values of "mean(d[arm]) = 0" by the max-T sign flip.

    One sign per item (or cluster) flips that item in every arm at once, so the arms keep their
    correlation (Westfall and Young 1993, algorithms 2.5 and 2.8).  The statistic is
    |sum d| / sqrt(sum d^2), a rising function of |t| whose denominator no flip changes.  Controls
    the chance of any false rejection, in the strong sense where step-down has subset pivotality,
    which sign flips of one item by item table have.

    Args:
        d: Differences of each arm from the reference on the same items, shape `[arms, n]`.
        draws: Random sign patterns; for few items every pattern is counted.
        seed: Seed of the patterns.
        cluster: The cluster of each item, shape `[n]`.
        step_down: Compare each arm with those at most as significant (more power); else every arm
            with all.

    Returns:
        Adjusted p values, shape `[arms]`.

    Raises:
        ValueError: no arms or items, a number that is NaN or infinite, or no draws.
    """
    sums = matrix(d, "differences")
    if draws < 1:
        raise ValueError(f"{draws} sign patterns are no test; draw at least 1")
    if cluster is not None:
        index = group_index(cluster, sums.shape[1], "cluster")
        sums = np.stack([group_sums(row, index) for row in sums])
    sums = sums[:, np.any(sums != 0, axis=0)]
    scale = np.sqrt(np.sum(sums**2, axis=1, keepdims=True))
    unit = np.divide(sums, scale, out=np.zeros_like(sums), where=scale > 0)
    return _adjusted(np.abs(unit.sum(axis=1)), _flipped(unit, draws, seed), step_down)


def _flipped(unit: Floats, draws: int, seed: int) -> Iterator[Floats]:
    """Statistics `[some draws, arms]` under flipped signs; the observed one is among them."""
    n = unit.shape[1]
    if n <= EXACT_SIGN_FLIPS:
        yield np.abs(every_sign(n) @ unit.T)
        return
    # The observed pattern counts as one of the drawn (Phipson and Smyth 2010).
    yield np.abs(unit.sum(axis=1))[None, :]
    rng = np.random.default_rng(seed)
    for count in batches(draws, n):
        yield np.abs(random_signs(rng, count, n) @ unit.T)


def _adjusted(observed: Floats, drawn: Iterable[Floats], step_down: bool) -> Floats:
    order = np.argsort(observed, kind="stable")
    extreme, total = np.zeros(observed.size), 0
    for chunk in drawn:
        if step_down:
            largest = np.maximum.accumulate(chunk[:, order], axis=1)
        else:
            largest = chunk.max(axis=1, keepdims=True)
        extreme += np.sum(largest >= observed[order] - TIE, axis=0)
        total += len(chunk)
    p = extreme / total
    # From the most significant on, no p value is below that of an arm before it.
    p = np.maximum.accumulate(p[::-1])[::-1]
    adjusted = np.empty_like(p)
    adjusted[order] = np.where(observed[order] > TIE, p, 1.0)
    return adjusted


def max_t_from_correlation(
    t: ArrayLike, correlation: ArrayLike, df: float = math.inf, draws: int = 20_000, seed: int = 0
) -> Floats:
    """Step-down max-T p values where the statistics are jointly Student (Hothorn et al. 2008).

    For deltas that carry noise between runs: signs of items cannot be flipped there, as a run moves
    all of them at once.

    Args:
        t: Each arm's delta over its standard error, shape `[arms]`.
        correlation: Between the deltas, shape `[arms, arms]`.
        df: Degrees of freedom of the standard errors.
        draws: Draws of the joint distribution.
        seed: Seed of the draws.

    Raises:
        ValueError: shapes differ or a number is NaN.
    """
    observed = np.abs(matrix(np.atleast_2d(np.asarray(t, dtype=np.float64)), "t")[0])
    z = _joint(correlation, df, draws, seed)
    if z.shape[1] != observed.size:
        raise ValueError(f"{observed.size} statistics with a correlation of {z.shape[1]}")
    return _adjusted(observed, [np.abs(z), observed[None, :]], step_down=True)


def max_t_quantile(
    probability: float,
    correlation: ArrayLike,
    df: float = math.inf,
    draws: int = 50_000,
    seed: int = 0,
) -> float:
    """Factor of the standard error for one-sided bounds that hold for every arm at once.

    The quantile of the largest of jointly Student statistics (Dunnett 1955 for equal correlations),
    so the bound of whichever arm came out best holds too.

    Args:
        probability: Joint coverage of the bounds, in (0.5, 1).
        correlation: Between the deltas, shape `[arms, arms]`.
        df: Degrees of freedom of the standard errors.
        draws: Draws of the joint distribution.
        seed: Seed of the draws.

    Raises:
        ValueError: a matrix that is not square or not finite, or a probability out of range.
    """
    if not 0.5 < probability < 1:
        raise ValueError(f"joint coverage is {probability}; it lies between 0.5 and 1")
    square = _correlation(correlation)
    if len(square) == 1:
        return quantile(probability, df)
    key = tuple(map(tuple, square.round(6).tolist()))
    return _max_t_quantile(probability, key, df, draws, seed)


@functools.lru_cache(maxsize=64)
def _max_t_quantile(
    probability: float, rows: tuple[tuple[float, ...], ...], df: float, draws: int, seed: int
) -> float:
    largest = _joint(np.array(rows), df, draws, seed).max(axis=1)
    # A rounding of the draws must not promise more than one bound alone would.
    return max(float(np.quantile(largest, probability)), quantile(probability, df))


def _correlation(correlation: ArrayLike) -> Floats:
    square = matrix(correlation, "correlation")
    if square.shape[0] != square.shape[1]:
        raise ValueError(f"a correlation of shape {square.shape} is not square")
    return square


def _joint(correlation: ArrayLike, df: float, draws: int, seed: int) -> Floats:
    """Draws of a multivariate t with unit scale, shape `[draws, arms]`."""
    square = _correlation(correlation)
    values, vectors = np.linalg.eigh((square + square.T) / 2)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    # Clipping an indefinite estimate moves the diagonal; rows of unit length put it back.
    length = np.linalg.norm(root, axis=1, keepdims=True)
    root = np.divide(root, length, out=np.zeros_like(root), where=length > 0)
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((draws, len(square))) @ root.T
    if math.isinf(df):
        return np.asarray(z, dtype=np.float64)
    chi = np.sqrt(rng.chisquare(df, size=(draws, 1)) / df)
    return np.asarray(z / chi, dtype=np.float64)
