"""Deltas that are read together: how they covary, and p values that count how many they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from evals import stats
from harness.difference import Difference

Floats = NDArray[np.float64]


def max_t(differences: Sequence[Difference]) -> Floats:
    """Adjusted p values of one family: the arms of a sweep on one benchmark, or on its mean.

    With one seed the signs of items are flipped in all arms at once.  With noise between runs the
    plain p values are read as normal deviates with the correlation of the deltas, which holds the
    shared items and the shared reference.

    Args:
        differences: The family, each on the same benchmarks.

    Returns:
        Step-down max-T p values in the order given.
    """
    if any(d.runs for d in differences):
        p = np.clip([d.estimate().p for d in differences], 1e-300, 1.0)
        z = [-stats.quantile(float(x) / 2) for x in p]
        return stats.max_t_from_correlation(z, correlation(differences))
    return stats.max_t(np.concatenate(list(_blocks(differences).values()), axis=1))


def correlation(differences: Sequence[Difference]) -> Floats:
    """Correlation between deltas: shared items or clusters, and runs of arms they share."""
    covariance = np.zeros((len(differences), len(differences)))
    for block in _blocks(differences).values():
        centred = block - block.mean(axis=1, keepdims=True)
        covariance += centred @ centred.T
    for i, one in enumerate(differences):
        for j, other in enumerate(differences):
            covariance[i, j] += _shared_runs(one, other)
    # Arms that agree with the reference on everything have no correlation with any other.
    scale = np.sqrt(np.diag(covariance))
    outer = np.outer(scale, scale)
    found: Floats = np.divide(covariance, outer, out=np.zeros_like(covariance), where=outer > 0)
    np.fill_diagonal(found, 1.0)
    return found


def _shared_runs(one: Difference, other: Difference) -> float:
    """Covariance through arms that take part in both, with the sign of the side they stand on."""
    return sum(
        (variance if a == b else -variance)
        for a, (name, variance) in enumerate(one.sides)
        for b, (same, _) in enumerate(other.sides)
        if name == same
    )


def _blocks(differences: Sequence[Difference]) -> Mapping[str, Floats]:
    """Benchmark -> what each item or cluster adds to each delta, shape `[deltas, units]`."""
    units: dict[str, dict[str, int]] = {}
    for d in differences:
        for pull in d.pulls:
            known = units.setdefault(pull.benchmark, {})
            for name in pull.units:
                known.setdefault(str(name), len(known))
    blocks = {name: np.zeros((len(differences), len(known))) for name, known in units.items()}
    for row, d in enumerate(differences):
        for pull in d.pulls:
            at = [units[pull.benchmark][str(name)] for name in pull.units]
            np.add.at(blocks[pull.benchmark][row], at, pull.values)
    return blocks
