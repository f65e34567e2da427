"""`python -m evals run`: what is written, what is printed, what is refused."""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from small_hub import write_arc, write_gsm8k
from toy_engine import IDENTITY, ToyEngine

from evals.__main__ import main
from evals.commands import run_engine
from evals.engines import Generation, Request
from evals.stats import wilson

ROOT = Path(__file__).parents[2]
COLUMNS = {
    "benchmark", "item", "replicate", "filter", "document_digest", "prompt_digest", "prompt",
    "response", "extracted", "score", "finish", "tokens", "prompt_tokens", "cluster", "stratum",
}  # fmt: skip


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("hub")
    write_gsm8k(folder)
    write_arc(folder)
    return folder


def evaluate(out: Path, what: str, *more: str) -> int:
    return main(["run", "--model", "toy", "--suite", what, "--out", str(out), *more])


def scores_in(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "scores.json").read_text())
    return found


def test_a_run_leaves_items_and_scores(toy: ToyEngine, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert evaluate(out, "mini-dev", "--limit", "12") == 0
    frame = pd.read_parquet(out / "items.parquet")
    assert set(frame.columns) >= COLUMNS
    assert len(frame) == 36
    record = scores_in(out)
    assert record["identity"] == IDENTITY
    assert record["asked"]["tier"] == "development"
    assert record["failed"] == []
    for name, of in record["benchmarks"].items():
        rows = frame[frame["benchmark"] == name]
        assert of["items"] == len(rows) == 12
        assert of["score"] == rows["score"].mean()
        assert (of["low"], of["high"]) == wilson(int(rows["score"].sum()), 12)
        assert of["tokens"] == rows["tokens"].sum()
        assert (of["generated"], of["cached"]) == (12, 0)
        assert of["settings"]["max_tokens"] == 64
    assert sorted(p.name for p in out.iterdir()) == ["cache", "items.parquet", "scores.json"]


def test_the_same_command_again_asks_nothing_and_changes_nothing(
    toy: ToyEngine, tmp_path: Path
) -> None:
    evaluate(tmp_path, "mini_gsm", "--limit", "12")
    before = (tmp_path / "items.parquet").read_bytes()
    toy.asked.clear()
    assert evaluate(tmp_path, "mini_gsm", "--limit", "12") == 0
    assert not toy.asked
    assert (tmp_path / "items.parquet").read_bytes() == before
    assert scores_in(tmp_path)["benchmarks"]["mini_gsm"]["cached"] == 12


def test_two_runs_share_a_cache_that_is_named(toy: ToyEngine, tmp_path: Path) -> None:
    shared = ("--cache", str(tmp_path / "cache"))
    evaluate(tmp_path / "a", "mini_gsm", "--limit", "12", *shared)
    toy.asked.clear()
    evaluate(tmp_path / "b", "mini_gsm", "--limit", "20", *shared)
    record = scores_in(tmp_path / "b")["benchmarks"]["mini_gsm"]
    assert record["generated"] == len(toy.asked)
    assert record["generated"] + record["cached"] == 20


def test_a_stock_task_runs_with_every_metric_and_filter(
    toy: ToyEngine, hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(tmp_path / "g", "gsm8k", "--hub", str(hub)) == 0
    record = scores_in(tmp_path / "g")["benchmarks"]["gsm8k"]
    assert {(m["metric"], m["filter"]) for m in record["metrics"]} == {
        ("exact_match", "strict-match"), ("exact_match", "flexible-extract"),
    }  # fmt: skip
    assert (record["settings"]["shots"], record["settings"]["max_tokens"]) == (5, 256)
    assert "note: gsm8k names no longest response" in capsys.readouterr().err
    assert evaluate(tmp_path / "a", "arc_easy", "--hub", str(hub)) == 0
    record = scores_in(tmp_path / "a")["benchmarks"]["arc_easy"]
    assert {m["metric"] for m in record["metrics"]} == {"acc", "acc_norm"}
    theirs = {(m["metric"], m["filter"]): m["value"] for m in record["lm_eval"]}
    for mean in record["metrics"]:
        assert theirs[mean["metric"], mean["filter"]] == pytest.approx(mean["score"])


def test_pass_at_k_is_estimated_from_the_replicates(toy: ToyEngine, tmp_path: Path) -> None:
    from evals.mini import problems

    right = {p.prompt: p.careful for p in problems("mini_gsm")}

    def sometimes(_identity: Mapping[str, str], request: Request) -> Generation:
        prompt = next(p for p in right if p in request.prompt)
        return Generation(right[prompt] if request.sampling.seed % 3 == 0 else "no", "stop", 1)

    toy.answer = sometimes
    suite = tmp_path / "s.yaml"
    suite.write_text(
        "tier: development\nbenchmarks:\n"
        "  mini_gsm: {items: 500, skill: s, max_tokens: 64, limit: 30, temperature: 0.8,"
        " replicates: 6, pass_k: 2}\n"
    )
    assert evaluate(tmp_path / "out", str(suite)) == 0
    frame = pd.read_parquet(tmp_path / "out" / "items.parquet")
    counts = frame.groupby("item")["score"].sum()
    expected = [1 - math.comb(6 - int(c), 2) / math.comb(6, 2) for c in counts]
    record = scores_in(tmp_path / "out")["benchmarks"]["mini_gsm"]
    assert record["metric"] == "exact_match, pass@2"
    assert record["score"] == pytest.approx(sum(expected) / 30)
    assert record["method"] == "t"
    assert (record["items"], record["replicates"]) == (30, 6)


def test_a_tripped_guardrail_is_exit_code_one_and_the_results_are_there(
    toy: ToyEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.answer = lambda _identity, request: Generation(request.prompt[-20:], "length", 64)
    assert evaluate(tmp_path, "mini_gsm", "--limit", "12") == 1
    (failed,) = scores_in(tmp_path)["failed"]
    assert "100.0% of the responses were cut" in failed
    assert f"failed: {failed}" in capsys.readouterr().err
    assert len(pd.read_parquet(tmp_path / "items.parquet")) == 12


def test_prompts_that_differ_from_an_earlier_run_fail(
    toy: ToyEngine, hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = ("gsm8k", "--hub", str(hub), "--limit", "12")
    assert evaluate(tmp_path / "a", *first) == 0
    assert evaluate(tmp_path / "b", *first, "--against", str(tmp_path / "a")) == 0
    against = ("--chat", "--against", str(tmp_path / "a"))
    assert evaluate(tmp_path / "c", *first, *against) == 1
    assert "12 of 12 prompts differ" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--suite", "mini-deb"], "did you mean 'mini-dev'"),
        (["--suite", "mini_gms"], "did you mean 'mini_gsm'"),
        (["--suite", "no.yaml"], "suite file no.yaml does not exist"),
        (["--suite", "mini-dev", "--limit", "0"], "--limit is 0"),
        (["--suite", "mini-dev", "--engine", "openai"], "go together"),
        (["--suite", "mini-dev", "--base-url", "http://x"], "go together"),
        (
            ["--suite", "mini-dev", "--api-key-env", "NOSUCH"],
            "variable NOSUCH is not set, or empty",
        ),
        (["--suite", "judged", "--judge-key-env", "NOSUCH"], "--judge-key-env: the environment"),
        (["--suite", "mini-dev", "--hub", "/nowhere"], "--hub /nowhere is not a folder"),
        (["--suite", "mini-dev", "--out", "/proc/x"], "--out /proc/x cannot be written"),
        (["--suite", "mini-dev", "--against", "/nowhere"], "items.parquet does not exist"),
        (["--suite", "mini-dev", "--model", "."], "is a folder without config.json"),
        (["--suite", "mini-dev", "--model", "/no/such/folder"], "is not a folder"),
    ],
)
def test_a_wrong_request_is_refused_before_the_model_loads(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def never(_args: argparse.Namespace) -> ToyEngine:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(run_engine, "ENGINES", dict.fromkeys(run_engine.ENGINES, never))
    defaults = ["--model", "toy", "--out", str(tmp_path / "out")]
    assert main(["run", *defaults, *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) <= 3


def test_data_that_cannot_be_had_is_refused_before_the_model_loads(
    toy: ToyEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hub = tmp_path / "hub"
    hub.mkdir()
    assert evaluate(tmp_path / "out", "gsm8k", "--hub", str(hub)) == 2
    assert f"{hub}/openai/gsm8k does not exist" in capsys.readouterr().err


def test_a_folder_with_another_runs_results_is_not_overwritten(
    toy: ToyEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(tmp_path, "mini_gsm", "--limit", "12") == 0
    assert evaluate(tmp_path, "mini_math", "--limit", "12") == 2
    assert "holds the results of another run (suite mini_gsm)" in capsys.readouterr().err
    assert evaluate(tmp_path, "mini_gsm", "--limit", "12", "--max-tokens", "9") == 2
    assert "another run (max_tokens None)" in capsys.readouterr().err
    served = ("--limit", "12", "--engine", "openai", "--base-url")
    for port, code in ((8001, 0), (8001, 0), (8002, 2)):
        address = f"http://127.0.0.1:{port}/v1"
        assert evaluate(tmp_path / "served", "mini_gsm", *served, address) == code
    assert "another run (base_url http://127.0.0.1:8001/v1)" in capsys.readouterr().err
    assert set(scores_in(tmp_path)["benchmarks"]) == {"mini_gsm"}


@pytest.mark.parametrize("body", [b'{"asked": []}', b'{"asked": 3}', b"[]", b"\xff", b"{}"])
def test_a_folder_with_a_foreign_file_is_not_overwritten(
    body: bytes, toy: ToyEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scores.json").write_bytes(body)
    assert evaluate(tmp_path, "mini_gsm", "--limit", "12") == 2
    assert "its scores.json is not one of ours" in capsys.readouterr().err
    assert (tmp_path / "scores.json").read_bytes() == body


def test_held_out_samples_are_not_printed(
    toy: ToyEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(tmp_path, "mini-unseen", "--limit", "12") == 0
    shown = capsys.readouterr()
    frame = pd.read_parquet(tmp_path / "items.parquet")
    for text in {*frame["prompt"], *frame["response"], *frame["item"]}:
        assert text not in shown.out + shown.err
    assert scores_in(tmp_path)["asked"]["tier"] == "held-out"


@pytest.mark.parametrize(("suite", "count"), [("mini-dev", 5), ("mini-unseen", 9)])
def test_the_table_fits_a_terminal(
    toy: ToyEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str], suite: str, count: int
) -> None:
    evaluate(tmp_path, suite, "--limit", "12")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == count
    assert max(map(len, lines)) <= 80


def test_the_embedded_model_is_evaluated_and_resumed(tmp_path: Path) -> None:
    def run(*more: str) -> dict[str, Any]:
        subprocess.run(
            [sys.executable, "-m", "evals", "run", "--model", "recipe/tiny/model", "--suite",
             "mini_ifeval", "--limit", "4", "--out", str(tmp_path), *more],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return scores_in(tmp_path)

    first, second = run(), run()
    assert first["identity"]["engine"] == "hf"
    assert (first["benchmarks"]["mini_ifeval"]["generated"],
            second["benchmarks"]["mini_ifeval"]["generated"]) == (4, 0)  # fmt: skip
    for record in (first, second):
        of = record["benchmarks"]["mini_ifeval"]
        del of["seconds"], of["generated"], of["cached"]
    assert first == second


@pytest.mark.parametrize("name", ["nowhere", "no-such-org/no-such-model"])
def test_a_model_that_cannot_be_had_is_an_error_of_three_lines(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Read where the engine's process starts.
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    out = ["--suite", "mini_gsm", "--limit", "2", "--out", str(tmp_path / "out")]
    assert main(["run", "--model", name, *out]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith(f"error: --model {name} cannot be loaded: ")
    assert len(told) <= 3
    assert not (tmp_path / "out" / "scores.json").exists()
