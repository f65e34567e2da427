"""Two models on held-out benchmarks: which way each went, at the level of the look, and no number.

Every comparison of other results is a look that the ledger records first.  At its level the
benchmarks of a suite and their mean are tested together (two-sided, Holm), so that a look finds a
difference where there is none with at most that chance.  Of a fresh twin only the half of the items
that judges is read, as by the gate of a sweep: the other half is published (`evals.halves`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evals import stats
from evals.compare import Comparison, common, compared, is_held_out, taken
from evals.digest import text_digest
from evals.halves import in_half
from evals.ledger import LOOKS, Look, Question, enter
from evals.result_folder import Scored

Finding = Literal["better", "worse", "no difference shown"]
MEAN = "(mean)"


@dataclass(frozen=True, slots=True)
class Answer:
    """B against A on one benchmark, or in the mean of all."""

    benchmark: str
    n: int
    finding: Finding
    note: str = ""
    """What does not match between the folders."""
    twin: str | None = None
    """The development benchmark that this is a fresh twin of: `n` counts the half that judges."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One look at a held-out suite."""

    suite: str
    look: int
    """Its number, counted from 1 over all looks at the suite."""
    looks: int
    """How many are allowed."""
    level: float
    """Two-sided, over all answers."""
    forced: bool
    answers: tuple[Answer, ...]


def judge(
    a: Mapping[str, Scored],
    b: Mapping[str, Scored],
    ledger: Path,
    *,
    allow_different: bool = False,
    force: bool = False,
) -> tuple[Judged, ...]:
    """Take a look at each held-out suite that both were scored on.

    Args:
        a: Results of the one, by benchmark (`evals.result_folder.read_results`).
        b: Results of the other.
        ledger: Where looks are recorded.
        allow_different: As in `evals.compare.compare`.
        force: Look although the budget is spent.

    Returns:
        One record for each suite; none where no benchmark is held out.

    Raises:
        ValueError: as `evals.compare.compare`; the budget of looks is spent; the ledger was
            changed.
    """
    suites: dict[str, list[str]] = {}
    for name in common(a, b, allow_different)[0]:
        if is_held_out(a[name], b[name]):
            suites.setdefault(a[name].suite or b[name].suite or name, []).append(name)
    return tuple(
        _judged(suite, names, a, b, ledger, allow_different, force)
        for suite, names in suites.items()
    )


def opened(suite: str, results: Mapping[str, Scored], ledger: Path, *, force: bool = False) -> Look:
    """Enter that the scores of one model on a held-out suite are shown.

    Raises:
        ValueError: the budget of looks is spent; the ledger was changed.
    """
    question = Question(
        suite, "evals run", (_digest([*results.values()]),), {"benchmarks": [*results]}, opened=True
    )
    return enter(ledger, question, force=force)


def _judged(
    suite: str,
    names: Sequence[str],
    a: Mapping[str, Scored],
    b: Mapping[str, Scored],
    ledger: Path,
    allow_different: bool,
    force: bool,
) -> Judged:
    twins = {name: a[name].twin or b[name].twin for name in names}
    a, b = ({name: _judging(side[name], twins[name]) for name in names} for side in (a, b))
    found = compared(a, b, names, allow_different)
    # Swapped folders ask the same question.
    sides = sorted(_digest([side[n] for n in names]) for side in (a, b))
    question = Question(suite, "evals compare", tuple(sides), {"benchmarks": list(names)})
    look = enter(ledger, question, force=force)
    means = [row.delta for row in found.benchmarks] + ([found.mean] if found.mean else [])
    p = [_p(row) for row in found.benchmarks] + ([found.mean.p] if found.mean else [])
    findings = [
        _finding(d.mean, value, look.level) for d, value in zip(means, stats.holm(p), strict=True)
    ]
    rows = [(r.benchmark, r.n, r.note) for r in found.benchmarks]
    rows += [(MEAN, sum(r.n for r in found.benchmarks), "")] if found.mean else []
    answers = tuple(
        Answer(name, n, finding, note, twins.get(name))
        for (name, n, note), finding in zip(rows, findings, strict=True)
    )
    return Judged(suite, look.number, LOOKS, look.level, look.forced, answers)


def _judging(scored: Scored, twin: str | None) -> Scored:
    units = scored.labels.get("cluster", scored.items)
    return taken(scored, in_half(scored.benchmark, twin, units, "gate"))


def _p(row: Comparison) -> float:
    """Exact where there is such a test; simulated sign flips are too coarse for late looks."""
    return row.p if row.test == "McNemar" else row.delta.p


def _finding(mean: float, p: float, level: float) -> Finding:
    if p > level:
        return "no difference shown"
    return "better" if mean > 0 else "worse"


def _digest(results: Sequence[Scored]) -> str:
    """What tells results apart: items, prompts and scores."""
    lines = [
        f"{r.benchmark}\t{item}\t{prompt}\t{score!r}"
        for r in results
        for item, prompt, score in zip(r.items, r.prompts, r.scores.tolist(), strict=True)
    ]
    return text_digest("\n".join(lines))
