"""The sentences of a verdict.

Of a development suite they hold estimates and bounds.  Of a held-out suite they hold what was asked
and the outcome: no score, no difference, no bound, and nothing that one could be worked out from.
"""

from __future__ import annotations

from evals import stats
from harness.bounds import items_to_settle
from harness.comparisons import MEAN
from harness.measured import Measured
from harness.resolution import DISCORDANCE, items_to_resolve
from harness.verdict import Clause, Reason, points


def reason(row: Measured) -> Reason:
    """What one clause argues for, in one sentence or two."""
    held_out = row.delta.tier == "held-out"
    text = _in_words(row) if held_out else _in_numbers(row)
    return Reason(row.outcome, row.clause.benchmark, text)


def count(n: int, noun: str) -> str:
    """`1 seed`, `2,000 items`."""
    return f"{n} {noun}" if n == 1 else f"{n:,} {noun}s"


def _what(clause: Clause) -> str:
    return f"Mean of {clause.suite}" if clause.benchmark == MEAN else clause.benchmark


def _in_numbers(row: Measured) -> str:
    clause, bounds = row.clause, row.bounds
    needs = "zero" if clause.kind == "improve" else f"the margin of {points(clause.required)}"
    seen = f"{_what(clause)}: {points(bounds.mean)} points"
    if row.outcome == "pass":
        return f"{seen}, lower bound {points(bounds.lower)}, above {needs}."
    if row.outcome == "fail":
        return f"{seen}; even the upper bound, {points(bounds.upper)}, is below {needs}."
    lower = f"lower bound {points(bounds.lower)}, does not reach {needs}"
    return f"{seen}, {lower}. {_settle(row)}"


def _settle(row: Measured) -> str:
    """What would move the nearer bound to the line, the estimate staying where it is."""
    d, required = row.delta, row.clause.required
    distance = abs(d.mean - required)
    side = "pass" if d.mean > required else "fail"
    items = items_to_settle(d, required, row.tail)
    seeds = min(d.n_seeds_of, d.n_seeds_against)
    runs = stats.items_to_settle(distance, d.var_runs, d.var_items, seeds, row.tail)
    ways = []
    if items is not None and items > d.n_items:
        ways.append(f"{items:,} items (now {d.n_items:,})")
    if runs is not None and runs > seeds:
        ways.append(f"{count(runs, 'seed')} (now {seeds})")
    if ways:
        return f"If the estimate holds, about {' or '.join(ways)} would settle it as a {side}."
    if items is not None or runs is not None:
        return "With so few seeds the noise between runs is poorly known; one more may settle it."
    return "Neither more items nor more seeds alone would settle it at this estimate."


def _in_words(row: Measured) -> str:
    clause = row.clause
    if clause.kind == "improve":
        said = {"pass": "has risen", "fail": "has fallen"}.get(row.outcome)
        return f"{_what(clause)}: {said}." if said else f"{_what(clause)}: not shown to have risen."
    allowed = f"the margin of {points(clause.required)} points"
    said = {"pass": f"keeps {allowed}", "fail": f"is worse than {allowed} allows"}.get(row.outcome)
    if said:
        return f"{_what(clause)}: {said}."
    return f"{_what(clause)}: shown neither to keep {allowed} nor to miss it. {_planned(row)}"


def _planned(row: Measured) -> str:
    """The items that resolve the margin where nothing changed: known before anything was scored."""
    needed = items_to_resolve(-row.clause.required, alpha=row.level)
    now = row.delta.n_items
    if needed is None or needed > now:
        wanted = "no number of items" if needed is None else f"about {needed:,} items (now {now:,})"
        return f"With {DISCORDANCE:.0%} of items flipping and no true loss it takes {wanted}."
    return "Its items suffice where nothing is lost; a true loss or noise between runs is left."
