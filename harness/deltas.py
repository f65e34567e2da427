"""Scores -> paired deltas: what each change did to each benchmark.

The mathematics is in `evals.stats`; here scores are paired, pooled and named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evals import stats
from evals.suite import Suite
from harness.comparisons import MEAN, Absent, Comparisons, Delta
from harness.difference import Difference
from harness.evidence import Evidence, gather
from harness.families import max_t
from harness.pairs import Pair, arm_pairs, gate_pair
from harness.runs import Run
from harness.sweep import Sweep
from harness.winners import promotions, rivals_of

if TYPE_CHECKING:
    import pandas as pd


def compute_deltas(
    sweep: Sweep,
    runs: Iterable[Run],
    scores: pd.DataFrame,
    suites: Mapping[str, Suite],
    candidate: str | None = None,
) -> Comparisons:
    """Every arm against the baseline and its parent arm, every contrast, and the gate's candidate.

    Held-out suites are read for the gate only, fresh twins by the half that judges.

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
    pairs = arm_pairs(sweep, evidence.arms, absent)
    development = [s for s in suites.values() if s.tier == "development"]
    compared = [c for p in pairs for s in development for c in _compared(evidence, p, s, absent)]
    judged = gate_pair(sweep, evidence.arms, candidate, absent)
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


def _gated(sweep: Sweep, suites: Mapping[str, Suite]) -> list[Suite]:
    """The suites whose deltas the gate reads."""
    assert sweep.gate is not None
    roles = dict.fromkeys((sweep.gate.suite, sweep.gate.improve))
    return [suites[role] for role in roles if role is not None]


def _compared(
    evidence: Evidence, pair: Pair, suite: Suite, absent: list[Absent]
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


def _delta(pair: Pair, suite: Suite, benchmark: str, d: Difference) -> Delta:
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
