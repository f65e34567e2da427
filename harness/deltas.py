"""Scores -> paired deltas: what each change did to each benchmark.

The mathematics is in `evals.stats`; here scores are paired, pooled and named.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from evals import stats
from evals.suite import Suite, Tier
from harness.difference import Difference
from harness.evidence import Evidence, gather
from harness.families import max_t
from harness.runs import Run, TrainedArm, find_arm
from harness.sweep import ArmRef, Sweep
from harness.winners import Promoted, Rivals, promotions, rivals_of

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["baseline", "parent", "contrast", "gate"]

MEAN = "(mean)"
"""Benchmark of the row that holds a suite's mean."""


@dataclass(frozen=True, slots=True)
class Delta:
    """`of` minus `against` on one benchmark.  Scores and differences are fractions."""

    benchmark: str
    """A benchmark's name, or `MEAN`."""
    suite: str
    tier: Tier
    of: str
    """Name of the arm, e.g. `sft mix=skills`."""
    against: str
    kind: Kind
    name: str
    """Of a contrast, its name; else what the arm is compared with, e.g. `baseline`."""
    n_items: int
    n_seeds_of: int
    n_seeds_against: int
    score_of: float
    score_against: float
    mean: float
    low: float
    high: float
    """95 % interval over the draw of items and, with two seeds or more, of runs: t, or Tango's
    (see `better`)."""
    p: float
    """Two-sided.  With seeds, of the t test that the interval inverts; with one seed, exact McNemar
    for binary scores and sign-flip for others."""
    p_adjusted: float
    """Benjamini-Hochberg over the rows of the same kind in the same suite (means among means)."""
    mde: float
    """Smallest true difference found with 80 % power at one-sided 5 %."""
    df: float
    var_items: float
    """Part of the squared standard error that shrinks with more items."""
    var_runs: float
    """Part that shrinks with more seeds; 0 where there was one seed."""
    note: str = ""
    p_holm: float = 1.0
    """Holm over the arms of the same kind on the same benchmark."""
    p_max_t: float = 1.0
    """Max-T over the same arms, which knows how they hang together (`harness.families`)."""
    better: int | None = None
    """Items with a higher score, where there is one binary response to each and neither clusters
    nor subtasks: bounds are then Tango's, not t.  None elsewhere."""
    worse: int | None = None
    """Items with a lower score, likewise."""

    @property
    def se(self) -> float:
        """Standard error of `mean`."""
        return math.sqrt(self.var_items + self.var_runs)

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Absent:
    """A number that could not be computed, and why.  It is never shown as a number."""

    of: str
    against: str
    benchmark: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Every delta of a sweep, and every one that is missing."""

    deltas: tuple[Delta, ...]
    absent: tuple[Absent, ...]
    candidate: str | None = None
    """Name of the arm the gate judges, if there is a gate."""
    rivals: Rivals | None = None
    """The arms that the candidate was chosen among on the development suite."""
    promoted: tuple[Promoted, ...] = ()
    """The best arms of stages, where they were not chosen."""

    def without_held_out(self) -> Comparisons:
        """What people are shown: of a look at a held-out suite only the verdict leaves."""
        return replace(self, deltas=tuple(d for d in self.deltas if d.tier == "development"))

    def of_kind(self, kind: Kind) -> tuple[Delta, ...]:
        """The deltas of one kind."""
        return tuple(d for d in self.deltas if d.kind == kind)


@dataclass(frozen=True, slots=True)
class _Pair:
    of: TrainedArm
    against: TrainedArm
    kind: Kind
    name: str


def compute_deltas(
    sweep: Sweep,
    runs: Iterable[Run],
    scores: pd.DataFrame,
    suites: Mapping[str, Suite],
    candidate: str | None = None,
) -> Comparisons:
    """Every arm against the baseline and its parent arm, every contrast, and the gate's candidate.

    Held-out suites are read for the gate only; `harness.inflation` reads the twins of contrasts.

    Args:
        sweep: What was asked.
        runs: What was trained.
        scores: One row per checkpoint, benchmark and item; columns in `harness.scores`.
        suites: Role -> suite.
        candidate: Label of the arm of the last stage that the gate judges, as recorded when it was
            promoted; None where nothing was.

    Raises:
        ValueError: the table of scores is malformed.  A comparison that cannot be made (missing or
            partial benchmark, other items, other prompts) is listed in `absent` with its reason.
    """
    evidence = gather(runs, scores, suites)
    absent: list[Absent] = []
    pairs = [*_baseline(sweep, evidence, absent), *_parents(sweep, evidence)]
    pairs += _contrasts(sweep, evidence, absent)
    development = [s for s in suites.values() if s.tier == "development"]
    compared = [c for p in pairs for s in development for c in _compared(evidence, p, s, absent)]
    judged = _judged(sweep, evidence, candidate, absent)
    if judged:
        for suite in _gated(sweep, suites):
            compared += _compared(evidence, judged, suite, absent)
    return Comparisons(
        tuple(_adjusted(compared)),
        tuple(absent),
        candidate=judged.of.name if judged else None,
        rivals=rivals_of(evidence, judged.against, suites["dev"]) if judged else None,
        promoted=promotions(sweep, evidence, suites),
    )


def _baseline(sweep: Sweep, evidence: Evidence, absent: list[Absent]) -> list[_Pair]:
    if sweep.baseline is None:
        return []
    base = _find(evidence, sweep.baseline, "baseline", absent)
    others = [a for a in evidence.arms if a != base]
    return [_Pair(a, base, "baseline", "baseline") for a in others] if base else []


def _parents(sweep: Sweep, evidence: Evidence) -> list[_Pair]:
    starts = {s.name: s.start for s in sweep.stages}
    known = {(a.stage, a.label): a for a in evidence.arms}
    pairs = []
    for arm in evidence.arms:
        start = starts.get(arm.stage)
        if start and arm.parent is not None and (start, arm.parent) in known:
            pairs.append(_Pair(arm, known[start, arm.parent], "parent", start))
    return pairs


def _contrasts(sweep: Sweep, evidence: Evidence, absent: list[Absent]) -> list[_Pair]:
    pairs = []
    for contrast in sweep.contrasts:
        of = _find(evidence, contrast.of, "contrast", absent)
        against = _find(evidence, contrast.against, "contrast", absent)
        if of and against:
            pairs.append(_Pair(of, against, "contrast", contrast.name))
    return pairs


def _gated(sweep: Sweep, suites: Mapping[str, Suite]) -> list[Suite]:
    """The suites whose deltas the gate reads."""
    assert sweep.gate is not None
    roles = dict.fromkeys((sweep.gate.suite, sweep.gate.improve))
    return [suites[role] for role in roles if role is not None]


def _judged(
    sweep: Sweep, evidence: Evidence, candidate: str | None, absent: list[Absent]
) -> _Pair | None:
    """The gate's candidate and its reference arm."""
    if sweep.gate is None:
        return None
    last = sweep.stages[-1].name
    of = next((a for a in evidence.arms if (a.stage, a.label) == (last, candidate)), None)
    if of is None:
        absent.append(Absent(last, "", "", "gate", f"no arm of stage {last} became the candidate"))
        return None
    ref = sweep.gate.against or sweep.baseline
    if ref is None:
        absent.append(Absent(of.name, "", "", "gate", "the sweep names no baseline"))
        return None
    against = _find(evidence, ref, "gate", absent)
    if against is of:
        absent.append(Absent(of.name, of.name, "", "gate", "the candidate is the reference itself"))
        return None
    return _Pair(of, against, "gate", "gate") if against else None


