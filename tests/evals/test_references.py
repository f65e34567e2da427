"""Published numbers are loaded as they were published and marked as such."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from evals.references import beside, beside_lines, references


@pytest.mark.parametrize(
    ("benchmark", "model", "points"),
    [
        ("mmlu", "Tulu 3 405B", 87.0),
        ("mmlu", "DeepSeek-V3", 82.1),
        ("humaneval", "GPT-4o (24-11)", 97.0),
        ("humaneval_plus", "Hermes 3 405B", 86.9),
        ("safety", "Llama 3.1 405B Instruct", 86.8),
        ("average", "GPT-4o (24-11)", 81.6),
        ("average_without_safety", "Tulu 3 405B", 80.0),
        ("drop", "Tulu 3 8B", 62.6),
        ("alpaca_eval", "Tulu 3 70B", 49.8),
        ("average", "Tulu 3 8B DPO", 64.4),
        ("ifbench", "Tulu 3 8B", 24.3),
    ],
)
def test_a_number_is_the_published_one(benchmark: str, model: str, points: float) -> None:
    (found,) = references(benchmark, model=model)
    assert found.score == pytest.approx(points / 100)
    assert found.status == "published"
    assert found.settings
    assert "2411.15124" in found.source
    with pytest.raises(FrozenInstanceError):
        found.score = 1.0  # type: ignore[misc]


def test_both_tables_are_whole() -> None:
    every = references()
    assert len({(r.benchmark, r.model) for r in every}) == len(every) == 12 * 5 + 13 * 2 + 1 + 2


@pytest.mark.parametrize(
    "name", ["HumanEval+", "humaneval_plus", "humanevalplus", "humaneval-plus"]
)
def test_a_benchmark_is_found_by_any_of_its_names(name: str) -> None:
    assert {r.benchmark for r in references(name)} == {"humaneval_plus"}


def test_measured_scores_stand_beside_published_ones_of_the_same_benchmark() -> None:
    rows = beside({"gsm8k": 0.61, "mini_gsm": 0.3, "minerva_math": 0.2})
    assert [(r.benchmark, r.measured) for r in rows] == [("gsm8k", 0.61), ("minerva_math", 0.2)]
    assert {r.model for r in rows[0].published} >= {"Tulu 3 8B", "Tulu 3 70B", "GPT-4o (24-11)"}
    assert {r.benchmark for r in rows[1].published} == {"math"}


def test_references_can_be_limited_to_models_in_their_order() -> None:
    (row,) = beside({"ifeval": 0.5}, models=["Tulu 3 70B", "Tulu 3 8B"])
    assert [r.model for r in row.published] == ["Tulu 3 70B", "Tulu 3 8B"]
    with pytest.raises(ValueError, match="no published numbers of 'Tulu 9'"):
        beside({"ifeval": 0.5}, models=["Tulu 9"])
    with pytest.raises(ValueError, match="is no fraction"):
        beside({"ifeval": 50.0})


def test_every_published_line_says_that_it_is() -> None:
    lines = list(beside_lines(beside({"gsm8k": 0.61})))
    assert lines[0] == "gsm8k: measured 61.0"
    assert all(line.startswith("  published ") for line in lines[1:])
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1, 2", "refs.yaml"),
        ("- a", "the keys source, tables and names"),
        ("source: s\ntables: [{where: w, models: [A], rows: {x: {settings: s, values: []}}}]",
         "0 values of 1 models"),
        ("source: s\ntables: [{where: w, models: [A], rows: {x: {settings: s, values: [250]}}}]",
         "points in 0 to 100"),
    ],
)  # fmt: skip
def test_a_malformed_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "refs.yaml").write_text(text)
    with pytest.raises(ValueError, match=said):
        references(folder=tmp_path)
