"""Promotion."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.promote import promote

PARAMS = {"arms": ["a", "b", "c"], "seeds": [1, 2], "benchmarks": ["x", "y"], "top": 1}


def inputs(
    folder: Path, scores: Mapping[str, float], kept: tuple[str, ...] = ()
) -> dict[str, Path]:
    found = {}
    for arm, score in scores.items():
        info = {"rows_flagged": 3, "action": "report" if arm in kept else "drop"}
        found[f"decontam[{arm}][decontam mix]"] = write(
            folder / f"decontam-{arm}", "info.json", info
        )
        for seed in PARAMS["seeds"]:
            for benchmark in PARAMS["benchmarks"]:
                role = f"eval[{arm}][{seed}][{benchmark}]"
                found[role] = write(folder / role, "scores.json", {"score": score})
    return found


def write(folder: Path, name: str, value: Mapping[str, Any]) -> Path:
    folder.mkdir(parents=True)
    (folder / name).write_text(json.dumps(value))
    return folder


def test_the_best_arm_by_development_score_goes_on(tmp_path: Path) -> None:
    choice = promote(PARAMS, inputs(tmp_path, {"a": 0.2, "b": 0.6, "c": 0.4}))
    assert choice["ranked"] == ["b"]
    assert choice["scores"] == {"a": 0.2, "b": 0.6, "c": 0.4}


def test_an_arm_that_kept_its_leaks_cannot_win(tmp_path: Path) -> None:
    choice = promote(PARAMS, inputs(tmp_path, {"a": 0.2, "b": 0.9, "c": 0.4}, kept=("b",)))
    assert choice["ranked"] == ["c"]
    assert choice["excluded"] == {"b": "trains on 3 rows that match benchmark items"}


def test_too_few_clean_arms_are_an_error(tmp_path: Path) -> None:
    given = inputs(tmp_path, {"a": 0.2, "b": 0.9, "c": 0.4}, kept=("a", "b", "c"))
    with pytest.raises(ValueError, match="1 arms are to go on but only 0"):
        promote(PARAMS, given)


def test_of_arms_that_tie_the_one_named_first_goes_on(tmp_path: Path) -> None:
    given = inputs(tmp_path, {"c": 0.5, "b": 0.5, "a": 0.1})
    assert promote({**PARAMS, "arms": ["a", "c", "b"]}, given)["ranked"] == ["c"]
