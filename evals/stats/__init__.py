"""The statistics of differences: pure functions on arrays.

Scores are fractions in [0, 1]; so are differences, standard errors and margins (0.01 = one point).
"""

from evals.stats.estimate import Estimate, Variance, estimate
from evals.stats.multiplicity import benjamini_hochberg, holm
from evals.stats.paired import (
    clustered,
    difference_in_differences,
    item_covariance,
    item_variance,
    mean_variance,
    paired,
    stratified,
)
from evals.stats.power import ALPHA, POWER, items_to_settle, minimal_detectable_effect
from evals.stats.randomised import mcnemar, sign_flip
from evals.stats.rates import pass_at_k, wilson
from evals.stats.runs import RunNoise, run_noise, seed_interaction
from evals.stats.student import quantile, upper_tail

__all__ = [
    "ALPHA",
    "POWER",
    "Estimate",
    "RunNoise",
    "Variance",
    "benjamini_hochberg",
    "clustered",
    "difference_in_differences",
    "estimate",
    "holm",
    "item_covariance",
    "item_variance",
    "items_to_settle",
    "mcnemar",
    "mean_variance",
    "minimal_detectable_effect",
    "paired",
    "pass_at_k",
    "quantile",
    "run_noise",
    "seed_interaction",
    "sign_flip",
    "stratified",
    "upper_tail",
    "wilson",
]
