"""Every look at a held-out suite is on record, costs level, and gives back the verdict alone."""

from __future__ import annotations

import math
import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures import CANDIDATE, make_runs, make_scores, make_suites, make_sweep
from harness.ledger import LedgerError, Question, level_of, look, read_ledger

from harness.deltas import compute_deltas
from harness.gate import ALPHA, decide
from harness.judge import judge
from harness.plan import Chosen, Output, Plan, Stage
from harness.planner import make_plan
from harness.sweep_file import load_sweep
from harness.verdict import Verdict

SWEEP, SUITES = make_sweep(), make_suites()
RUNS = make_runs(SWEEP)
SCORES = make_scores(SWEEP, SUITES, RUNS)
COMPARISONS = compute_deltas(SWEEP, RUNS, SCORES, SUITES, CANDIDATE)
CLEAN = {b.name: 0.0 for s in SUITES.values() for b in s.benchmarks}
ROOT = Path(__file__).parents[2]


def question(number: int, suite: str = "unseen") -> Question:
    return Question(suite, "sweep", (f"key{number}",), {"margin": 0.01})


def ask(path: Path, number: int, *, budget: int = 10, force: bool = False) -> float:
    """The level at which a question is judged; NaN where it is not."""
    levels = [math.nan]

    def judged(level: float) -> Verdict:
        levels.append(level)
        return Verdict("pass", (), "a", "b", ())

    look(path, question(number), judged, alpha=ALPHA, budget=budget, force=force)
    return levels[-1]


def test_levels_shrink_with_every_look_and_sum_to_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    found = [ask(path, i) for i in range(4)]
    assert found == pytest.approx([6 * 0.05 / (math.pi * j) ** 2 for j in (1, 2, 3, 4)])
    assert sum(level_of(j, ALPHA) for j in range(1, 100_000)) == pytest.approx(ALPHA, rel=1e-4)
    assert [entry.number for entry in read_ledger(path)] == [1, 2, 3, 4]


