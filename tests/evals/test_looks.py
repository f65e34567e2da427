"""Held-out results are compared by look: which way each benchmark went, on record, no number."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_compare import asked, folder, refused, rows
from test_run_command import evaluate, scores_in
from toy_engine import ToyEngine

from evals import stats
from evals.__main__ import main
from evals.held_out import judge
from evals.ledger import ALPHA, LOOKS, level_of, read_ledger
from evals.result_folder import read_results

N = 300


def drawn(seed: int, rate: float) -> np.ndarray:
    return (np.random.default_rng(seed).random(N) < rate).astype(float)


def results(path: Path, seed: int, **rates: float) -> Path:
    """A folder; a benchmark whose name holds `fresh` is held out, all of one suite."""
    frames = [rows(n, drawn(seed + i, rate)) for i, (n, rate) in enumerate(rates.items())]
    return folder(path, *frames, suite="unseen")


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    """B is better on one held-out benchmark, worse on another and alike on a third."""
    a = results(tmp_path / "a", 0, gsm=0.5, up_fresh=0.2, down_fresh=0.8, same_fresh=0.5)
    b = results(tmp_path / "b", 50, gsm=0.5, up_fresh=0.8, down_fresh=0.2, same_fresh=0.5)
    return a, b


def test_each_held_out_benchmark_is_answered_in_words(
    sides: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(asked(capsys, *sides, "--json"))
    (look,) = found["held_out"]
    assert (look["suite"], look["look"], look["forced"]) == ("unseen", 1, False)
    assert {x["benchmark"]: x["finding"] for x in look["answers"]} == {
        "up_fresh": "better", "down_fresh": "worse", "same_fresh": "no difference shown",
        "(mean)": "no difference shown",
    }  # fmt: skip
    assert [row["benchmark"] for row in found["benchmarks"]] == ["gsm"]
    assert found["mean"] is None


def test_no_held_out_number_leaves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planted = {"a": 0.21911, "b": 0.73117}
    one, other = (
        folder(tmp_path / side, rows("gsm_fresh", [value] * N), suite="unseen")
        for side, value in planted.items()
    )
    for more in ([], ["--json"], ["--flips", 5]):
        text = asked(capsys, one, other, *more)
        assert "better" in text
        assert not re.search(r"73[.]?1|21[.]?9|51[.]?2|SECRET|answer 0|gsm_fresh/", text)


def test_a_table_of_answers_fits_and_says_what_it_is(
    sides: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = asked(capsys, *sides).splitlines()
    assert max(map(len, lines)) <= 100
    assert "unseen, held out                     n  B against A" in lines
    assert "up_fresh                           300  better" in lines
    assert lines[-1] == ("Look 1 of 10, recorded: two-sided at 3.04% over all of these answers.")


def test_the_same_results_are_one_look_in_either_order(
    sides: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = sides
    first = asked(capsys, a, b)
    assert asked(capsys, a, b) == first
    swapped = asked(capsys, b, a)
    assert "up_fresh                           300  worse" in swapped
    (entry,) = read_ledger(tmp_path / "ledger.jsonl")
    assert (entry.suite, entry.sweep, entry.number) == ("unseen", "evals compare", 1)


def test_every_further_look_is_judged_at_a_smaller_level_until_the_budget_is_spent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = results(tmp_path / "base", 0, x_fresh=0.5)
    others = [results(tmp_path / f"m{i}", 10 + i, x_fresh=0.5) for i in range(LOOKS + 1)]
    levels = [
        json.loads(asked(capsys, base, other, "--json"))["held_out"][0]["level"]
        for other in others[:LOOKS]
    ]
    assert levels == pytest.approx([level_of(j + 1, ALPHA) for j in range(LOOKS)])
    error = refused(capsys, base, others[LOOKS])
    assert "10 times and 10 looks are allowed" in error
    assert "--force-look" in error
    assert len(read_ledger(tmp_path / "ledger.jsonl")) == LOOKS
    assert "Look 11 of 10 (forced), recorded" in asked(capsys, base, others[LOOKS], "--force-look")
    assert read_ledger(tmp_path / "ledger.jsonl")[-1].forced
    assert "Look 3 of 10" in asked(capsys, base, others[2])


def test_an_answer_depends_on_the_level_of_its_look(tmp_path: Path) -> None:
    y = drawn(0, 0.5)
    moved = y.copy()
    moved[np.flatnonzero(y == 0)[:9]] = 1
    moved[np.flatnonzero(y == 1)[:1]] = 0
    p = stats.mcnemar(9, 1)
    assert level_of(2, ALPHA) < p < level_of(1, ALPHA)
    one = read_results(folder(tmp_path / "a", rows("x_fresh", y), suite="unseen"))
    other = read_results(folder(tmp_path / "b", rows("x_fresh", moved), suite="unseen"))
    (fresh,) = judge(one, other, tmp_path / "fresh.jsonl")
    assert fresh.answers[0].finding == "better"
    worn = tmp_path / "worn.jsonl"
    third = read_results(results(tmp_path / "c", 9, x_fresh=0.5))
    judge(one, third, worn)
    assert judge(one, other, worn)[0].answers[0].finding == "no difference shown"


def test_equal_models_differ_in_a_look_no_more_often_than_its_level(tmp_path: Path) -> None:
    rng, found, times = np.random.default_rng(3), 0, 300
    one = read_results(results(tmp_path / "a", 0, a_fresh=0.5, b_fresh=0.5, c_fresh=0.5))
    for i in range(times):
        other = {
            n: type(s)(**{f: getattr(s, f) for f in s.__slots__}
                       | {"scores": np.where(rng.random(N) < 0.2, rng.integers(0, 2, N), s.scores)})
            for n, s in one.items()
        }  # fmt: skip
        (look,) = judge(one, other, tmp_path / f"{i}.jsonl")
        found += any(x.finding != "no difference shown" for x in look.answers)
    assert found / times <= 0.06


def test_a_comparison_that_is_refused_takes_no_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = folder(tmp_path / "a", rows("x_fresh", drawn(0, 0.5)), suite="unseen")
    other = folder(
        tmp_path / "b", rows("x_fresh", drawn(1, 0.5), prompt_digest="q"), suite="unseen"
    )
    assert "300 prompts differ" in refused(capsys, one, other)
    assert not (tmp_path / "ledger.jsonl").exists()
    assert "note: x_fresh: 300 prompts differ" in asked(
        capsys, one, other, "--allow-different-prompts"
    )


def test_development_results_take_no_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(capsys, *(results(tmp_path / s, i, gsm=0.5) for i, s in enumerate("ab")))
    assert not (tmp_path / "ledger.jsonl").exists()


def test_folders_that_lie_apart_need_a_ledger_that_is_named(
    sides: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    far = tmp_path / "far"
    far.mkdir()
    other = sides[1].rename(far / "b")
    assert "--ledger FILE" in refused(capsys, sides[0], other)
    asked(capsys, sides[0], other, "--ledger", tmp_path / "named.jsonl")
    assert len(read_ledger(tmp_path / "named.jsonl")) == 1
    monkeypatch.setenv("ASSAY_LEDGER", str(tmp_path / "set.jsonl"))
    asked(capsys, sides[0], other)
    assert len(read_ledger(tmp_path / "set.jsonl")) == 1


# run


def test_scores_of_a_held_out_suite_are_written_and_not_printed(
    toy: ToyEngine,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert evaluate(tmp_path / "a", "mini-unseen", "--limit", "12") == 0
    text = capsys.readouterr().out
    assert text.splitlines()[0].split() == ["benchmark", "metric", "items", "cut", "tokens"]
    assert "mini-unseen is held out" in text
    assert "[" not in text
    assert "mean of" not in text
    record = scores_in(tmp_path / "a")
    assert {b["suite"] for b in record["benchmarks"].values()} == {"mini-unseen"}
    assert len(pd.read_parquet(tmp_path / "a" / "items.parquet")) == 72
    assert not (tmp_path / "ledger.jsonl").exists()


def test_opening_the_scores_is_a_look_that_the_ledger_records_once(
    toy: ToyEngine,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for _ in range(2):
        assert evaluate(tmp_path / "a", "mini_gsm_fresh", "--limit", "12", "--look") == 0
        text = capsys.readouterr().out
        assert "95 % interval" in text
        assert "Look 1 at mini-unseen, recorded: its scores are open." in text
    (entry,) = read_ledger(tmp_path / "ledger.jsonl")
    assert (entry.suite, entry.sweep, entry.opened) == ("mini-unseen", "evals run", True)


def test_scores_are_not_opened_past_the_budget(
    toy: ToyEngine,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run: Any = ("mini_gsm_fresh", "--ledger", str(tmp_path / "l.jsonl"), "--look", "--limit")
    for i in range(LOOKS):
        evaluate(tmp_path / str(i), *run, str(12 + i))
    capsys.readouterr()
    assert evaluate(tmp_path / "more", *run, "40") == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "looks are allowed" in shown.err
    assert (tmp_path / "more" / "scores.json").is_file()
    assert evaluate(tmp_path / "more", *run, "40", "--force-look") == 0


def test_two_runs_on_a_held_out_suite_are_compared_by_look(
    toy: ToyEngine,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for side in ("a", "b"):
        evaluate(tmp_path / side, "mini-unseen", "--limit", "12")
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    text = capsys.readouterr().out
    assert "mini-unseen, held out" in text
    assert text.count("no difference shown") == 7
    assert "Look 1 of 10" in text
