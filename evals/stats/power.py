"""What a benchmark can resolve, and what it would take to settle a question."""

from __future__ import annotations

import math

from evals.stats.student import quantile

ALPHA, POWER = 0.05, 0.80


def minimal_detectable_effect(
    discordant: float,
    n: int,
    run_variance: float = 0.0,
    df: float = math.inf,
    alpha: float = ALPHA,
    power: float = POWER,
) -> float:
    """Smallest true difference that a one-sided test finds with the given power.

    (t_{1 - alpha} + t_{power}) sqrt(discordant / n + run_variance), 2.49 times the standard error
    at one-sided 5 % and 80 % (Card et al. 2020; Miller 2024, section 5).

    Args:
        discordant: Variance of the paired differences between items; for binary scores without a
            true difference, the share of items on which the arms differ.
        n: Items.
        run_variance: sigma_run^2 (1/S_A + 1/S_B), 0 where unknown.
        df: Degrees of freedom of the standard error.
        alpha: One-sided level.
        power: Probability of finding it.

    Raises:
        ValueError: no items, or a variance that is negative, NaN or infinite.
    """
    if n < 1:
        raise ValueError("a benchmark without items resolves nothing")
    if not (0 <= discordant < math.inf and 0 <= run_variance < math.inf):
        raise ValueError(f"variances {discordant} and {run_variance}: not finite and positive")
    factor = quantile(1 - alpha, df) + quantile(power, df)
    return factor * math.sqrt(discordant / n + run_variance)


def items_to_settle(
    distance: float, moving: float, fixed: float, count: int, alpha: float = ALPHA
) -> int | None:
    """How many items (or seeds) put a bound at `distance` from the estimate.

    Solves z_{1 - alpha} sqrt(moving * count / x + fixed) = distance for x: the estimate is taken to
    stay where it is.

    Args:
        distance: From the estimate to the line that the bound must reach, in score units.
        moving: Variance that shrinks with the count, as it is now.
        fixed: Variance that does not.
        count: Items (or seeds) now.
        alpha: One-sided level.

    Returns:
        The count, rounded up; None where no count suffices.
    """
    room = (distance / quantile(1 - alpha)) ** 2 - fixed
    return math.ceil(moving * count / room) if room > 0 else None
