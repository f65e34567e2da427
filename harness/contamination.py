"""What each arm's training data is known to hold of the benchmarks, item by item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.mix_check import MixCheck
from harness.plan import Plan
from harness.runs import TrainedArm, trained_arms
from harness.tables import Tables


@dataclass(frozen=True, slots=True)
class Held:
    """What training data holds of one benchmark."""

    items: int
    """Items that were looked for."""
    held: frozenset[str]
    """Ids of those that are in rows trained on."""


def held_items(plan: Plan, tables: Tables) -> dict[str, dict[str, Held]]:
    """Name of an arm -> benchmark -> what its training data holds.

    Counts every stage of the arm's chain.  A benchmark that some stage's data was not checked
    against is left out: nothing is known of it.
    """
    arms = {(a.stage, a.label): a for a in trained_arms(tables.runs)}
    data = {(r.name, r.label): r.data.split(" ", 1)[1] for r in plan.runs}
    starts = {r.name: r.start for r in plan.runs}
    found = {}
    for arm in arms.values():
        checks: list[MixCheck | None] = []
        link: TrainedArm | None = arm
        while link is not None:
            checks.append(tables.checks.get(data[link.stage, link.label]))
            link = arms.get((starts[link.stage] or "", link.parent or ""))
        found[arm.name] = _over(checks)
    return found


def candidate_contamination(
    held: Mapping[str, Mapping[str, Held]], candidate: str | None
) -> dict[str, float]:
    """Benchmark -> share of its items that the candidate's training data is known to hold.

    Args:
        held: As `held_items` gives it.
        candidate: Name of the arm the gate judges.
    """
    return {b: len(h.held) / h.items for b, h in held.get(candidate or "", {}).items()}


def _over(checks: list[MixCheck | None]) -> dict[str, Held]:
    """Over all stages of a chain: an item that any of them holds is held."""
    per_stage = [_of(check) for check in checks]
    common = [b for b in per_stage[0] if all(b in stage for stage in per_stage)]
    return {
        b: Held(per_stage[0][b].items, frozenset().union(*(stage[b].held for stage in per_stage)))
        for b in common
    }


def _of(check: MixCheck | None) -> dict[str, Held]:
    """Of one stage; rows that were dropped are not trained on."""
    if check is None:
        return {}
    return {
        b.benchmark: Held(b.items, b.found if check.leaks else frozenset())
        for b in check.benchmarks
    }
