"""Held-out data is held out under every name that it can be asked for by."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_run_command import evaluate, scores_in
from toy_engine import ToyEngine

from evals.suite import load_suite, suite_names
from evals.tiers import held_out_suite


@pytest.mark.parametrize(
    ("name", "suite"),
    [
        ("mini_gsm_fresh", "mini-unseen"),
        ("mmlu_pro", "tulu3-unseen"),
        ("mmlu_pro_biology", "tulu3-unseen"),
        ("leaderboard_mmlu_pro", "tulu3-unseen"),
        ("agieval_sat_en", "tulu3-unseen"),
        ("agieval_sat_en_cot", "tulu3-unseen"),
        ("agieval_sat_en_without_passage", "tulu3-unseen"),
        ("agieval_en", "tulu3-unseen"),
        ("gpqa_diamond_zeroshot", "tulu3-unseen"),
        ("ifbench", "tulu3-unseen"),
        ("mini_gsm", None),
        ("gsm8k", None),
        ("agieval_gaokao_physics", None),
        ("no_such_task_anywhere", None),
    ],
)
def test_the_data_of_a_task_says_whether_it_is_held_out(name: str, suite: str | None) -> None:
    found = held_out_suite(name)
    assert (found.name if found else None) == suite


def test_no_shipped_development_suite_has_held_out_data() -> None:
    for suite in map(load_suite, suite_names()):
        for benchmark in suite.benchmarks:
            held = held_out_suite(benchmark.task)
            assert (held is not None) == (suite.tier == "held-out"), benchmark.name


def own(folder: Path, tier: str, benchmark: str) -> str:
    file = folder / "own.yaml"
    file.write_text(f"tier: {tier}\nbenchmarks:\n  {benchmark}\n")
    return str(file)


@pytest.mark.parametrize(
    "benchmark",
    [
        "mini_gsm_fresh: {items: 500, skill: s, max_tokens: 64}",
        "renamed: {task: mini_gsm_fresh, items: 500, skill: s, max_tokens: 64}",
        "mine: {task: mmlu_pro_biology, items: 717, skill: s}",
    ],
)
def test_a_development_suite_of_held_out_data_is_refused(
    benchmark: str, toy: ToyEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = own(tmp_path, "development", benchmark)
    assert evaluate(tmp_path / "out", file) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"{file}: benchmark {benchmark.partition(':')[0]!r} is scored on data of" in shown.err
    assert "list it in a suite whose tier is held-out" in shown.err
    assert toy.asked == []


def test_an_own_suite_that_is_held_out_may_list_held_out_data(
    toy: ToyEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = "mini_gsm_fresh: {items: 500, skill: s, max_tokens: 64, limit: 12}"
    assert evaluate(tmp_path / "out", own(tmp_path, "held-out", body)) == 0
    assert "95 % interval" not in capsys.readouterr().out
    assert scores_in(tmp_path / "out")["asked"]["tier"] == "held-out"
