"""The statistics of differences: pure functions on arrays.

Scores are fractions in [0, 1]; so are differences, standard errors and margins (0.01 = one point).
`docs/statistics.md` says when each is used and what it covers.
"""

from evals.stats.bootstrap import hierarchical_bootstrap
from evals.stats.clusters import cluster_covariance, cluster_variance
from evals.stats.contamination import PerformanceGain, excess_gain, performance_gain
from evals.stats.estimate import Estimate, Variance, estimate
from evals.stats.max_t import max_t, max_t_from_correlation, max_t_quantile
from evals.stats.multiplicity import benjamini_hochberg, holm
from evals.stats.paired import (
    difference_in_differences,
    item_parts,
    item_variance,
    mean_variance,
    paired,
)
from evals.stats.power import ALPHA, POWER, items_to_settle, minimal_detectable_effect
from evals.stats.randomised import mcnemar, sign_flip
from evals.stats.rates import tango, tango_z, wilson
from evals.stats.runs import RunNoise, run_noise, seed_interaction
from evals.stats.samples import average_at_k, mean_interval, pass_at_k
from evals.stats.student import quantile, upper_tail
from evals.stats.winner import Winner, winner

__all__ = [
    "ALPHA",
    "POWER",
    "Estimate",
    "PerformanceGain",
    "RunNoise",
    "Variance",
    "Winner",
    "average_at_k",
    "benjamini_hochberg",
    "cluster_covariance",
    "cluster_variance",
    "difference_in_differences",
    "estimate",
    "excess_gain",
    "hierarchical_bootstrap",
    "holm",
    "item_parts",
    "item_variance",
    "items_to_settle",
    "max_t",
    "max_t_from_correlation",
    "max_t_quantile",
    "mcnemar",
    "mean_interval",
    "mean_variance",
    "minimal_detectable_effect",
    "paired",
    "pass_at_k",
    "performance_gain",
    "quantile",
    "run_noise",
    "seed_interaction",
    "sign_flip",
    "tango",
    "tango_z",
    "upper_tail",
    "wilson",
    "winner",
]
