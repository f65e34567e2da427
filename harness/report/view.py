"""Findings as rows and columns: what Markdown, HTML and the terminal have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from evals.references import Reference, references
from harness.comparisons import MEAN, Delta, Kind
from harness.levels import Level
from harness.report.findings import Findings
from harness.stage_time import StageTime
from harness.verdict import Verdict

SHOWN: tuple[tuple[Kind, str], ...] = (
    ("baseline", "Against the baseline"),
    ("parent", "Against the stage before"),
    ("contrast", "Contrasts"),
    ("gate", "The candidate against its reference"),
)
"""Kinds of comparison in the order of the report, with their titles."""


SCORES = "In points, with the 95 % interval over the draw of items."
PUBLISHED = "Published: not measured here, and in its source's own settings, given beside it."


@dataclass(frozen=True, slots=True)
class GridRow:
    """One arm: a delta or nothing under each benchmark."""

    of: str
    against: str
    name: str
    contaminated: bool
    cells: tuple[Delta | None, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Arms by benchmarks of one suite, best mean first."""

    kind: Kind
    title: str
    suite: str
    tier: str
    benchmarks: tuple[str, ...]
    """The suite's benchmarks and its mean."""
    rows: tuple[GridRow, ...]
    reference: str | None
    """The arm that every row is compared with, where it is one."""
    reference_scores: tuple[float | None, ...]


def grids(findings: Findings) -> tuple[Grid, ...]:
    """One grid per kind of comparison and development suite that has deltas.

    Of a held-out suite only the verdict is shown.
    """
    found = []
    for kind, title in SHOWN:
        deltas = findings.comparisons.of_kind(kind)
        for suite in findings.suites.values():
            mine = [d for d in deltas if d.suite == suite.name and d.tier == "development"]
            names = (*(b.name for b in suite.benchmarks), MEAN)
            if mine:
                found.append(_grid(findings, kind, title, names, mine))
    return tuple(found)


def _grid(
    findings: Findings, kind: Kind, title: str, names: tuple[str, ...], deltas: list[Delta]
) -> Grid:
    groups: dict[tuple[str, str, str], dict[str, Delta]] = {}
    for d in deltas:
        groups.setdefault((d.of, d.against, d.name), {})[d.benchmark] = d
    rows = [
        GridRow(of, against, name, of in findings.contaminated, tuple(map(cells.get, names)))
        for (of, against, name), cells in groups.items()
    ]
    # The mean stands last; an arm without it comes after those that have one.
    rows.sort(key=lambda r: (r.cells[-1] is None, -(r.cells[-1].mean if r.cells[-1] else 0.0)))
    references = {r.against for r in rows}
    reference = references.pop() if len(references) == 1 else None
    scores = {d.benchmark: d.score_against for d in deltas} if reference else {}
    first = deltas[0]
    return Grid(
        kind, title, first.suite, first.tier, names, tuple(rows), reference,
        tuple(map(scores.get, names)),
    )  # fmt: skip


FAMILY = (
    "The mean of the development suite against the baseline. Each p is two-sided. Holm and max-T "
    "control the chance of any false find among these arms, Benjamini-Hochberg the share of false "
    "ones; max-T knows that the arms answer the same items and share a baseline."
)
PROMOTED = (
    "Chosen on random halves of the development items (and of the seeds, where there are two or "
    "more) and measured on the other halves, over the baseline; the gain that chose is optimistic."
)


def family(findings: Findings) -> tuple[Delta, ...]:
    """The suite means of the arms that are compared with the baseline, most significant first."""
    rows = [d for d in findings.comparisons.of_kind("baseline") if d.benchmark == MEAN]
    return tuple(sorted(rows, key=lambda d: (d.p_max_t, d.p, -d.mean)))


@dataclass(frozen=True, slots=True)
class LevelGrid:
    """Arms by benchmarks of one suite: absolute scores, in the order of the sweep."""

    suite: str
    benchmarks: tuple[str, ...]
    rows: tuple[tuple[str, bool, tuple[Level | None, ...]], ...]
    """Arm, whether it trained on known leaks, and its levels."""
    published: tuple[tuple[str, tuple[Reference | None, ...]], ...] = ()
    """Models that somebody published numbers of, where any benchmark's name matches."""


