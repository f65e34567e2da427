"""Two result folders are compared on the same prompts and items, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evals import stats
from evals.__main__ import main

RNG = np.random.default_rng


def rows(benchmark: str, scores: Any, **columns: Any) -> pd.DataFrame:
    n = len(scores)
    base = {
        "benchmark": benchmark,
        "item": [f"{benchmark}/{i:03}" for i in range(n)],
        "replicate": 0,
        "filter": "none",
        "document_digest": [f"d{i}" for i in range(n)],
        "prompt_digest": [f"p{i}" for i in range(n)],
        "prompt": "SECRET PROMPT",
        "response": "SECRET RESPONSE",
        "extracted": [f"answer {s}" for s in scores],
        "score": np.asarray(scores, dtype=float),
        "finish": "stop",
        "tokens": 5,
        "prompt_tokens": 9,
        "cluster": None,
        "stratum": None,
    }
    return pd.DataFrame({**base, **columns})


def folder(path: Path, *frames: pd.DataFrame, **settings: Any) -> Path:
    path.mkdir()
    frame = pd.concat(frames, ignore_index=True)
    frame.to_parquet(path / "items.parquet")
    names = frame["benchmark"].unique()
    tiers = {n: {"tier": "held-out" if "fresh" in n else "development"} for n in names}
    body = {"benchmarks": {n: {**tiers[n], **settings} for n in names}}
    (path / "scores.json").write_text(json.dumps(body))
    return path


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    rng = RNG(1)
    a = {n: (rng.random(80) < 0.5).astype(float) for n in ("gsm", "sums")}
    b = {n: np.where(rng.random(80) < 0.2, 1 - y, y) for n, y in a.items()}
    one = folder(tmp_path / "a", *(rows(n, y) for n, y in a.items()))
    other = folder(
        tmp_path / "b", *(rows(n, y).sample(frac=1, random_state=1) for n, y in b.items())
    )
    return one, other


def asked(capsys: pytest.CaptureFixture[str], *arguments: Any) -> str:
    assert main(["compare", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: Any) -> str:
    assert main(["compare", *map(str, arguments)]) == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert len(out.err.strip().splitlines()) <= 3
    return out.err


def test_json_holds_the_paired_delta_of_every_benchmark(
    pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(asked(capsys, *pair, "--json"))
    a, b = (
        pd.read_parquet(p / "items.parquet").set_index(["benchmark", "item"])["score"] for p in pair
    )
    for row in found["benchmarks"]:
        x, y = a[row["benchmark"]].sort_index(), b[row["benchmark"]].sort_index()
        expected = stats.paired(y, x, floor=True)
        assert row["delta"]["mean"] == pytest.approx(expected.mean)
        assert (row["delta"]["low"], row["delta"]["high"]) == pytest.approx(
            stats.tango(row["better"], row["worse"], row["n"])
        )
        assert (row["better"], row["worse"]) == (int((y > x).sum()), int((y < x).sum()))
        assert row["p"] == pytest.approx(stats.mcnemar(row["better"], row["worse"]))
        assert row["test"] == "McNemar"
        assert len(row["flips"]) == row["better"] + row["worse"]
        assert row["mde"] > 0
    means = [row["delta"]["mean"] for row in found["benchmarks"]]
    assert found["mean"]["mean"] == pytest.approx(np.mean(means))


def test_the_table_fits_and_names_every_benchmark(
    pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    text = asked(capsys, *pair)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].split() == [
        "benchmark", "n", "A", "B", "delta", "95", "%", "interval", "p", "MDE", "better/worse",
    ]  # fmt: skip
    assert lines[1].startswith("gsm ")
    assert lines[3].startswith("mean of 2")
    assert "item noise" in text


def test_flips_are_listed_with_answers(
    pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    text = asked(capsys, *pair, "--flips", 3)
    assert "3 shown" in text
    assert "'answer 1.0' -> 'answer 0.0'" in text
    for shown in (text, asked(capsys, *pair, "--json")):
        assert "SECRET" not in shown


def test_where_the_tier_is_not_known_no_answer_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = folder(tmp_path / "a", rows("gsm", [0, 1, 1, 0]))
    other = folder(tmp_path / "b", rows("gsm", [1, 1, 1, 0]))
    (other / "scores.json").write_text("{}")
    text = asked(capsys, one, other, "--flips", 5)
    assert "gsm/000  0 -> 1" in text
    assert "answer" not in text
    (row,) = json.loads(asked(capsys, one, other, "--json"))["benchmarks"]
    assert row["tier"] is None


def test_a_model_beside_itself_is_zero_with_an_interval(
    pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for row in json.loads(asked(capsys, pair[0], pair[0], "--json"))["benchmarks"]:
        assert (row["delta"]["mean"], row["p"], row["flips"]) == (0, 1, [])
        assert row["delta"]["low"] < 0 < row["delta"]["high"]


def test_swapping_the_folders_flips_the_sign(
    pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    one = json.loads(asked(capsys, *pair, "--json"))["benchmarks"][0]
    other = json.loads(asked(capsys, pair[1], pair[0], "--json"))["benchmarks"][0]
    assert one["delta"]["mean"] == -other["delta"]["mean"]
    assert one["delta"]["low"] == pytest.approx(-other["delta"]["high"])
    assert one["p"] == other["p"]


def test_replicates_are_averaged_and_tested_by_sign_flips(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = RNG(2)
    y = {side: (rng.random((3, 40)) < 0.5).astype(float) for side in "ab"}
    sides = [
        folder(tmp_path / s, *(rows("gsm", y[s][k], replicate=k) for k in range(3))) for s in "ab"
    ]
    (row,) = json.loads(asked(capsys, *sides, "--json"))["benchmarks"]
    d = y["b"].mean(axis=0) - y["a"].mean(axis=0)
    assert row["n"] == 40
    assert row["delta"]["mean"] == pytest.approx(d.mean())
    assert (row["test"], row["p"]) == ("sign flip", stats.sign_flip(d))


def test_clusters_and_strata_of_the_columns_are_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = RNG(3)
    y = {side: (rng.random(60) < 0.5).astype(float) for side in "ab"}
    cluster, stratum = np.arange(60) // 3, np.arange(60) // 30
    labels = {"cluster": cluster.astype(str), "stratum": stratum.astype(str)}
    sides = [folder(tmp_path / s, rows("drop", y[s], **labels)) for s in "ab"]
    (row,) = json.loads(asked(capsys, *sides, "--json"))["benchmarks"]
    expected = stats.paired(y["b"], y["a"], cluster=cluster, stratum=stratum, floor=True)
    assert row["delta"]["se"] == pytest.approx(expected.se)
    assert (row["clusters"], row["strata"], row["test"]) == (20, 2, "sign flip")
    assert row["p"] == stats.sign_flip(y["b"] - y["a"], cluster=cluster)
    assert "in 20 clusters and 2 strata" in asked(capsys, *sides)


def test_benchmarks_that_share_problems_covary_in_the_mean(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = RNG(4)
    names = {"item": [f"HumanEval/{i}" for i in range(50)]}
    y = {side: (rng.random(50) < 0.5).astype(float) for side in "ab"}
    sides = [
        folder(tmp_path / s, *(rows(n, y[s], **names) for n in ("humaneval", "humaneval_plus")))
        for s in "ab"
    ]
    found = json.loads(asked(capsys, *sides, "--json"))
    assert found["mean"]["se"] == pytest.approx(found["benchmarks"][0]["delta"]["se"])


def different(pair: tuple[Path, Path], what: str) -> None:
    path = pair[1] / "items.parquet"
    frame = pd.read_parquet(path)
    mine = frame["benchmark"] == "gsm"
    if what == "prompts":
        frame.loc[mine & (frame["item"] < "gsm/010"), "prompt_digest"] = "other"
    elif what == "documents":
        frame.loc[mine & (frame["item"] < "gsm/010"), "document_digest"] = "other"
    elif what == "items":
        frame = frame[~(mine & (frame["item"] < "gsm/010"))]
    else:
        frame = frame[~mine]
    frame.to_parquet(path)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("prompts", "gsm: 10 prompts differ"),
        ("documents", "gsm: 10 documents differ"),
        ("items", "gsm: 70 items in common of 80 and 70"),
        ("benchmark", "gsm: only A has it"),
    ],
)
def test_what_was_asked_differently_is_refused_unless_allowed_and_then_said(
    pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str], what: str, said: str
) -> None:
    different(pair, what)
    error = refused(capsys, *pair)
    assert said in error
    assert "--allow-different-prompts" in error
    text = asked(capsys, *pair, "--allow-different-prompts")
    assert f"note: {said}" in text


def test_the_filter_that_counts_is_the_one_scores_json_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def side(name: str, scores: list[float], **settings: Any) -> Path:
        strict, loose = rows("gsm", [0.0] * 4), rows("gsm", scores, filter="loose")
        return folder(tmp_path / name, strict, loose, **settings)

    a, b = side("a", [0, 0, 1, 0], filter="loose"), side("b", [1, 0, 1, 1], filter="loose")
    (row,) = json.loads(asked(capsys, a, b, "--json"))["benchmarks"]
    assert row["delta"]["mean"] == pytest.approx(0.5)
    unsaid = side("c", [1, 0, 1, 1])
    assert "scores.json must say which counts" in refused(capsys, a, unsaid)
    wrong = side("d", [1, 0, 1, 1], filter="strictest")
    assert "'strictest' is said to count" in refused(capsys, a, wrong)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("score", 1.5, "must lie in [0, 1]"),
        ("score", float("nan"), "must lie in [0, 1]"),
        ("replicate", 0, "has replicate 0 twice"),
        ("cluster", "x", "some items have a cluster and others have none"),
    ],
)
def test_a_damaged_table_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], column: str, value: Any, said: str
) -> None:
    good = folder(tmp_path / "a", rows("gsm", [0, 1, 1, 0]))
    frame = rows("gsm", [0, 1, 1, 0])
    if column == "replicate":
        frame = pd.concat([frame, frame.head(1)])
    frame = frame.reset_index(drop=True)
    frame[column] = frame[column].astype(object)
    frame.loc[1, column] = value
    if column == "score":
        frame["score"] = frame["score"].astype(float)
    if column == "replicate":
        frame["replicate"] = frame["replicate"].astype(int)
    assert said in refused(capsys, good, folder(tmp_path / "b", frame))


def test_folders_that_are_none_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = folder(tmp_path / "a", rows("gsm", [0, 1, 1, 0]))
    assert "does not exist" in refused(capsys, good, tmp_path / "nowhere")
    torn = folder(tmp_path / "torn", rows("gsm", [0, 1, 1, 0]))
    (torn / "items.parquet").write_bytes((torn / "items.parquet").read_bytes()[:100])
    assert "is not a parquet file" in refused(capsys, good, torn)
    bare = folder(tmp_path / "bare", rows("gsm", [0, 1]).drop(columns="prompt_digest"))
    assert "has no column prompt_digest" in refused(capsys, good, bare)
    odd = folder(tmp_path / "odd", rows("gsm", [0, 1, 1, 0]))
    (odd / "scores.json").write_text("{")
    assert "is not JSON" in refused(capsys, good, odd)
    single = folder(tmp_path / "single", rows("gsm", [0]))
    assert "at least two are needed" in refused(capsys, single, single)
    assert "at least 0" in refused(capsys, good, good, "--flips", -1)


def test_hostile_names_stay_on_their_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "x\x1b[31m\u202e\n" + "y" * 150
    sides = [folder(tmp_path / s, rows(name, [0, 1, i])) for i, s in enumerate("ab")]
    text = asked(capsys, *sides, "--flips", 2)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_another_metric_is_refused_unless_allowed_and_then_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One task scored strictly and loosely has the same prompts, documents and items."""
    scores = RNG(3).integers(0, 2, 30)
    a = folder(tmp_path / "a", rows("x", scores), metric="strict", filter="none")
    b = folder(tmp_path / "b", rows("x", scores), metric="loose", filter="none")
    assert "x: scores are strict in A and loose in B" in refused(capsys, a, b)
    text = asked(capsys, a, b, "--allow-different-prompts")
    assert "note: x: scores are strict in A and loose in B" in text


def test_another_filter_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = RNG(3).integers(0, 2, 30)
    a = folder(tmp_path / "a", rows("x", scores, filter="first"), metric="m", filter="first")
    b = folder(tmp_path / "b", rows("x", scores, filter="last"), metric="m", filter="last")
    assert "x: scores are m (first) in A and m (last) in B" in refused(capsys, a, b)


def test_other_settings_and_tripped_guardrails_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = RNG(3).integers(0, 2, 30)
    sides = [
        folder(tmp_path / name, rows("x", scores), generation={"x": {"max_gen_toks": room}})
        for name, room in (("a", 3), ("b", 64))
    ]
    file = sides[0] / "scores.json"
    body = json.loads(file.read_text())
    file.write_text(json.dumps({**body, "failed": ["x: all cut", "xy: of another benchmark"]}))
    text = asked(capsys, *sides)
    assert "x: generated differently: max_gen_toks 3 in A and 64 in B" in text
    assert "guardrail tripped in A: all cut" in text
    assert "another benchmark" not in text
    assert "note" not in asked(capsys, sides[1], sides[1])
