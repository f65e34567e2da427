"""Several responses to one item: pass@k and avg@k, with intervals over items.

Both give one unbiased number for each item.  Its variance over items holds what the finite number
of responses adds, so the intervals and tests of single scores apply to them as they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from evals.stats.estimate import Estimate, estimate
from evals.stats.paired import item_parts
from evals.stats.vector import Floats, vector


def pass_at_k(correct: ArrayLike, n: ArrayLike, k: int) -> Floats:
    """Chance that at least one of k responses is right: 1 - C(n - c, k) / C(n, k) for each item.

    Unbiased for every k up to n (Chen et al. 2021, arXiv 2107.03374).

    Args:
        correct: Correct responses c to each item, shape `[items]`.
        n: Responses drawn for each item: one number, or one for each item.
        k: Responses a user would look at, at most `n`.

    Returns:
        One estimate for each item, shape `[items]`.

    Raises:
        ValueError: no items, `k` outside [1, n], or a count outside [0, n] or not whole.
    """
    c, drawn = vector(correct, "counts"), np.asarray(n, dtype=np.float64)
    drawn = np.broadcast_to(drawn, c.shape) if drawn.size == 1 else vector(drawn, "responses")
    if drawn.shape != c.shape:
        raise ValueError(f"{drawn.size} numbers of responses for {c.size} items")
    if k < 1 or k > drawn.min():
        raise ValueError(f"k is {k}; it lies between 1 and the {drawn.min():g} samples drawn")
    if np.any(c < 0) or np.any(c > drawn) or np.any(c % 1) or np.any(drawn % 1):
        raise ValueError("a count of correct samples lies outside [0, n], or is not whole")
    # C(n-c, k) / C(n, k) = prod_{j<k} (n - c - j) / (n - j): no large factorials.
    j = np.arange(k)
    miss = ((drawn - c)[:, None] - j).clip(min=0) / (drawn[:, None] - j)
    chance: Floats = 1 - miss.prod(axis=1)
    return chance


def average_at_k(scores: ArrayLike) -> Floats:
    """avg@k: each item's mean over its k responses, shape `[items]`.

    A gate reads this rather than pass@k: it uses every response and rises with each right one.

    Args:
        scores: Scores of each item's responses, shape `[items, k]`.

    Raises:
        ValueError: another shape, no items or responses, or a score is NaN or infinite.
    """
    x = np.asarray(scores, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] == 0:
        raise ValueError(f"scores: shape {x.shape}; [items, k] with at least one response needed")
    return vector(x.mean(axis=1))


def mean_interval(
    values: ArrayLike,
    level: float = 0.95,
    *,
    cluster: ArrayLike | None = None,
    stratum: ArrayLike | None = None,
) -> Estimate:
    """The mean of one number for each item, such as pass@k, with a t interval over items.

    The interval is cut to [0, 1], where the mean lies.  The paired difference of two models is
    `paired(pass_at_k(b, n, k), pass_at_k(a, n, k))`.

    Args:
        values: In [0, 1], shape `[items]`.
        level: Two-sided coverage.
        cluster: As in `item_parts`.
        stratum: As in `item_parts`.

    Raises:
        ValueError: fewer than two items, or a value is not in [0, 1].
    """
    x = vector(values, least=2)
    if x.min() < 0 or x.max() > 1:
        raise ValueError("scores: a value lies outside [0, 1]")
    found = estimate(
        float(x.mean()), item_parts(x, cluster=cluster, stratum=stratum, floor=True), level
    )
    low, high = max(0.0, found.low), min(1.0, found.high)
    return Estimate(found.mean, found.se, low, high, found.df, found.p)
