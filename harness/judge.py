"""The gate's verdict, with a look at a held-out suite taken through the ledger."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from evals.ledger import BudgetError, Question, enter
from evals.suite import Suite
from harness.comparisons import Comparisons
from harness.gate import decide
from harness.runs import Run, trained_arms
from harness.sweep import GatePolicy, Sweep
from harness.verdict import Reason, Verdict


def judge(
    sweep: Sweep,
    suites: Mapping[str, Suite],
    comparisons: Comparisons,
    contamination: Mapping[str, float],
    runs: Iterable[Run],
    ledger: Path,
    *,
    force: bool = False,
) -> Verdict | None:
    """Judge the candidate of a sweep.

    Args:
        sweep: What was asked.
        suites: Role -> suite.
        comparisons: Deltas of the sweep.
        contamination: As for `harness.gate.decide`.
        runs: What was trained.
        ledger: The held-out ledger.
        force: Look although the budget of looks is spent.

    Returns:
        The verdict; None where the sweep has no gate.  Inconclusive where a look was refused.

    Raises:
        LedgerError: the ledger was changed.
    """
    gate = sweep.gate
    if gate is None:
        return None
    decided = functools.partial(decide, gate, comparisons, suites, contamination)
    held_out = [d for d in comparisons.of_kind("gate") if d.tier == "held-out"]
    if not held_out:
        return decided()
    keys = {a.name: tuple(r.key for r in a.runs) for a in trained_arms(runs)}
    question = Question(
        suite=held_out[0].suite,
        sweep=sweep.name,
        checkpoints=(*keys[held_out[0].of], *keys[held_out[0].against]),
        content={"policy": _asked(gate), "suites": {r: _items(suites[r]) for r in _roles(gate)}},
    )
    try:
        # The look is on disk before anything is judged.
        entry = enter(ledger, question, budget=gate.max_looks, force=force)
    except BudgetError as error:
        reason = Reason("inconclusive", None, f"Not judged: {error}".replace("\n", " "))
        return Verdict("inconclusive", (reason,), None, None, ())
    return decided(look=entry)


def _asked(gate: GatePolicy) -> dict[str, object]:
    """The policy but for its budget, which does not change what is asked."""
    return {k: v for k, v in asdict(gate).items() if k != "max_looks"}


def _roles(gate: GatePolicy) -> list[str]:
    return list(dict.fromkeys(role for role in (gate.suite, gate.improve) if role is not None))


def _items(suite: Suite) -> list[dict[str, object]]:
    return [asdict(b) for b in suite.benchmarks]
