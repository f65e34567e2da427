"""Length-controlled win rates: what the preference would be were both responses equally long.

Dubois et al. 2024 (arXiv:2404.04475, section 3): the preference for the model m over the baseline
b on instruction x is a logistic regression on

    tanh((len_b - len_m) / sd),   the instruction's difficulty gamma_x,   and a constant,

and the controlled preference is what it predicts with the first term set to zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Vector = npt.NDArray[np.float64]

GRID = np.logspace(-4, 4, 10)
"""Inverse strengths of the L1 penalty that are tried."""
FOLDS = 5
FEWEST = 20
"""Judged items below which a fit says nothing."""
MOST_STEPS = 1000
GAMED_WEIGHT = 0.2 / 2
"""Weight of a row of the two baselines that game the length (lambda of the published form)."""


@dataclass(frozen=True, slots=True)
class GamedRows:
    """Published preferences for baselines made shorter or longer on purpose.

    They have no constant: a model that differs from the baseline in length alone is not better.
    """

    preferences: Vector
    standardised_difference: Vector
    difficulty: Vector


def length_controlled(
    preferences: Sequence[float],
    baseline_lengths: Sequence[int],
    lengths: Sequence[int],
    difficulty: Sequence[float] | None = None,
    gamed: GamedRows | None = None,
) -> Vector:
    """Controlled preference of each item, in [0, 1]; their mean is the win rate.

    Args:
        preferences: The judge's preference for the model over the baseline, in [0, 1].
        baseline_lengths: Characters of the baseline's responses.
        lengths: Characters of the model's.
        difficulty: gamma_x of each instruction; without it the term is left out (the published
            form calls that "minimal").
        gamed: Rows that hold the length term down (the published form's regularisation).

    Raises:
        ValueError: fewer than 20 items, or a preference outside [0, 1].
    """
    y = np.asarray(preferences, dtype=float)
    if len(y) < FEWEST:
        raise ValueError(f"length control needs {FEWEST} judged items or more; there are {len(y)}")
    if not ((y >= 0) & (y <= 1)).all():
        raise ValueError("length control: preferences lie in [0, 1]")
    difference = np.asarray(baseline_lengths, dtype=float) - np.asarray(lengths, dtype=float)
    spread = float(difference.std(ddof=1))
    standardised = difference / spread if spread > 0 else np.zeros_like(difference)
    x = _features(standardised, difficulty, constant=1.0)
    coefficients = _chosen_fit(x, y, np.ones_like(y), gamed, difficulty is not None)
    controlled = _features(np.zeros_like(standardised), difficulty, constant=1.0)
    predicted: Vector = expit(controlled @ coefficients)
    return predicted


def _features(
    standardised: Vector, difficulty: Sequence[float] | Vector | None, *, constant: float
) -> Vector:
    columns = [np.tanh(standardised), np.full_like(standardised, constant)]
    if difficulty is not None:
        columns.append(np.asarray(difficulty, dtype=float))
    return np.column_stack(columns)


def _chosen_fit(
    x: Vector, y: Vector, weight: Vector, gamed: GamedRows | None, with_difficulty: bool
) -> Vector:
    """Fit at the penalty whose held-out log loss is the least."""
    if gamed is not None:
        difficulty = gamed.difficulty if with_difficulty else None
        rows = _features(gamed.standardised_difference, difficulty, constant=0.0)
        x = np.concatenate([rows, x])
        y = np.concatenate([gamed.preferences, y])
        weight = np.concatenate([np.full(len(rows), GAMED_WEIGHT), weight])
    fold = np.arange(len(y)) % FOLDS
    losses = [
        np.mean([_held_out(x, y, weight, fold == k, inverse) for k in range(FOLDS)])
        for inverse in GRID
    ]
    return fit(x, y, weight, float(GRID[int(np.argmin(losses))]))


def _held_out(
    x: Vector, y: Vector, weight: Vector, held: npt.NDArray[np.bool_], inverse: float
) -> float:
    w = fit(x[~held], y[~held], weight[~held], inverse)
    return float(np.mean(weight[held] * _log_loss(x[held] @ w, y[held])))


def fit(features: Vector, targets: Vector, weights: Vector, inverse: float) -> Vector:
    """Weights of a logistic regression without intercept: argmin |w|_1 + C sum_i s_i loss_i.

    Args:
        features: One row for each item.
        targets: In [0, 1]; a target between the two is that share of a one.
        weights: Weight s of each row.
        inverse: C, the inverse strength of the L1 penalty.
    """
    # Divided through, so that tolerances mean the same at every C.
    scale = 1 + inverse * float(weights.sum())
    penalty, share = 1 / scale, inverse * weights / scale

    def objective(w: Vector) -> float:
        return penalty * float(np.abs(w).sum()) + float(share @ _log_loss(features @ w, targets))

    w = np.zeros(features.shape[1])
    value = objective(w)
    for _ in range(MOST_STEPS):
        p = expit(features @ w)
        gradient = features.T @ (share * (p - targets))
        hessian = features.T @ ((share * p * (1 - p))[:, None] * features)
        step = _proximal_step(w, gradient, hessian, penalty)
        # Half the step until it helps; at the minimum none does.
        halves = (w + step / 2**h for h in range(40))
        better = next(((v, f) for v in halves if (f := objective(v)) < value), None)
        if better is None:
            break
        w, value = better
    return w


def _proximal_step(w: Vector, gradient: Vector, hessian: Vector, penalty: float) -> Vector:
    """Newton's step under the L1 penalty: coordinate descent on the quadratic model around w."""
    curvature = hessian + 1e-12 * np.eye(len(w))
    v = w.copy()
    for _ in range(MOST_STEPS):
        before = v.copy()
        for j in range(len(w)):
            slope = gradient[j] + curvature[j] @ (v - w)
            free = v[j] - slope / curvature[j, j]
            v[j] = np.sign(free) * max(abs(free) - penalty / curvature[j, j], 0.0)
        if np.abs(v - before).max() < 1e-13:
            break
    return v - w


def _log_loss(z: Vector, y: Vector) -> Vector:
    loss: Vector = np.logaddexp(0.0, z) - y * z
    return loss
