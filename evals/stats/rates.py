"""Score intervals of proportions and of their paired differences."""

from __future__ import annotations

import math

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


def tango(better: int, worse: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Tango's score interval for a difference of paired proportions.

    Every difference that the score test of `tango_z` keeps.  A t interval takes its width from the
    items that differ; where those are few and mostly on one side, a sample with fewer of them has a
    narrower interval about a smaller difference, and 95 % covers as little as 88 %.

    Args:
        better: Items right under B and wrong under A.
        worse: Items wrong under B and right under A.
        n: All items.
        level: Two-sided coverage.

    Raises:
        ValueError: no items, or counts that do not fit in them.
    """
    from scipy import optimize

    z = quantile(0.5 + level / 2)
    edge = 1 - 1e-12
    bounds = []
    for wanted, end in ((z, -1.0), (-z, 1.0)):
        # The statistic falls from the one end to the other, and is 0 at the observed difference.
        if abs(tango_z(better, worse, n, end * edge)) <= z:
            bounds.append(end)
            continue
        root = optimize.brentq(
            lambda delta, wanted=wanted: tango_z(better, worse, n, delta) - wanted,
            -edge,
            edge,
            xtol=1e-13,
        )
        bounds.append(float(root))
    return bounds[0], bounds[1]


def tango_z(better: float, worse: float, n: float, delta: float) -> float:
    """Score statistic of the hypothesis that paired proportions differ by `delta` (Tango 1998).

    (better - worse - n delta) over its standard deviation at the likeliest proportions with that
    difference; about normal, and a rising function of what was observed.

    Args:
        better: Items right under B and wrong under A.
        worse: Items wrong under B and right under A.
        n: All items.
        delta: The hypothesis, B minus A, in (-1, 1).

    Raises:
        ValueError: no items, counts that do not fit in them, or a difference out of range.
    """
    if n < 1 or better < 0 or worse < 0 or better + worse > n or not -1 < delta < 1:
        raise ValueError(f"{better} better and {worse} worse of {n} against {delta}: no such items")
    b = (2 * n - better + worse) * delta - better - worse
    root = math.sqrt(max(0.0, b * b + 8 * n * worse * delta * (1 - delta)))
    only_worse = (root - b) / (4 * n)
    variance = n * (2 * only_worse + delta * (1 - delta))
    distance = better - worse - n * delta
    return distance / math.sqrt(variance) if variance > 0 else 0.0
