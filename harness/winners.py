"""What the promoted arms are worth where they were not chosen."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evals import stats
from evals.suite import Suite
from harness.evidence import Evidence
from harness.families import correlation
from harness.runs import TrainedArm, find_arm
from harness.sweep import ArmRef, Sweep


@dataclass(frozen=True, slots=True)
class Promoted:
    """The best arm of a stage over a reference, in the mean of the development suite."""

    stage: str
    arms: tuple[str, ...]
    """Names of the clean arms it was chosen among."""
    against: str
    best: str
    """The arm with the highest development score."""
    seen: float
    """Its gain on the items and seeds that chose it: optimistic."""
    honest: stats.Estimate
    """The gain on halves of the items (and seeds) that did not choose; 95 % interval."""
    share: float
    """Of the halves, how many chose `best`."""


@dataclass(frozen=True, slots=True)
class Rivals:
    """The clean arms that development scores were read of, and how their gains hang together."""

    arms: tuple[str, ...]
    correlation: tuple[tuple[float, ...], ...]

    def factor(self, alpha: float, df: float) -> float:
        """Standard errors below the estimate at which a bound holds for every arm at once."""
        return stats.max_t_quantile(1 - alpha, self.correlation, df)

    def most(self, alpha: float, df: float, factor: float) -> int:
        """Of so many arms, correlated as these are on average, `factor` is enough for every one.

        Args:
            alpha: One-sided level over all arms.
            df: Degrees of freedom of the standard errors.
            factor: Standard errors between an estimate and the line it has to reach.
        """
        n = len(self.arms)
        common = (float(np.sum(self.correlation)) - n) / (n * (n - 1)) if n > 1 else 0.0

        def needed(arms: int) -> float:
            alike = np.full((arms, arms), common) + (1 - common) * np.eye(arms)
            return stats.max_t_quantile(1 - alpha, alike, df)

        return bisect.bisect_right(range(1, n), factor, key=needed)


def promotions(
    sweep: Sweep, evidence: Evidence, suites: Mapping[str, Suite]
) -> tuple[Promoted, ...]:
    """The winner of every stage that arms were chosen in, over the baseline.

    A stage with fewer than two clean arms beside the reference, or one whose scores are incomplete,
    has no winner to speak of.
    """
    if sweep.baseline is None:
        return ()
    reference = _find(evidence, sweep.baseline)
    chosen = {s.start for s in sweep.stages if s.promote}
    chosen |= {sweep.stages[-1].name} if sweep.gate else set()
    found = []
    for stage in sweep.stages:
        arms = [
            a
            for a in evidence.arms
            if a.stage == stage.name and not a.contaminated and a != reference
        ]
        if stage.name in chosen and reference is not None and len(arms) > 1:
            try:
                found.append(_promoted(evidence, stage.name, arms, reference, suites["dev"]))
            except ValueError:
                # `harness.deltas` lists what is missing of these arms, with the reason.
                continue
    return tuple(found)


def _promoted(
    evidence: Evidence,
    stage: str,
    arms: Sequence[TrainedArm],
    reference: TrainedArm,
    suite: Suite,
) -> Promoted:
    pairs = [[evidence.table.pair(a, reference, b) for a in arms] for b in suite.benchmarks]
    least = min(p[0].seeds for row in pairs for p in row)
    won = stats.winner(
        [np.stack([p[0].scores[:least] for p in row]) for row in pairs],
        [row[0][1].scores for row in pairs],
        cluster=[row[0][0].cluster for row in pairs],
        stratum=[row[0][0].stratum for row in pairs],
        noise=evidence.noise.get((stage, suite.name)) if least > 1 else None,
    )
    means = [float(np.mean([row[i][0].mean for row in pairs])) for i in range(len(arms))]
    best = int(np.argmax(means))
    against = float(np.mean([row[0][1].mean for row in pairs]))
    return Promoted(
        stage=stage,
        arms=tuple(a.name for a in arms),
        against=reference.name,
        best=arms[best].name,
        seen=means[best] - against,
        honest=won.estimate,
        share=won.share[best],
    )


def rivals_of(evidence: Evidence, reference: TrainedArm, suite: Suite) -> Rivals:
    """Every clean arm but the reference: whichever of them won, its bound is to hold.

    Arms of earlier stages count: the candidate continues the one that won there.  An arm whose
    scores are incomplete counts as independent of the others, which makes the bound wider.
    """
    arms = [a for a in evidence.arms if not a.contaminated and a != reference]
    known, differences = [], []
    for i, arm in enumerate(arms):
        try:
            differences.append(evidence.suite_difference(arm, reference, suite))
            known.append(i)
        except ValueError:
            # `harness.deltas` lists it as absent, with this error as the reason.
            continue
    matrix = np.eye(len(arms))
    if known:
        matrix[np.ix_(known, known)] = correlation(differences)
    return Rivals(tuple(a.name for a in arms), tuple(map(tuple, matrix.tolist())))


def _find(evidence: Evidence, ref: ArmRef) -> TrainedArm | None:
    try:
        return find_arm(evidence.arms, ref)
    except ValueError:
        # `harness.deltas` lists the baseline as absent.
        return None
