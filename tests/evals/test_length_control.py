"""Length-controlled win rates, against scikit-learn and on data whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from evals.length_control import GamedRows, fit, length_controlled


def synthetic(n: int, bias: float, skill: float, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Preferences drawn from the model itself: a judge that likes length by `bias`."""
    rng = np.random.default_rng(seed)
    baseline, lengths = rng.integers(200, 2000, n), rng.integers(600, 4000, n)
    difference = baseline - lengths
    x = np.tanh(difference / difference.std(ddof=1))
    return (rng.random(n) < expit(skill - bias * x)).astype(float), baseline, lengths


@pytest.mark.parametrize("inverse", [0.01, 0.1, 1.0, 10.0, 1000.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_fit_is_that_of_a_reference_library(inverse: float, seed: int) -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed)
    x = rng.normal(size=(120, 3))
    targets, weights = rng.random(120), rng.random(120) + 0.1
    # A target between 0 and 1 is a one and a zero, weighted.
    both = np.concatenate([x, x])
    labels = np.repeat([1, 0], 120)
    share = np.concatenate([weights * targets, weights * (1 - targets)])
    model = LogisticRegression(
        l1_ratio=1,
        C=inverse,
        solver="liblinear",
        fit_intercept=False,
        tol=1e-12,
        max_iter=1_000_000,
    )
    model.fit(both, labels, sample_weight=share)
    assert fit(x, targets, weights, inverse) == pytest.approx(model.coef_[0], abs=1e-6)


def test_a_longer_but_equal_model_wins_half_once_length_is_controlled() -> None:
    preferences, baseline, lengths = synthetic(4000, bias=2.0, skill=0.0)
    raw = preferences.mean()
    controlled = length_controlled(preferences, baseline, lengths).mean()
    assert raw > 0.6
    assert controlled == pytest.approx(0.5, abs=0.04)


def test_a_better_model_stays_better() -> None:
    preferences, baseline, lengths = synthetic(4000, bias=2.0, skill=1.0)
    controlled = length_controlled(preferences, baseline, lengths).mean()
    assert controlled == pytest.approx(expit(1.0), abs=0.04)


def test_without_a_length_bias_control_changes_little() -> None:
    preferences, baseline, lengths = synthetic(4000, bias=0.0, skill=0.5)
    controlled = length_controlled(preferences, baseline, lengths).mean()
    assert controlled == pytest.approx(preferences.mean(), abs=0.02)


def test_swapping_model_and_baseline_mirrors_the_win_rate() -> None:
    preferences, baseline, lengths = synthetic(600, bias=1.0, skill=0.4)
    one = length_controlled(preferences, baseline, lengths).mean()
    other = length_controlled(1 - preferences, lengths, baseline).mean()
    assert one + other == pytest.approx(1.0, abs=1e-6)


def test_difficulty_moves_items_apart_by_their_instruction() -> None:
    rng = np.random.default_rng(3)
    difficulty = rng.normal(size=2000)
    preferences = (rng.random(2000) < expit(1.5 * difficulty)).astype(float)
    same = np.full(2000, 500)
    predicted = length_controlled(preferences, same, same, difficulty)
    assert np.corrcoef(predicted, expit(1.5 * difficulty))[0, 1] > 0.99
    assert length_controlled(preferences, same, same).std() == 0


def test_equal_lengths_everywhere_leave_the_plain_win_rate() -> None:
    preferences = np.repeat([1.0, 0.0], [70, 30])
    lengths = np.full(100, 500)
    assert length_controlled(preferences, lengths, lengths).mean() == pytest.approx(0.7, abs=0.02)


def test_gamed_rows_hold_the_length_term_to_what_length_alone_does() -> None:
    preferences, baseline, lengths = synthetic(40, bias=0.0, skill=1.0, seed=5)
    n = 4000
    x = np.repeat([1.0, -1.0], n // 2)
    gamed = GamedRows(expit(-1.0 * np.tanh(x)), x, np.zeros(n))
    free = length_controlled(preferences, baseline, lengths)
    held = length_controlled(preferences, baseline, lengths, gamed=gamed)
    difference = np.asarray(baseline - lengths, dtype=float)
    mean = np.tanh(difference / difference.std(ddof=1)).mean()
    # The gamed rows say that length is liked: the shorter the model, the more it is owed.
    assert mean < 0
    assert held.mean() < free.mean()


@pytest.mark.parametrize(
    ("preferences", "message"),
    [([1.0] * 19, "needs 20 judged items or more; there are 19"), ([1.5] * 30, r"lie in \[0, 1\]")],
)
def test_what_no_fit_can_use_is_refused(preferences: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        length_controlled(preferences, [100] * len(preferences), [90] * len(preferences))


def test_one_sided_preferences_stay_inside_the_unit_interval() -> None:
    preferences, baseline, lengths = synthetic(100, bias=0.0, skill=0.0)
    won = length_controlled(np.ones_like(preferences), baseline, lengths)
    assert ((won > 0.9) & (won <= 1)).all()
