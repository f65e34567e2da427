"""Of a fresh twin one half of the items judges models and the other diagnoses leaks."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_compare import asked, folder, rows

from evals.halves import expected, in_half
from evals.ledger import read_ledger
from evals.result_folder import read_results
from evals.suite import Benchmark

N = 400
GATE = in_half("x_fresh", "x", [f"x_fresh/{i:03}" for i in range(N)], "gate")


@pytest.mark.parametrize("limit", [500, 40])
def test_the_halves_of_a_twin_share_no_item_and_do_not_move(limit: int) -> None:
    twin = Benchmark(name="t", task="t", items=500, skill="s", limit=limit, twin="d")
    items = [f"t/{i}" for i in range(limit)]
    gate, diagnosis = (in_half("t", "d", items, half) for half in ("gate", "diagnosis"))  # type: ignore[arg-type]
    assert np.array_equal(gate, ~diagnosis)
    assert abs(int(gate.sum()) - expected(twin)) < 3 * math.sqrt(limit) / 2
    fewer = in_half("t", "d", items[: limit // 2], "gate")
    assert np.array_equal(fewer, gate[: limit // 2])
    assert in_half("t", None, items, "gate").all()
    assert expected(replace(twin, twin=None)) == limit


def test_a_cluster_is_in_one_half_whole() -> None:
    units = np.repeat([f"passage {i}" for i in range(50)], 4)
    gate = in_half("t", "d", units, "gate").reshape(50, 4)
    assert (gate.all(axis=1) | ~gate.any(axis=1)).all()
    assert 0 < gate.sum() < gate.size


# two result folders


def results(path: Path, judging: float, other: float, twin: str | None = "x") -> Path:
    """Scores of a fresh twin, of one rate in the half that judges and of another in the rest."""
    draws = np.random.default_rng(len(path.name)).random(N)
    scores = (draws < np.where(GATE, judging, other)).astype(float)
    stated = {"settings": {"twin": twin}} if twin else {}
    return folder(path, rows("x_fresh", scores), suite="unseen", **stated)


def test_only_the_half_that_judges_is_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = results(tmp_path / "a", 0.4, 0.9), results(tmp_path / "b", 0.6, 0.1)
    ((answer,),) = (x["answers"] for x in json.loads(asked(capsys, *sides, "--json"))["held_out"])
    assert (answer["finding"], answer["n"]) == ("better", int(GATE.sum()))
    assert answer["twin"] == "x"
    lines = asked(capsys, *sides).splitlines()
    assert f"{'x_fresh':<31} {int(GATE.sum()):>6}* better" in lines
    assert lines[-1] == (
        "* A fresh twin: the half of its items that judges; the other half is for diagnosis."
    )


def test_without_a_twin_every_item_is_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = results(tmp_path / "a", 0.4, 0.9, None), results(tmp_path / "b", 0.6, 0.1, None)
    text = asked(capsys, *sides)
    assert f"{'x_fresh':<31} {N:>6}  worse" in text.splitlines()
    assert "*" not in text


def test_a_twin_that_one_folder_states_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = results(tmp_path / "a", 0.4, 0.9, None), results(tmp_path / "b", 0.6, 0.1)
    for one, other in (sides, sides[::-1]):
        assert f"{int(GATE.sum()):>6}* " in asked(capsys, one, other)


def test_the_half_for_diagnosis_moves_no_answer_and_takes_no_other_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = results(tmp_path / "a", 0.4, 0.9)
    told = {
        asked(capsys, a, results(tmp_path / name, 0.6, rate), "--json")
        for name, rate in (("b", 0.1), ("c", 0.5), ("d", 1.0))
    }
    assert len(told) == 1
    assert len(read_ledger(tmp_path / "ledger.jsonl")) == 1


def test_clusters_of_a_twin_are_compared_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = [f"passage {i // 4}" for i in range(N)]
    gate = in_half("x_fresh", "x", cluster, "gate")
    draws = np.random.default_rng(5).random((2, N))
    a, b = (
        folder(
            tmp_path / side,
            rows("x_fresh", (draw < 0.5).astype(float), cluster=cluster),
            suite="unseen",
            settings={"twin": "x"},
        )
        for side, draw in zip("ab", draws, strict=True)
    )
    assert f"{int(gate.sum()):>6}* " in asked(capsys, a, b)


@pytest.mark.parametrize("settings", [{}, {"settings": None}, {"settings": {"twin": None}}])
def test_a_folder_that_states_no_twin_has_none(tmp_path: Path, settings: dict[str, object]) -> None:
    found = read_results(folder(tmp_path / "a", rows("x_fresh", [0, 1]), **settings))
    assert found["x_fresh"].twin is None
