"""May the candidate ship?  Deltas and contamination -> pass, fail or inconclusive.

One-sided bounds at level alpha (`harness.bounds`).  "Every benchmark is non-inferior" is an
intersection-union test and needs no correction (Berger 1982); "some benchmark is worse" is
corrected by Holm (1979).  The candidate was chosen on the development suite, so a bound there is
one of the simultaneous bounds of all arms (max-T).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evals import stats
from evals.suite import Benchmark, Suite
from harness.bounds import bounds, items_to_settle, p_worse
from harness.deltas import MEAN, Comparisons, Delta
from harness.sweep import GatePolicy
from harness.verdict import Clause, Outcome, Reason, Row, Status, Verdict, points
from harness.winners import Rivals

ALPHA = 0.05
"""One-sided level of every bound the gate reads."""


def decide(
    policy: GatePolicy,
    comparisons: Comparisons,
    suites: Mapping[str, Suite],
    contamination: Mapping[str, float],
    alpha: float = ALPHA,
    held_out_alpha: float | None = None,
) -> Verdict:
    """Judge the candidate of a sweep.

    - FAIL: a gated benchmark is missing or partial; fewer seeds than asked; more contamination than
      allowed; a Holm-adjusted upper bound below the margin.
    - PASS: every lower bound reaches its margin, and the mean to improve has one above zero.
    - INCONCLUSIVE otherwise, with what would settle it.

    Args:
        policy: The gate of the sweep.
        comparisons: Deltas of the sweep; those of kind `gate` are read.
        suites: Role -> suite.
        contamination: Benchmark -> share of its items that the candidate's training data holds.
            A benchmark that is not in it was not checked.
        alpha: One-sided level.
        held_out_alpha: That of held-out suites, which shrinks with every look; None takes `alpha`.
    """
    gate = {(d.suite, d.benchmark): d for d in comparisons.of_kind("gate")}
    clauses = _clauses(policy, suites)
    reasons = _missing(clauses, gate, comparisons)
    reasons += _contaminated(policy, suites, contamination) if gate else []
    found = [(c, gate[c.suite, c.benchmark]) for c in clauses if (c.suite, c.benchmark) in gate]
    reasons += _seeds(policy, [d for _, d in found])
    looks = alpha if held_out_alpha is None else held_out_alpha
    levels = [looks if d.tier == "held-out" else alpha for _, d in found]
    factors = [
        _factor(c, d, suites, comparisons.rivals, level)
        for (c, d), level in zip(found, levels, strict=True)
    ]
    rows = _rows(found, factors, levels)
    reasons += [
        _reason(row, d, stats.upper_tail(factor, d.df))
        for row, (_, d), factor in zip(rows, found, factors, strict=True)
    ]
    reasons += _notes(comparisons, [d for _, d in found])
    if held_out_alpha is not None:
        text = f"Bounds on held-out suites are one-sided at {held_out_alpha:.2%} for this look."
        reasons.append(Reason("note", None, text))
    against = found[0][1].against if found else None
    return Verdict(_status(reasons), tuple(reasons), comparisons.candidate, against, tuple(rows))


def margin(policy: GatePolicy, benchmark: Benchmark) -> float:
    """A benchmark's margin: its own in the policy, the policy's default, its suite's."""
    fallback = policy.noninferior.get("default", benchmark.margin)
    return policy.noninferior.get(benchmark.name, fallback)


def mean_margin(policy: GatePolicy, suite: Suite) -> float:
    """Margin of a suite's mean: the policy's for `(mean)`, else the mean of the margins."""
    margins = [margin(policy, b) for b in suite.benchmarks]
    return policy.noninferior.get(MEAN, sum(margins) / len(margins))


def _clauses(policy: GatePolicy, suites: Mapping[str, Suite]) -> list[Clause]:
    suite = suites[policy.suite]
    kept = [Clause("noninferior", suite.name, b.name, -margin(policy, b)) for b in suite.benchmarks]
    kept.append(Clause("noninferior", suite.name, MEAN, -mean_margin(policy, suite)))
    if policy.improve is not None:
        kept.append(Clause("improve", suites[policy.improve].name, MEAN, 0.0))
    return kept


def _missing(
    clauses: Sequence[Clause], gate: Mapping[tuple[str, str], Delta], comparisons: Comparisons
) -> list[Reason]:
    why = {a.benchmark: a.reason for a in comparisons.absent if a.kind == "gate"}
    general = why.get("", "it was not scored")
    if not gate:
        return [Reason("inconclusive", None, f"Nothing to judge: {general}.")]
    return [
        Reason("fail", c.benchmark, f"Missing: {why.get(c.benchmark, general)}.")
        for c in clauses
        if (c.suite, c.benchmark) not in gate
    ]


