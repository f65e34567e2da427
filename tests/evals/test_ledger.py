"""Every look at a held-out suite is on record, in a chain, and costs level."""

from __future__ import annotations

import json
import math
import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest

from evals.ledger import (
    ALPHA,
    BudgetError,
    LedgerError,
    Question,
    enter,
    ledger_file,
    level_of,
    read_ledger,
)


def question(number: int, suite: str = "unseen") -> Question:
    return Question(suite, "sweep", (f"key{number}",), {"margin": 0.01})


def ask(path: Path, number: int, *, budget: int = 10, force: bool = False) -> float:
    """The level at which a question is judged."""
    return enter(path, question(number), budget=budget, force=force).level


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
    enter(path, question(0, "other"), budget=1)
    assert [(e.suite, e.number) for e in read_ledger(path)] == [("unseen", 1), ("other", 1)]


def test_more_looks_than_the_budget_are_refused_unless_forced_and_forcing_is_on_record(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.jsonl"
    ask(path, 0, budget=1)
    with pytest.raises(BudgetError, match=r"1 times and 1 looks are allowed\.\n.*--force-look"):
        ask(path, 1, budget=1)
    assert len(read_ledger(path)) == 1
    assert ask(path, 1, budget=1, force=True) == pytest.approx(level_of(2, ALPHA))
    assert [entry.forced for entry in read_ledger(path)] == [False, True]
    assert ask(path, 0, budget=1) == pytest.approx(level_of(1, ALPHA))


def test_a_look_says_who_took_it_when_and_at_what(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    taken = enter(path, question(0))
    (entry,) = read_ledger(path)
    assert entry == taken
    assert (entry.checkpoints, entry.suite) == (("key0",), "unseen")
    assert "@" in entry.who
    assert entry.when.endswith("+00:00")


def test_opened_scores_are_a_look_of_their_own_and_their_line_says_so(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ask(path, 0)
    opened = enter(path, replace(question(0), opened=True))
    assert [(e.number, e.opened) for e in read_ledger(path)] == [(1, False), (2, True)]
    assert enter(path, replace(question(0), opened=True)) == opened
    first, second = path.read_text().splitlines()
    assert "opened" not in json.loads(first)
    assert json.loads(second)["opened"] is True


def test_one_ledger_may_serve_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ledger_file(tmp_path) == tmp_path / "ledger.jsonl"
    monkeypatch.setenv("ASSAY_LEDGER", "/shared/ledger.jsonl")
    assert ledger_file(tmp_path) == Path("/shared/ledger.jsonl")


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
