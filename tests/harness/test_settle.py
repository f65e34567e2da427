"""An open clause says what holds it open, and what it names would settle it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_gate import SUITES, delta, rivals

from evals.stats import quantile, tango
from harness.comparisons import MEAN, Delta
from harness.measured import Measured, measured
from harness.reasons import reason
from harness.verdict import Clause
from harness.winners import Rivals

MARGIN, SE = 0.03, 0.005


def rows(
    deltas: Sequence[Delta], required: float = -MARGIN, among: Rivals | None = None
) -> list[Measured]:
    """Each delta under a clause of its own."""
    kind = "noninferior" if required else "improve"
    found = [(Clause(kind, d.suite, d.benchmark, required), d) for d in deltas]  # type: ignore[arg-type]
    return measured(found, [0.05] * len(found), SUITES, among)


def clear(n: int) -> list[Delta]:
    """Clauses that nothing holds open."""
    return [delta(MEAN, 0.0, suite="dev")] * n


def below(z: float) -> Delta:
    """A development benchmark so many standard errors below its margin."""
    return delta("mini_math", -MARGIN - z * SE, SE, "dev")


def named(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found, text
    return int(found[1].replace(",", ""))


def test_a_fail_that_holm_prevents_is_put_down_to_the_number_of_clauses() -> None:
    first, *_ = rows([below(1.8), *clear(7)])
    told = reason(first)
    assert told.outcome == "inconclusive"
    assert "Alone it would fail; Holm's correction over 8 clauses prevents it." in told.text
    assert "so few" not in told.text
    assert "settle it as a fail" in told.text


def test_the_family_that_is_named_is_the_largest_that_settles_a_fail() -> None:
    for z in (1.7, 1.8, 2.0, 2.2):
        text = reason(rows([below(z), *clear(11)])[0]).text
        most = named(r"of at most (\d+) clauses? \(now 12\)", text)
        assert rows([below(z), *clear(most - 1)])[0].outcome == "fail"
        assert rows([below(z), *clear(most)])[0].outcome == "inconclusive"


def test_the_items_that_are_named_settle_a_fail_among_all_clauses() -> None:
    d = replace(below(1.8), df=10_000)
    n = named(r"about ([\d,]+) items \(now 500\)", reason(rows([d, *clear(7)])[0]).text)
    for items, outcome in ((n + 15, "fail"), (n - 15, "inconclusive")):
        more = replace(d, n_items=items, var_items=d.var_items * 500 / items)
        assert rows([more, *clear(7)])[0].outcome == outcome


def test_the_items_of_tangos_bound_settle_a_fail_among_all_clauses() -> None:
    d = replace(below(0), mean=-0.056, better=10, worse=38, var_runs=0.0)
    (first, *_) = rows([d, *clear(7)])
    n = named(r"about ([\d,]+) items", reason(first).text)
    better, worse = (x * n / 500 for x in (10, 38))
    _, upper = tango(better, worse, n, 1 - 2 * 0.05 / 8)  # type: ignore[arg-type]
    assert upper == pytest.approx(-MARGIN, abs=2e-4)


def test_a_clause_that_noise_alone_holds_open_does_not_blame_its_family() -> None:
    for z in (-1.0, 1.6):
        (first, *_) = rows([below(z), *clear(7)])
        text = reason(first).text
        assert first.outcome == "inconclusive"
        assert "items (now 500)" in text
        assert "family" not in text
        assert "lone" not in text


def test_a_clause_that_fails_leaves_its_share_of_the_level_to_the_others() -> None:
    failed, second, *_ = rows([below(6), below(1.8), *clear(6)])
    assert (failed.outcome, failed.holm) == ("fail", 8)
    assert (second.outcome, second.holm) == ("inconclusive", 7)
    assert "correction over 7 clauses" in reason(second).text


def test_a_pass_that_rivals_prevent_is_put_down_to_the_arms_looked_at() -> None:
    d = replace(delta(MEAN, 0.0105, SE, "dev"), df=60)
    (row,) = rows([d], 0.0, rivals(20))
    text = reason(row).text
    assert "Alone it would pass; its bound has to hold for all 20 arms looked at." in text
    assert "settle it as a pass" in text
    most = named(r"of at most (\d+) arms? \(now 20\)", text)
    assert [rows([d], 0.0, rivals(n))[0].outcome for n in (most, most + 1)] == [
        "pass", "inconclusive",
    ]  # fmt: skip


def test_a_pass_that_noise_prevents_names_no_rivals() -> None:
    (row,) = rows([delta(MEAN, 0.005, SE, "dev")], 0.0, rivals(20))
    assert row.outcome == "inconclusive"
    assert "arms" not in reason(row).text


@pytest.mark.parametrize(("runs", "few"), [(0.5, "seeds"), (0.0, "items or clusters")])
def test_noise_that_is_poorly_known_is_put_down_to_what_is_few(runs: float, few: str) -> None:
    z = quantile(0.95) + 0.1
    d = replace(below(z), df=2, var_items=(1 - runs) * SE**2, var_runs=runs * SE**2)
    (row,) = rows([d])
    assert row.outcome == "inconclusive"
    assert f"With so few {few} the noise" in reason(row).text


@given(st.lists(st.floats(-4, 8), min_size=2, max_size=8))
def test_an_upper_bound_lies_below_its_line_where_the_clause_fails_and_nowhere_else(
    z: list[float],
) -> None:
    for row in rows([below(x) for x in z]):
        assert (row.bounds.upper < -MARGIN) == (row.outcome == "fail")
