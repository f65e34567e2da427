"""May the candidate ship?  Deltas and contamination -> pass, fail or inconclusive.

One-sided bounds at level alpha.  "Every benchmark is non-inferior" is an intersection-union test
and needs no correction (Berger 1982); "some benchmark is worse" is corrected by Holm (1979).  The
candidate was chosen on the development suite, so a bound there is one of the simultaneous bounds of
all arms (max-T).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evals.ledger import ALPHA, Look
from evals.suite import Suite
from harness.clauses import clauses
from harness.comparisons import Comparisons, Delta
from harness.measured import Measured, measured
from harness.reasons import count, reason
from harness.sweep import GatePolicy
from harness.verdict import Clause, HeldOut, Reason, Row, Status, Verdict


def decide(
    policy: GatePolicy,
    comparisons: Comparisons,
    suites: Mapping[str, Suite],
    contamination: Mapping[str, float],
    alpha: float = ALPHA,
    look: Look | None = None,
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
        alpha: One-sided level of every bound.
        look: The entry in the ledger, whose level is that of held-out suites.

    Returns:
        The verdict.  Of held-out benchmarks it holds the outcome and no number that was measured.
    """
    gate = {(d.suite, d.benchmark): d for d in comparisons.of_kind("gate")}
    asked = clauses(policy, suites)
    found = [(c, gate[c.suite, c.benchmark]) for c in asked if (c.suite, c.benchmark) in gate]
    levels = [look.level if look and d.tier == "held-out" else alpha for _, d in found]
    rows = measured(found, levels, suites, comparisons.rivals)
    reasons = _missing(asked, gate, comparisons)
    reasons += _contaminated(policy, suites, contamination) if gate else []
    reasons += _seeds(policy, [d for _, d in found])
    reasons += map(reason, rows)
    reasons += _notes(comparisons, [d for _, d in found])
    taken = HeldOut(look.suite, look.number, look.level, look.forced) if look else None
    reasons += [_looked(taken)] if taken else []
    return Verdict(
        _status(reasons),
        tuple(reasons),
        comparisons.candidate,
        found[0][1].against if found else None,
        tuple(map(_shown, rows)),
        taken,
    )


def _shown(row: Measured) -> Row:
    held_out = row.delta.tier == "held-out"
    return Row(row.clause, row.outcome, None if held_out else row.bounds)


def _looked(taken: HeldOut) -> Reason:
    forced = ", taken past the budget of looks" if taken.forced else ""
    text = (
        f"Look {taken.look} at {taken.suite}{forced}: its bounds are one-sided at "
        f"{taken.level:.2%}, and none of its scores is shown."
    )
    return Reason("note", None, text)


def _missing(
    asked: Sequence[Clause], gate: Mapping[tuple[str, str], Delta], comparisons: Comparisons
) -> list[Reason]:
    why = {a.benchmark: a.reason for a in comparisons.absent if a.kind == "gate"}
    general = why.get("", "it was not scored")
    if not gate:
        return [Reason("inconclusive", None, f"Nothing to judge: {general}.")]
    return [
        Reason("fail", c.benchmark, f"Missing: {why.get(c.benchmark, general)}.")
        for c in asked
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
    text = f"{count(seeds, 'seed')} on one side; the gate asks for at least {policy.min_seeds}."
    return [Reason("fail", None, text)]


def _notes(comparisons: Comparisons, deltas: Sequence[Delta]) -> list[Reason]:
    notes = []
    if any(d.note for d in deltas):
        # Why is not said where it would tell of held-out scores.
        known = all(d.tier == "development" for d in deltas if d.note)
        why = " (one seed, or scores at floor or ceiling)" if known else ""
        text = (
            f"Some bounds cover item noise only{why}: another run of the recipe may land elsewhere."
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
