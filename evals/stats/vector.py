"""What the statistics accept: finite numbers and labels, one for each item."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Index = NDArray[np.intp]


def vector(values: ArrayLike, what: str = "scores", least: int = 1) -> Floats:
    """Finite numbers, shape `[n]`.

    Args:
        values: One number for each item.
        what: The numbers' name in an error.
        least: Fewest numbers that will do.

    Raises:
        ValueError: another shape, too few numbers, or one that is NaN or infinite.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1:
        raise ValueError(f"{what}: shape {x.shape}; one number for each item is needed")
    return _checked(x, x.size, what, least)


def matrix(values: ArrayLike, what: str = "scores", least: int = 1) -> Floats:
    """Finite numbers, shape `[rows, n]` with at least one row; arguments and errors as `vector`."""
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or not len(x):
        raise ValueError(f"{what}: shape {x.shape}; rows of one number for each item are needed")
    return _checked(x, x.shape[1], what, least)


def _checked(x: Floats, n: int, what: str, least: int) -> Floats:
    if n < least:
        few = "at least two are needed" if least == 2 else f"at least {least} needed"
        raise ValueError(f"{what}: {n} items; {few}")
    bad = np.flatnonzero(~np.isfinite(x))
    if bad.size:
        raise ValueError(f"{what}: number {bad[0]} is {x.flat[bad[0]]}; scores are finite")
    return x


def group_index(labels: ArrayLike, n: int, what: str) -> Index:
    """The group of each item as a number, groups in order of first appearance.

    Args:
        labels: Text or numbers, shape `[n]`.
        n: Items.
        what: `cluster` or `stratum`, for an error.

    Raises:
        ValueError: another number of labels, or a label is missing (None, NaN).
    """
    given = np.asarray(labels)
    if given.size != n:
        raise ValueError(f"{given.size} {what} labels for {n} items")
    if given.dtype.kind == "i":
        return _in_order(given.ravel())
    names = np.asarray(labels, dtype=object).ravel().tolist()
    known: dict[object, int] = {}
    for i, name in enumerate(names):
        if name is None or (isinstance(name, float) and math.isnan(name)):
            raise ValueError(f"item {i} has no {what}; give every item one, or give none")
        known.setdefault(name, len(known))
    return np.array([known[name] for name in names], dtype=np.intp)


def _in_order(labels: NDArray[np.integer[Any]]) -> Index:
    """As `group_index`, for whole numbers, which need no dictionary."""
    _, first, index = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(first.size, dtype=np.intp)
    rank[np.argsort(first)] = np.arange(first.size)
    return rank[index]


def group_sums(values: Floats, index: Index) -> Floats:
    """Sum of the values of each group, shape `[groups]`."""
    sums: Floats = np.bincount(index, weights=values).astype(np.float64)
    return sums


def least_variance(d: Floats) -> float:
    """Variance of a mean if, of n items, one had got better and one worse and none else moved.

    By the largest difference there is; by 1 where there is none, since scores lie in [0, 1].
    """
    step = float(np.abs(d).max())
    return 2 * (step if step > 0 else 1.0) ** 2 / d.size**2