def _contaminated(
    policy: GatePolicy, suites: Mapping[str, Suite], contamination: Mapping[str, float]
) -> list[Reason]:
    roles = dict.fromkeys([policy.suite, *([policy.improve] if policy.improve else [])])
    names = [b.name for role in roles for b in suites[role].benchmarks]
    unchecked = [name for name in names if name not in contamination]
    reasons = []
    if unchecked:
        text = f"The candidate's training data was not checked against {', '.join(unchecked)}."
        reasons.append(Reason("inconclusive", None, text))
    for name in names:
        share = contamination.get(name, 0.0)
        if share > policy.max_contamination:
            text = (
                f"{name}: the candidate's training data holds {share:.1%} of its items; "
                f"at most {policy.max_contamination:.1%} is allowed."
            )
            reasons.append(Reason("fail", name, text))
    return reasons


def _seeds(policy: GatePolicy, deltas: Sequence[Delta]) -> list[Reason]:
    if not deltas:
        return []
    seeds = min(min(d.n_seeds_of, d.n_seeds_against) for d in deltas)
    if seeds >= policy.min_seeds:
        return []
    text = f"{_count(seeds, 'seed')} on one side; the gate asks for at least {policy.min_seeds}."
    return [Reason("fail", None, text)]


def _factor(
    clause: Clause, d: Delta, suites: Mapping[str, Suite], rivals: Rivals | None, alpha: float
) -> float:
    """Standard errors from the estimate to its lower bound.

    On the suite that chose the candidate the bound is to hold for every arm it was chosen among.
    """
    chose = clause.suite == suites["dev"].name
    if rivals is None or len(rivals.arms) < 2 or not chose:
        return stats.quantile(1 - alpha, d.df)
    return rivals.factor(alpha, d.df)


def _rows(
    found: Sequence[tuple[Clause, Delta]], factors: Sequence[float], levels: Sequence[float]
) -> list[Row]:
    worse = [p_worse(d, clause.required) for clause, d in found]
    adjusted = stats.holm(worse)
    rank = {i: r for r, i in enumerate(sorted(range(len(found)), key=worse.__getitem__))}
    rows = []
    for i, (clause, d) in enumerate(found):
        lower, _ = bounds(d, stats.upper_tail(factors[i], d.df))
        _, upper = bounds(d, levels[i] / (len(found) - rank[i]))
        rows.append(
            Row(clause, d.mean, lower, upper, _outcome(clause, lower, adjusted[i] < levels[i]))
        )
    return rows


def _outcome(clause: Clause, lower: float, worse: bool) -> Outcome:
    if worse:
        return "fail"
    reached = lower > clause.required if clause.kind == "improve" else lower >= clause.required
    return "pass" if reached else "inconclusive"


def _reason(row: Row, d: Delta, alpha: float) -> Reason:
    clause = row.clause
    what = f"Mean of {clause.suite}" if clause.benchmark == MEAN else clause.benchmark
    needs = "zero" if clause.kind == "improve" else f"the margin of {points(clause.required)}"
    seen = f"{what}: {points(row.mean)} points"
    if row.outcome == "pass":
        text = f"{seen}, lower bound {points(row.lower)}, above {needs}."
    elif row.outcome == "fail":
        text = f"{seen}; even the upper bound, {points(row.upper)}, is below {needs}."
    else:
        settle = _settle(row, d, alpha)
        text = f"{seen}, lower bound {points(row.lower)}, does not reach {needs}. {settle}"
    return Reason(row.outcome, clause.benchmark, text)


def _settle(row: Row, d: Delta, alpha: float) -> str:
    """What would move the nearer bound to the line, the estimate staying where it is."""
    distance = abs(row.mean - row.clause.required)
    side = "pass" if row.mean > row.clause.required else "fail"
    items = items_to_settle(d, row.clause.required, alpha)
    seeds = min(d.n_seeds_of, d.n_seeds_against)
    runs = stats.items_to_settle(distance, d.var_runs, d.var_items, seeds, alpha)
    ways = []
    if items is not None and items > d.n_items:
        ways.append(f"{items:,} items (now {d.n_items:,})")
    if runs is not None and runs > seeds:
        ways.append(f"{_count(runs, 'seed')} (now {seeds})")
    if ways:
        return f"If the estimate holds, about {' or '.join(ways)} would settle it as a {side}."
    if items is not None or runs is not None:
        return "With so few seeds the noise between runs is poorly known; one more may settle it."
    return "Neither more items nor more seeds alone would settle it at this estimate."


def _notes(comparisons: Comparisons, deltas: Sequence[Delta]) -> list[Reason]:
    notes = []
    if any(d.note for d in deltas):
        text = (
            "Some bounds cover item noise only (one seed, or scores at floor or ceiling): "
            "another run of the recipe may land elsewhere."
        )
        notes.append(Reason("note", None, text))
    if comparisons.rivals and len(comparisons.rivals.arms) > 1:
        text = (
            f"{len(comparisons.rivals.arms)} arms were looked at on the development suite to find "
            "the candidate; its lower bounds there hold for all of them at once."
        )
        notes.append(Reason("note", None, text))
    return notes


def _status(reasons: Sequence[Reason]) -> Status:
    outcomes = {r.outcome for r in reasons}
    if "fail" in outcomes:
        return "fail"
    return "inconclusive" if "inconclusive" in outcomes else "pass"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n:,} {noun}s"