def test_the_same_question_is_one_look_and_keeps_its_level(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    first = ask(path, 0)
    ask(path, 1)
    assert ask(path, 0) == first
    assert len(read_ledger(path)) == 2


def test_suites_are_counted_apart(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ask(path, 0)
    verdict = Verdict("pass", (), None, None, ())
    look(path, question(0, "other"), lambda _: verdict, alpha=ALPHA, budget=1)
    assert [(e.suite, e.number) for e in read_ledger(path)] == [("unseen", 1), ("other", 1)]


def test_more_looks_than_the_budget_are_refused_unless_forced_and_forcing_is_on_record(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.jsonl"
    ask(path, 0, budget=1)
    assert math.isnan(ask(path, 1, budget=1))
    assert len(read_ledger(path)) == 1
    refused = look(path, question(1), lambda _: pytest.fail("judged"), alpha=ALPHA, budget=1)
    assert (refused.status, refused.table) == ("inconclusive", ())
    assert "--force-look" in refused.reasons[0].text
    assert ask(path, 1, budget=1, force=True) == pytest.approx(level_of(2, ALPHA))
    assert [entry.forced for entry in read_ledger(path)] == [False, True]
    assert not math.isnan(ask(path, 0, budget=1))


def test_a_look_is_on_disk_before_it_is_judged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"

    def dies(_level: float) -> Verdict:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look(path, question(0), dies, alpha=ALPHA, budget=3)
    (entry,) = read_ledger(path)
    assert (entry.checkpoints, entry.suite) == (("key0",), "unseen")
    assert "@" in entry.who
    assert entry.when.endswith("+00:00")


@pytest.mark.parametrize("left", [1, 40])
def test_a_torn_last_line_is_left_out_and_cut_off_by_the_next_look(
    tmp_path: Path, left: int
) -> None:
    path = tmp_path / "ledger.jsonl"
    ask(path, 0)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:left])
    assert len(read_ledger(path)) == 1
    ask(path, 1)
    assert len(read_ledger(path)) == 2
    assert path.read_bytes().startswith(whole)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [lines[0][:20], *lines[1:]], "line 1: not a look"),
        (lambda lines: [b"[]", *lines[1:]], "line 1: not a look"),
        (lambda lines: [lines[0], lines[2]], "line 2: the chain of hashes is broken"),
        (lambda lines: lines[1:], "line 1: the chain of hashes is broken"),
        (lambda lines: [lines[1], lines[0], lines[2]], "line 1: the chain"),
        (lambda lines: [lines[0].replace(b"key0", b"key9"), *lines[1:]], "line 1: the chain"),
    ],
)
def test_a_ledger_that_was_changed_is_an_error(tmp_path: Path, change, said: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "ledger.jsonl"
    for i in range(3):
        ask(path, i)
    path.write_bytes(b"\n".join(change(path.read_bytes().splitlines())) + b"\n")
    for act in (lambda: read_ledger(path), lambda: ask(path, 7)):
        with pytest.raises(LedgerError, match=said):
            act()


def test_two_processes_at_once_break_no_chain(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_ask_many, args=(path, start)) for start in (0, 100, 200)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [w.exitcode for w in workers] == [0, 0, 0]
    assert [entry.number for entry in read_ledger(path)] == list(range(1, 25))


def _ask_many(path: Path, start: int) -> None:
    for i in range(8):
        ask(path, start + i, budget=100)


def judged(path: Path, sweep=SWEEP, **options: bool) -> Verdict:  # type: ignore[no-untyped-def]
    found = judge(sweep, SUITES, COMPARISONS, CLEAN, RUNS, path, **options)
    assert found is not None
    return found


def test_the_gate_is_judged_at_the_level_of_its_look(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    assert SWEEP.gate is not None
    first = judged(path)
    level = level_of(1, ALPHA)
    assert first == decide(SWEEP.gate, COMPARISONS, SUITES, CLEAN, held_out_alpha=level)
    plain = decide(SWEEP.gate, COMPARISONS, SUITES, CLEAN)
    for row, other in zip(first.table, plain.table, strict=True):
        held_out = row.clause.suite == "mini-unseen"
        assert (row.lower < other.lower) == held_out
        assert (row.upper > other.upper) == held_out
    assert judged(path) == first
    (entry,) = read_ledger(path)
    assert entry.checkpoints == (
        "rlvr/rlvr/1", "rlvr/rlvr/2", "sft/mix=skills/1", "sft/mix=skills/2",
    )  # fmt: skip
    stricter = replace(SWEEP, gate=replace(SWEEP.gate, noninferior={"default": 0.01}))
    judged(path, stricter)
    assert [e.number for e in read_ledger(path)] == [1, 2]
    spent = judged(path, replace(SWEEP, gate=replace(SWEEP.gate, min_seeds=1, max_looks=2)))
    assert "2 looks are allowed" in spent.reasons[0].text


def test_a_gate_on_development_items_takes_no_look(tmp_path: Path) -> None:
    assert SWEEP.gate is not None
    dev = replace(SWEEP, gate=replace(SWEEP.gate, suite="dev"))
    comparisons = compute_deltas(dev, RUNS, SCORES, SUITES, CANDIDATE)
    path = tmp_path / "ledger.jsonl"
    assert judge(dev, SUITES, comparisons, CLEAN, RUNS, path) is not None
    assert judge(replace(SWEEP, gate=None), SUITES, comparisons, CLEAN, RUNS, path) is None
    assert not path.exists()


def test_no_held_out_number_reaches_what_is_shown_or_who_is_promoted() -> None:
    rng = np.random.default_rng(0)
    other = SCORES.copy()
    held_out = other["tier"] == "held-out"
    other.loc[held_out, "score"] = rng.integers(0, 2, size=int(held_out.sum())).astype(float)
    again = compute_deltas(SWEEP, RUNS, other, SUITES, CANDIDATE)
    assert again.deltas != COMPARISONS.deltas
    assert again.without_held_out() == COMPARISONS.without_held_out()
    assert again.promoted == COMPARISONS.promoted
    assert again.rivals == COMPARISONS.rivals
    none = compute_deltas(SWEEP, RUNS, pd.DataFrame(SCORES[~held_out]), SUITES, CANDIDATE)
    assert none.promoted == COMPARISONS.promoted


def test_no_stage_that_trains_or_promotes_depends_on_a_held_out_evaluation() -> None:
    plan = make_plan(load_sweep(ROOT / "sweeps" / "quickstart.yaml"))
    development = {b.name for b in SUITES["dev"].benchmarks}
    deciders = [s for s in plan.stages if s.kind in ("promote", "sft", "dpo", "rlvr")]
    assert deciders
    read = [s for stage in deciders for s in _above(plan, stage) if s.kind == "eval"]
    assert {s.params["name"] for s in read} == development


def _above(plan: Plan, stage: Stage) -> list[Stage]:
    """Every stage whose output a stage depends on."""
    known = {s.id: s for s in plan.stages}
    found: dict[str, Stage] = {}
    left = [stage]
    while left:
        for given in left.pop().inputs.values():
            names = [given.stage] if isinstance(given, Output) else []
            if isinstance(given, Chosen):
                names = [given.promote, *given.candidates.values()]
            fresh = [known[n] for n in names if n not in found]
            found |= {s.id: s for s in fresh}
            left += fresh
    return list(found.values())
