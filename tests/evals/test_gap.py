"""The gap between development and held-out scores, by skill, of one model, on record."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from test_run_command import evaluate
from toy_engine import IDENTITY, ToyEngine

from evals.gap import gap_lines
from evals.ledger import read_ledger


def scored(score: float, se: float, **settings: object) -> dict[str, object]:
    given = {"skill": "sums", "twin": None, "shift_of": None, **settings}
    return {"score": score, "se": se, "items": 10_001, "settings": given}


def test_the_variances_of_both_add() -> None:
    held = {"benchmarks": {"b": scored(0.5, 0.03, shift_of="a"), "c": scored(0.5, 0.03)}}
    _, line, alone = gap_lines(held, {"benchmarks": {"a": scored(0.8, 0.04)}})
    half = 1.96 * math.hypot(3, 4)
    assert line.split()[-4:-2] == ["50.0", "+30.0"]
    assert line.endswith(f"[{30 - half:+.1f}, {30 + half:+.1f}]")
    assert alone.split() == ["sums", "n/a", "c", "50.0"]


def test_the_gap_is_printed_with_a_look_and_not_without(
    toy: ToyEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dev, out = tmp_path / "dev", tmp_path / "unseen"
    assert evaluate(dev, "mini-dev", "--limit", "12") == 0
    beside = ("mini-unseen", "--limit", "12", "--beside", str(dev))
    capsys.readouterr()
    assert evaluate(out, *beside) == 2
    assert evaluate(out, *beside, "--look") == 0
    lines = capsys.readouterr().out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("skill"))
    assert [line[:22].strip() for line in lines[start + 1 : start + 7]] == [
        "word problems", "expressions", "constraints",
    ] * 2  # fmt: skip
    assert max(map(len, lines)) <= 100
    assert len(read_ledger(tmp_path / "ledger.jsonl")) == 1


def test_another_models_scores_are_no_counterpart(
    toy: ToyEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(tmp_path / "dev", "mini-dev", "--limit", "12") == 0
    toy.identity = {**IDENTITY, "weights": "x" * 64}
    beside = ("--limit", "12", "--look", "--beside", str(tmp_path / "dev"))
    assert evaluate(tmp_path / "unseen", "mini-unseen", *beside) == 2
    assert "is of another model or engine" in capsys.readouterr().err
    assert not (tmp_path / "ledger.jsonl").exists()
