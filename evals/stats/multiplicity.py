"""Adjusting p values for how many were looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from evals.stats.vector import Floats


def holm(p: ArrayLike) -> Floats:
    """Holm's step-down adjustment: controls the chance of any false rejection (Holm 1979).

    Args:
        p: p values, shape `[m]`.

    Returns:
        Adjusted p values in the order given.

    Raises:
        ValueError: a value is not in [0, 1].
    """
    values = _probabilities(p)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * np.arange(values.size, 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Step-up adjustment: controls the share of false rejections (Benjamini and Hochberg 1995).

    Args:
        p: p values, shape `[m]`.

    Returns:
        Adjusted p values in the order given.

    Raises:
        ValueError: a value is not in [0, 1].
    """
    values = _probabilities(p)
    order = np.argsort(values, kind="stable")[::-1]
    scaled = values[order] * values.size / np.arange(values.size, 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return adjusted


def _probabilities(p: ArrayLike) -> Floats:
    values = np.asarray(p, dtype=np.float64)
    bad = np.flatnonzero(~((values >= 0) & (values <= 1)))
    if bad.size:
        raise ValueError(f"p value {bad[0]} is {values[bad[0]]}; it must lie in [0, 1]")
    return values
