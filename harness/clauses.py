"""What a gate asks for: one clause for each benchmark and mean, with the line it has to reach."""

from __future__ import annotations

from collections.abc import Mapping

from evals.suite import Benchmark, Suite
from harness.comparisons import MEAN
from harness.sweep import GatePolicy
from harness.verdict import Clause


def clauses(policy: GatePolicy, suites: Mapping[str, Suite]) -> list[Clause]:
    """Everything that the gate asks for, in the order of the suite."""
    suite = suites[policy.suite]
    kept = [Clause("noninferior", suite.name, b.name, -margin(policy, b)) for b in suite.benchmarks]
    kept.append(Clause("noninferior", suite.name, MEAN, -mean_margin(policy, suite)))
    if policy.improve is not None:
        kept.append(Clause("improve", suites[policy.improve].name, MEAN, 0.0))
    return kept


def margin(policy: GatePolicy, benchmark: Benchmark) -> float:
    """A benchmark's margin: its own in the policy, the policy's default, its suite's."""
    fallback = policy.noninferior.get("default", benchmark.margin)
    return policy.noninferior.get(benchmark.name, fallback)


def mean_margin(policy: GatePolicy, suite: Suite) -> float:
    """Margin of a suite's mean: the policy's for `(mean)`, else the mean of the margins."""
    margins = [margin(policy, b) for b in suite.benchmarks]
    return policy.noninferior.get(MEAN, sum(margins) / len(margins))