def level_grids(findings: Findings) -> tuple[LevelGrid, ...]:
    """One grid per suite that has levels."""
    found = []
    for suite in findings.suites.values():
        mine = [level for level in findings.levels if level.suite == suite.name]
        names = tuple(b.name for b in suite.benchmarks)
        cells = {(level.arm, level.benchmark): level for level in mine}
        rows = tuple(
            (arm, arm in findings.contaminated, tuple(cells.get((arm, name)) for name in names))
            for arm in dict.fromkeys(level.arm for level in mine)
        )
        if rows:
            found.append(LevelGrid(suite.name, names, rows, _published(names)))
    return tuple(found)


def _published(names: tuple[str, ...]) -> tuple[tuple[str, tuple[Reference | None, ...]], ...]:
    known = {(r.model, name): r for name in names for r in references(name)}
    models = dict.fromkeys(
        r.model for r in references() if any((r.model, n) in known for n in names)
    )
    return tuple((m, tuple(known.get((m, n)) for n in names)) for m in models)


@dataclass(frozen=True, slots=True)
class KindTime:
    """Stages of one kind."""

    kind: str
    ran: int
    reused: int
    failed: int
    blocked: int
    seconds: float
    """Wall time of those that ran now."""


def stage_times(stages: Iterable[StageTime]) -> tuple[KindTime, ...]:
    """Stages counted by kind, in order of first appearance."""
    groups: dict[str, list[StageTime]] = {}
    for stage in stages:
        groups.setdefault(stage.kind, []).append(stage)
    found = []
    for kind, members in groups.items():
        status = [s.status for s in members]
        spent = sum(s.seconds or 0.0 for s in members if s.status == "ran")
        ran, reused, failed, blocked = (
            status.count(s) for s in ("ran", "reused", "failed", "blocked")
        )
        found.append(KindTime(kind, ran, reused, failed, blocked, spent))
    return tuple(found)


def headline(verdict: Verdict | None) -> str:
    """The verdict in one word."""
    return verdict.status.upper() if verdict else "NO GATE"


def subject(findings: Findings) -> str:
    """What the headline is about, in one sentence."""
    verdict = findings.verdict
    if verdict is None:
        return "The sweep names no gate, so nothing was judged."
    if verdict.candidate is None:
        return "No candidate could be judged."
    against = f", judged against {verdict.against}" if verdict.against else ""
    return f"Candidate: {verdict.candidate}{against}."


def absent_lines(findings: Findings) -> tuple[tuple[str, str], ...]:
    """(what is not shown, why), each once."""
    lines = {}
    for a in findings.comparisons.absent:
        arms = f"{a.of} against {a.against}" if a.against else a.of
        what = f"{arms}, {a.benchmark}" if a.benchmark else f"{a.kind} {arms}".strip()
        lines[what] = a.reason
    return tuple(lines.items())


def footnotes(findings: Findings) -> tuple[str, ...]:
    """What the numbers mean, as far as this report shows them."""
    deltas = findings.comparisons.deltas
    if not deltas:
        return ()
    alone = any(d.note for d in deltas)
    seeded = any(d.var_runs > 0 or not d.note for d in deltas)
    notes = ["Differences are in points (hundredths of the score), paired item by item."]
    if seeded:
        notes.append(
            "± is half of a 95 % t interval over the draw of items and of training runs; noise "
            "between runs is pooled over the arms of a stage, or of the sweep where a stage has "
            "too few."
        )
    if alone:
        notes.append(
            "Marked °: the interval covers item noise only, because a side has one seed or "
            "scores at its floor or ceiling. It says nothing about another run of the recipe."
        )
    notes.append(
        "MDE is the smallest true difference that these items and seeds would find four times in "
        "five (one-sided 5 %); a smaller difference is not evidence of none."
    )
    notes.append(
        "▲ ▼ the interval excludes zero; △ ▽ it does, but not after Benjamini-Hochberg over the "
        "same table (means among means); · it includes zero."
    )
    if findings.verdict and any(row.bounds for row in findings.verdict.table):
        notes.append("Bounds in the verdict are one-sided, at 5 %.")
    if findings.verdict and findings.verdict.held_out:
        notes.append(
            "Of held-out benchmarks the verdict gives outcomes and no number; every look at them "
            "is in the ledger and makes the next one stricter."
        )
    if findings.contaminated:
        notes.append("† trained on rows known to hold benchmark items; never promoted.")
    return tuple(notes)
