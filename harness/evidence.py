"""Everything measured in a sweep: what one arm scored beyond another, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evals import stats
from evals.halves import Half
from evals.suite import Benchmark, Suite
from harness.difference import Difference, Pull
from harness.runs import Run, TrainedArm, trained_arms
from harness.scores import ArmScores, ScoreTable, score_table

if TYPE_CHECKING:
    import pandas as pd


ENOUGH_DF = 4
"""With fewer degrees of freedom than this in its own stage, noise between runs is pooled over the
arms of every stage.  Held-out suites are scored for two or three arms only: alone, each stage would
have one degree of freedom and intervals five times as wide."""

Noise = Mapping[tuple[str, str], stats.RunNoise | None]


@dataclass(frozen=True)
class Evidence:
    """Arms, suites and scores, with the noise between runs pooled per stage."""

    arms: tuple[TrainedArm, ...]
    suites: Mapping[str, Suite]
    """Role -> suite."""
    table: ScoreTable
    noise: Noise
    """(stage, name of a benchmark or suite) -> noise between runs."""

    def difference(self, of: TrainedArm, against: TrainedArm, benchmark: Benchmark) -> Difference:
        """`of` minus `against` on one benchmark.

        Runs are taken as independent.  An arm and its parent share their seeds, so there the
        interval is cautious.

        Raises:
            ValueError: the two cannot be compared on it; names benchmark, arms and reason.
        """
        one, other = self.table.pair(of, against, benchmark)
        if one.items.size < 2:
            raise ValueError(f"{benchmark.name}: {one.items.size} items; at least two are needed")
        d = one.scores.mean(axis=0) - other.scores.mean(axis=0)
        scores, seeds = (one.mean, other.mean), (one.seeds, other.seeds)
        runs, note = self._runs(of, against, benchmark.name, scores, seeds)
        flips = _discordant(one, other, d)
        return Difference(
            score_of=scores[0],
            score_against=scores[1],
            n_items=d.size,
            seeds=seeds,
            items=stats.item_parts(d, cluster=one.cluster, stratum=one.stratum, floor=True),
            runs=runs,
            p=None if runs else _randomised_p(one, flips, d),
            note=note,
            discordant=None if one.stratum is not None else flips,
            pulls=(Pull(benchmark.name, d / d.size, one.units),),
            sides=self._sides(of, against, benchmark.name, scores, seeds),
        )

    def suite_difference(self, of: TrainedArm, against: TrainedArm, suite: Suite) -> Difference:
        """`of` minus `against` in the mean over a suite's benchmarks, each weighing the same.

        Runs are pooled on the suite mean itself, so that benchmarks which rise and fall together
        from run to run are counted as such; items covary where two benchmarks share them.

        Raises:
            ValueError: as `difference`, for any benchmark of the suite.
        """
        parts = [self.difference(of, against, b) for b in suite.benchmarks]
        pairs = [self.table.pair(of, against, b) for b in suite.benchmarks]
        scores = (
            float(np.mean([p.score_of for p in parts])),
            float(np.mean([p.score_against for p in parts])),
        )
        seeds = parts[0].seeds
        joint, note = self._runs(of, against, suite.name, scores, seeds)
        alone = [v.scaled(1 / len(parts) ** 2) for p in parts for v in p.runs]
        # A few seeds cannot show that benchmarks cancel out from run to run, so the mean is taken
        # to be no steadier than independent benchmarks would make it.
        steadier = sum(v.value for v in joint) < sum(v.value for v in alone)
        runs = tuple(alone) if steadier else joint
        return Difference(
            score_of=scores[0],
            score_against=scores[1],
            n_items=sum(p.n_items for p in parts),
            seeds=seeds,
            items=tuple(stats.mean_variance([p.items for p in parts], _covariance(pairs))),
            runs=runs,
            p=None,
            note=note,
            pulls=tuple(
                replace(pull, values=pull.values / len(parts)) for p in parts for pull in p.pulls
            ),
            sides=self._sides(of, against, suite.name, scores, seeds),
        )

    def _sides(
        self,
        of: TrainedArm,
        against: TrainedArm,
        name: str,
        scores: tuple[float, float],
        seeds: tuple[int, int],
    ) -> tuple[tuple[str, float], tuple[str, float]]:
        one, other = (
            (arm.name, noise.at(score, seeds=[count]).value if noise and count > 1 else 0.0)
            for arm, score, count in zip((of, against), scores, seeds, strict=True)
            for noise in [self.noise.get((arm.stage, name))]
        )
        return one, other

    def _runs(
        self,
        of: TrainedArm,
        against: TrainedArm,
        name: str,
        scores: tuple[float, float],
        seeds: tuple[int, int],
    ) -> tuple[tuple[stats.Variance, ...], str]:
        """Variance from the draw of runs, and what to say where there is none."""
        if min(seeds) < 2:
            return (), "item noise only"
        mine, theirs = self.noise.get((of.stage, name)), self.noise.get((against.stage, name))
        if mine is not None and mine is theirs:
            return (mine.at(*scores, seeds=seeds),), ""
        known = [
            noise.at(score, seeds=[count])
            for noise, score, count in zip((mine, theirs), scores, seeds, strict=True)
            if noise is not None
        ]
        missing = "" if len(known) == 2 else "item noise only: scores at floor or ceiling"
        return tuple(known), missing


def gather(
    runs: Iterable[Run],
    scores: pd.DataFrame,
    suites: Mapping[str, Suite],
    half: Half = "gate",
) -> Evidence:
    """Index runs and scores, and pool the noise between runs.

    Args:
        runs: What was trained.
        scores: Columns in `harness.scores`.
        suites: Role -> suite.
        half: The half of fresh twins that is read; nothing of the other enters.

    Raises:
        ValueError: runs or scores are malformed.
    """
    return gather_table(trained_arms(runs), score_table(scores, half), suites)


def gather_table(
    arms: tuple[TrainedArm, ...], table: ScoreTable, suites: Mapping[str, Suite]
) -> Evidence:
    """As `gather`, from scores that are indexed already."""
    noise: dict[tuple[str, str], stats.RunNoise | None] = {}
    named: list[tuple[str, tuple[Benchmark, ...]]] = [
        (b.name, (b,)) for s in suites.values() for b in s.benchmarks
    ]
    named += [(s.name, s.benchmarks) for s in suites.values()]
    for name, benchmarks in named:
        overall = _pooled(table, arms, benchmarks)
        for stage in dict.fromkeys(a.stage for a in arms):
            own = _pooled(table, [a for a in arms if a.stage == stage], benchmarks)
            noise[stage, name] = own if own is not None and own.df >= ENOUGH_DF else overall
    return Evidence(arms, suites, table, noise)


def _pooled(
    table: ScoreTable, arms: Iterable[TrainedArm], benchmarks: Sequence[Benchmark]
) -> stats.RunNoise | None:
    """Noise between runs of the mean over benchmarks, over the arms that scored all of them."""
    means, flips = [], []
    for arm in arms:
        try:
            scores = [table.arm(arm, b).scores for b in benchmarks]
        except ValueError:
            # The arm is listed as absent where it is compared; here it carries no information.
            continue
        if len(arm.runs) > 1 and all(s.shape[1] > 1 for s in scores):
            means.append(np.mean([s.mean(axis=1) for s in scores], axis=0))
            flips.append(sum(map(stats.seed_interaction, scores)) / len(scores) ** 2)
    return stats.run_noise(means, flips)


def _covariance(pairs: Sequence[tuple[ArmScores, ArmScores]]) -> NDArray[np.float64]:
    """Covariance of the deltas of benchmarks that share their items or clusters; 0 elsewhere."""
    k = len(pairs)
    matrix = np.zeros((k, k))
    d = [one.scores.mean(axis=0) - other.scores.mean(axis=0) for one, other in pairs]
    for i in range(k):
        for j in range(i + 1, k):
            one, other = pairs[i][0].units, pairs[j][0].units
            # A few ids in common by chance are no shared items.
            if set(one) <= set(other) or set(other) <= set(one):
                matrix[i, j] = stats.cluster_covariance(d[i], one, d[j], other)
    return matrix


def _discordant(one: ArmScores, other: ArmScores, d: NDArray[np.float64]) -> tuple[int, int] | None:
    """Items that got better and worse; None but for single binary responses without clusters."""
    binary = all(np.isin(s.scores, (0, 1)).all() and s.seeds == 1 for s in (one, other))
    if not binary or one.cluster is not None:
        return None
    return int((d > 0).sum()), int((d < 0).sum())


def _randomised_p(one: ArmScores, flips: tuple[int, int] | None, d: NDArray[np.float64]) -> float:
    return stats.sign_flip(d, cluster=one.cluster) if flips is None else stats.mcnemar(*flips)
