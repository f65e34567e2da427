"""How much of a development score is the leak: the delta there less the delta on fresh items.

It reads the half of a fresh twin that judges nobody (`evals.halves`), so its numbers are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals import stats
from evals.suite import Benchmark, Suite
from harness.comparisons import Absent
from harness.evidence import Evidence, gather
from harness.runs import Run, TrainedArm, find_arm
from harness.sweep import Contrast, Sweep

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Inflation:
    """A contaminated arm beside a clean one, on a development benchmark and its fresh twin.

    Scores and differences are fractions; intervals are 95 %.
    """

    contrast: str
    of: str
    against: str
    benchmark: str
    twin: str
    """The held-out benchmark with fresh items of the same distribution; its half for diagnosis."""
    dev_of: float
    dev_against: float
    fresh_of: float
    fresh_against: float
    dev: stats.Estimate
    """`of` minus `against` on the development benchmark."""
    fresh: stats.Estimate
    """The same on the twin."""
    inflation: stats.Estimate
    """`dev` minus `fresh`, the two taken as independent: cautious where a run that is good on one
    is good on the other."""
    note: str = ""


def inflation(
    sweep: Sweep, runs: Iterable[Run], scores: pd.DataFrame, suites: Mapping[str, Suite]
) -> tuple[tuple[Inflation, ...], tuple[Absent, ...]]:
    """Inflation in every contrast whose `of` arm trained on benchmark items.

    Args:
        sweep: What was asked.
        runs: What was trained.
        scores: As for `harness.deltas.compute_deltas`.
        suites: Role -> suite; twins are found through `Benchmark.twin`.

    Returns:
        One record per contrast and development benchmark with a twin, and those that could not be
        computed with the reason.
    """
    evidence = gather(runs, scores, suites, "diagnosis")
    everything = {b.name: b for s in suites.values() for b in s.benchmarks}
    twins = [(everything[b.twin], b) for b in everything.values() if b.twin in everything]
    found: list[Inflation] = []
    absent: list[Absent] = []
    for contrast in sweep.contrasts:
        arms = _arms(evidence, contrast)
        if arms is None or not arms[0].contaminated:
            continue
        for benchmark, twin in twins:
            try:
                found.append(_inflation(evidence, contrast.name, *arms, benchmark, twin))
            except ValueError as error:
                of, against = (a.name for a in arms)
                absent.append(Absent(of, against, benchmark.name, "inflation", str(error)))
    return tuple(found), tuple(absent)


def _arms(evidence: Evidence, contrast: Contrast) -> tuple[TrainedArm, TrainedArm] | None:
    try:
        of, against = (find_arm(evidence.arms, r) for r in (contrast.of, contrast.against))
    except ValueError:
        # `compute_deltas` lists the contrast as absent.
        return None
    return of, against


def _inflation(
    evidence: Evidence,
    name: str,
    of: TrainedArm,
    against: TrainedArm,
    benchmark: Benchmark,
    twin: Benchmark,
) -> Inflation:
    dev = evidence.difference(of, against, benchmark)
    fresh = evidence.difference(of, against, twin)
    return Inflation(
        contrast=name,
        of=of.name,
        against=against.name,
        benchmark=benchmark.name,
        twin=twin.name,
        dev_of=dev.score_of,
        dev_against=dev.score_against,
        fresh_of=fresh.score_of,
        fresh_against=fresh.score_against,
        dev=dev.estimate(),
        fresh=fresh.estimate(),
        inflation=stats.difference_in_differences(dev.estimate(), fresh.estimate()),
        note=dev.note,
    )
