"""The sentences of a verdict.

Of a development suite they hold estimates and bounds.  Of a held-out suite they hold what was asked
and the outcome: no score, no difference, no bound, and nothing that one could be worked out from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from evals import stats
from harness.bounds import items_to_settle, p_better, p_worse
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
    side, at = ("pass", row.tail) if d.mean > required else ("fail", row.level / row.holm)
    items = items_to_settle(d, required, at)
    seeds = min(d.n_seeds_of, d.n_seeds_against)
    runs = stats.items_to_settle(distance, d.var_runs, d.var_items, seeds, at)
    held_back, family = _multiplicity(row, side)
    more = []
    if items is not None and items > d.n_items:
        more.append(f"about {items:,} items (now {d.n_items:,})")
    if runs is not None and runs > seeds:
        more.append(f"about {count(runs, 'seed')} (now {seeds})")
    said = [held_back] if held_back else []
    if ways := more + ([family] if family else []):
        said.append(f"If the estimate holds, {_either(ways)} would settle it as a {side}.")
    if not more and (items is not None or runs is not None):
        few, noise = (
            ("seeds", "between runs") if d.var_runs > 0 else ("items or clusters", "between them")
        )
        said.append(f"With so few {few} the noise {noise} is poorly known; more may settle it.")
    elif not ways:
        said.append("Neither more items nor more seeds alone would settle it at this estimate.")
    return " ".join(said)


def _multiplicity(row: Measured, side: str) -> tuple[str, str]:
    """That the clause is settled on its own and not among so many; and among how many it would be.

    Empty where noise alone keeps the bound from the line.
    """
    d, required = row.delta, row.clause.required
    if side == "fail":
        p = p_worse(d, required)
        if p >= row.level:
            return "", ""
        held = (
            f"Alone it would fail; Holm's correction over {count(row.holm, 'clause')} prevents it."
        )
        most, noun, now = math.ceil(row.level / p) - 1, "clause", row.holm
    else:
        p = p_better(d, required)
        if row.rivals is None or p >= row.level:
            return "", ""
        now, noun = len(row.rivals.arms), "arm"
        held = f"Alone it would pass; its bound has to hold for all {now} arms looked at."
        most = row.rivals.most(row.level, d.df, stats.quantile(1 - p, d.df))
    return held, f"a family, fixed beforehand, of at most {count(most, noun)} (now {now})"


def _either(ways: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(ways[:-1]), ways[-1])))


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
    return (
        "Its items suffice where nothing is lost; left are noise between runs, and a true loss too "
        f"small to show as a fail among {count(row.holm, 'clause')} (Holm)."
    )