def _find(evidence: Evidence, ref: ArmRef, kind: Kind, absent: list[Absent]) -> TrainedArm | None:
    try:
        return find_arm(evidence.arms, ref)
    except ValueError as error:
        absent.append(Absent("", "", "", kind, str(error)))
        return None


def _compared(
    evidence: Evidence, pair: _Pair, suite: Suite, absent: list[Absent]
) -> list[tuple[Delta, Difference]]:
    """One row per benchmark, then the mean where no benchmark is missing."""
    rows, reasons = [], []
    for benchmark in suite.benchmarks:
        try:
            difference = evidence.difference(pair.of, pair.against, benchmark)
        except ValueError as error:
            reasons.append((benchmark.name, str(error)))
            continue
        rows.append((_delta(pair, suite, benchmark.name, difference), difference))
    if reasons:
        names = ", ".join(b for b, _ in reasons)
        reasons.append((MEAN, f"the mean of {suite.name} needs {names}"))
    else:
        mean = evidence.suite_difference(pair.of, pair.against, suite)
        rows.append((_delta(pair, suite, MEAN, mean), mean))
    absent += [
        Absent(pair.of.name, pair.against.name, benchmark, pair.kind, reason)
        for benchmark, reason in reasons
    ]
    return rows


def _delta(pair: _Pair, suite: Suite, benchmark: str, d: Difference) -> Delta:
    estimate = d.estimate()
    return Delta(
        benchmark=benchmark,
        suite=suite.name,
        tier=suite.tier,
        of=pair.of.name,
        against=pair.against.name,
        kind=pair.kind,
        name=pair.name,
        n_items=d.n_items,
        n_seeds_of=d.seeds[0],
        n_seeds_against=d.seeds[1],
        score_of=d.score_of,
        score_against=d.score_against,
        mean=estimate.mean,
        low=estimate.low,
        high=estimate.high,
        p=estimate.p if d.p is None else d.p,
        p_adjusted=1.0,
        mde=d.mde(),
        df=estimate.df,
        var_items=sum(v.value for v in d.items),
        var_runs=sum(v.value for v in d.runs),
        note=d.note,
        better=d.discordant[0] if d.discordant else None,
        worse=d.discordant[1] if d.discordant else None,
    )


def _adjusted(compared: Sequence[tuple[Delta, Difference]]) -> list[Delta]:
    """Adjust p: over a table of one kind and suite, and over the arms on each benchmark of it."""
    adjusted = [delta for delta, _ in compared]
    tables: dict[tuple[str, str, bool], list[int]] = {}
    families: dict[tuple[str, str, str], list[int]] = {}
    for i, d in enumerate(adjusted):
        tables.setdefault((d.kind, d.suite, d.benchmark == MEAN), []).append(i)
        families.setdefault((d.kind, d.suite, d.benchmark), []).append(i)
    for members in tables.values():
        table = stats.benjamini_hochberg([adjusted[i].p for i in members])
        for i, value in zip(members, table, strict=True):
            adjusted[i] = replace(adjusted[i], p_adjusted=float(value))
    for members in families.values():
        holm = stats.holm([adjusted[i].p for i in members])
        joint = max_t([compared[i][1] for i in members])
        for i, one, other in zip(members, holm, joint, strict=True):
            adjusted[i] = replace(adjusted[i], p_holm=float(one), p_max_t=float(other))
    return adjusted
