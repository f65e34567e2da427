"""`python -m evals run` and `list`: what is written, what is printed, what is refused."""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from small_hub import write_arc, write_gsm8k
from toy_engine import IDENTITY, ToyEngine

import evals.commands.run as command
from evals.__main__ import main
from evals.commands import run_engine
from evals.engines import Generation, Request
from evals.stats import wilson
from evals.suite import load_suite

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


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> ToyEngine:
    """Stands in for the engine of every run."""
    engine = ToyEngine()

    def make(_args: argparse.Namespace) -> ToyEngine:
        return engine

    monkeypatch.setattr(run_engine, "ENGINES", dict.fromkeys(run_engine.ENGINES, make))
    return engine


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


# list


def listed(*more: str) -> tuple[str, float]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "evals", "list", *more],
        cwd=ROOT, check=True, capture_output=True, text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    return done.stdout, len(done.stderr.splitlines())


def test_the_list_names_every_suite_and_benchmark() -> None:
    out, _ = listed("--json")
    suites = json.loads(out)["suites"]
    for name in ("mini-dev", "mini-unseen"):
        suite = load_suite(name)
        assert suites[name]["tier"] == suite.tier
        rows = suites[name]["benchmarks"]
        assert [(r["name"], r["items"], r["metric"], r["shots"]) for r in rows] == [
            (b.name, b.items, b.metric, b.shots) for b in suite.benchmarks
        ]
        assert {r["data"] for r in rows} == {"embedded"}
    assert "mini_gsm" in listed()[0]


def test_the_list_loads_nothing_heavy() -> None:
    code = (
        "import sys; from evals.__main__ import main; main(['list']);"
        "heavy = {'torch', 'transformers', 'lm_eval', 'datasets', 'pandas', 'scipy', 'pyarrow'};"
        "sys.stderr.write(str(sorted(heavy & set(sys.modules))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stderr == "[]"


def test_the_list_says_what_cannot_be_had_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd.yaml").write_text(
        "tier: held-out\nbenchmarks:\n"
        "  gsm8k: {items: 20, skill: math, max_tokens: 64}\n"
        "absent: {href: its data is not published}\n"
    )
    monkeypatch.setattr("evals.suite.SUITES", tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("ASSAY_HUB", raising=False)
    write_gsm8k(tmp_path / "hub")
    assert main(["list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["suites"]["odd"]["benchmarks"]
    assert row["data"] == "missing"
    assert row["reason"] == (
        "openai/gsm8k: no mirror is given, and the Hub is off (HF_HUB_OFFLINE=1)"
    )
    assert main(["list", "--hub", str(tmp_path / "hub")]) == 0
    shown = capsys.readouterr().out
    assert "mirror" in shown
    assert "href: cannot be had: its data is not published" in shown


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("absent: {a: 3}", "absent 'a': its reason is 3"),
        ("absent: {gsm8k: here}", "'gsm8k' is among the benchmarks and absent"),
        ("missing: {}", "'tier' and 'benchmarks', and perhaps 'absent'"),
    ],
)
def test_a_wrong_section_of_a_suite_is_an_error(body: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(f"tier: development\nbenchmarks: {{gsm8k: {{items: 1, skill: s}}}}\n{body}\n")
    with pytest.raises(ValueError, match=message):
        load_suite(str(file))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("pass_k: 3, replicates: 2, temperature: 1", "pass_k is 3, out of its range"),
        ("max_truncated: 5", "max_truncated is 5, out of its range"),
        ("max_empty: -1", "max_empty is -1, out of its range"),
        ("replicates: 0", "replicates is 0, out of its range"),
    ],
)
def test_settings_without_meaning_are_an_error(settings: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(f"tier: development\nbenchmarks: {{a: {{items: 1, skill: s, {settings}}}}}\n")
    with pytest.raises(ValueError, match=message):
        load_suite(str(file))


def test_a_bar_counts_rows_and_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from evals.progress import Bar, Lines, progress_of

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    bar = progress_of({"b": 2})
    assert isinstance(bar, Bar)
    with bar.benchmark("b") as on_row:
        on_row(3)
        on_row(4)
    file = io.StringIO()
    with Lines(file).benchmark("b") as on_row:
        on_row(3)
        on_row(4)
    assert file.getvalue().startswith("b: 2 rows, 7 tokens in ")


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
