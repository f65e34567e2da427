"""`python -m evals run` of benchmarks that a judge scores."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from test_run_command import evaluate, scores_in
from toy_engine import ToyEngine

import evals.commands.run as command
from evals.engines import Generation


def write_mt_bench(folder: Path) -> None:
    rows = [
        {"question_id": 81 + i, "category": "writing", "turns": [f"Write {i}.", "Now shorter."]}
        for i in range(80)
    ]
    data = folder / "lmsys" / "mt_bench"
    data.mkdir(parents=True)
    pd.DataFrame(rows).to_parquet(data / "train.parquet")
    (data / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files:\n"
        "  - split: train\n    path: train.parquet\n---\n"
    )


def evaluate_judged(folder: Path, verdict: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Six items of MT-Bench, of which a judge always says the same."""
    write_mt_bench(folder / "hub")
    judge = ToyEngine(answer=lambda _identity, _request: Generation(verdict, "stop", 4))
    monkeypatch.setattr(command, "judge", lambda _args: judge)
    return evaluate(
        folder / "out", "judged", "--hub", str(folder / "hub"), "--limit", "6",
        "--judge-model", "j", "--judge-url", "http://localhost:1/v1", "--without", "alpaca_eval",
    )  # fmt: skip


def test_a_judge_gives_the_scores_and_both_sides_are_kept(
    toy: ToyEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert evaluate_judged(tmp_path, "Fine. [[8]]", monkeypatch) == 0
    record = scores_in(tmp_path / "out")
    assert record["benchmarks"]["mt_bench"]["score"] == pytest.approx(0.8)
    assert "the verdicts are those of j" in record["notes"][0]
    frame = pd.read_parquet(tmp_path / "out" / "items.parquet")
    assert set(frame["extracted"]) == {"Fine. [[8]]"}
    assert len(frame) == 6


def test_a_verdict_that_cannot_be_read_is_an_error_and_no_score(
    toy: ToyEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert evaluate_judged(tmp_path, "Hm.", monkeypatch) == 2
    assert "6 of 6 verdicts of the judge could not be read" in capsys.readouterr().err
    assert not (tmp_path / "out" / "scores.json").exists()


def test_judged_benchmarks_without_a_judge_are_refused(
    toy: ToyEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(tmp_path / "out", "judged") == 2
    assert "--without alpaca_eval mt_bench" in capsys.readouterr().err
