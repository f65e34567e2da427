"""The main job on a small sweep of the embedded world: real processes, real training."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evals.halves import in_half
from evals.suite import load_suite

ROOT = Path(__file__).parents[2]

SWEEP = """
name: small
model: tiny
seeds: [1]
suites: {dev: small.suite.yaml, heldout: small-unseen.suite.yaml}
data:
  chat:  {source: "tiny:chat", rows: 64}
  words: {source: "tiny:word-problems", rows: 256}
  leak:  {source: "tiny:leak", rows: 64}
  prefs: {source: "tiny:preferences", rows: 32, format: preference}
  sums:  {source: "tiny:prompts", rows: 64}
mixes:
  plain: {chat: {rows: 64}}
  leaky: {chat: {rows: 64}, words: {rows: 256}, leak: {rows: 64}}
  kept:  {chat: {rows: 64}, words: {rows: 256}, leak: {rows: 64}}
decontam: {action: {default: drop, kept: report}}
stages:
  sft:  {mix: [plain, leaky, kept], lr: 1e-3}
  dpo:  {from: sft, promote: {top: 1, by: dev}, data: prefs, lr: 1e-4}
  rlvr: {from: dpo, prompts: sums, lr: 1e-4, steps: 2, prompts_per_step: 4, max_tokens: 24}
baseline: {stage: sft, mix: plain}
contrasts:
  leak: {of: {stage: sft, mix: kept}, against: {stage: sft, mix: leaky}}
gate: {suite: heldout}
"""

SUITE = """
tier: {tier}
benchmarks:
  {name}: {{items: 500, limit: 40, skill: word problems, max_tokens: 24{twin}}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "small.yaml").write_text(SWEEP)
    dev = SUITE.format(tier="development", name="mini_gsm", twin="")
    fresh = SUITE.format(tier="held-out", name="mini_gsm_fresh", twin=", twin: mini_gsm")
    (folder / "small.suite.yaml").write_text(dev)
    (folder / "small-unseen.suite.yaml").write_text(fresh)
    return folder


def command(folder: Path, results: Path, *more: str) -> list[str]:
    sweep = str(folder / "small.yaml")
    return [sys.executable, "-m", "harness.ablate", sweep, "--results", str(results), *more]


def run(folder: Path, results: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, results, *more), capture_output=True, text=True, cwd=ROOT, check=False
    )


@pytest.fixture(scope="module")
def finished(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("results")
    done = run(folder, results)
    assert done.returncode in (0, 1, 4), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return results


def test_a_sweep_ends_with_tables_a_verdict_and_a_report(finished: Path) -> None:
    sweep = finished / "sweeps" / "small"
    assert {"sweep.yaml", "plan.json", "verdict.json", "report.md", "report.html"} <= {
        p.name for p in sweep.iterdir()
    }
    deltas = pd.read_parquet(finished / "tables" / "deltas.parquet")
    assert {"sft mix=leaky", "sft mix=kept", "dpo", "rlvr"} <= set(deltas["of"])
    assert (deltas["low"] <= deltas["mean"]).all()
    assert (deltas["mean"] <= deltas["high"]).all()


def test_planted_leaks_are_found_and_dropped_or_kept_as_asked(finished: Path) -> None:
    table = pd.read_parquet(finished / "tables" / "contamination.parquet")
    found = table.set_index(["data", "name"])
    leaks = found.loc[[("leaky", "leak/verbatim"), ("leaky", "leak/reworded")]]
    assert leaks["rows"].sum() == leaks["flagged"].sum() == 64
    assert found.loc[("leaky", "words"), "flagged"] == 0
    kept = [json.loads(p.read_text()) for p in finished.glob("store/decontam/*/*/out/info.json")]
    by_action = {i["action"]: i for i in kept if i["rows_flagged"]}
    assert by_action["drop"]["rows_kept"] == by_action["drop"]["rows_read"] - 64
    assert by_action["report"]["rows_kept"] == by_action["report"]["rows_read"]


def test_a_contaminated_arm_is_not_promoted(finished: Path) -> None:
    (choice,) = (
        json.loads(p.read_text())
        for p in finished.glob("store/promote/*/*/out/choice.json")
        if "mix=kept" in p.read_text()
    )
    assert "mix=kept" in choice["excluded"]
    assert choice["ranked"] != ["mix=kept"]


def test_tables_hold_no_response_to_a_benchmark_item(finished: Path) -> None:
    items = pd.read_parquet(finished / "tables" / "items.parquet")
    assert not {"response", "extracted"} & set(items.columns)


def test_the_arm_that_kept_its_leaks_is_scored_without_the_items_it_saw(finished: Path) -> None:
    gains = pd.read_parquet(finished / "tables" / "gains.parquet").set_index("arm")
    kept = gains.loc["sft mix=kept"]
    assert kept["finding"] == "estimated"
    assert 0 < kept["n_matched"] < kept["n_items"] == 40
    (seen,) = (
        set(found.loc[found["rows"] > 0, "item"])
        for path in finished.glob("store/decontam/*/*/out")
        if json.loads((path / "info.json").read_text())["action"] == "report"
        for found in [pd.read_parquet(path / "items.parquet")]
    )
    runs = pd.read_parquet(finished / "tables" / "runs.parquet").set_index("arm")
    items = pd.read_parquet(finished / "tables" / "items.parquet")
    mine = items[items["key"] == runs.loc["mix=kept", "key"]]
    clean = mine[~mine["item"].isin(seen)]
    assert len(mine) - len(clean) == kept["n_matched"]
    assert kept["all_mean"] == mine["score"].mean()
    assert kept["clean_mean"] == clean["score"].mean()
    assert kept["gain_mean"] == pytest.approx(kept["all_mean"] - kept["clean_mean"])
    assert kept["gain_low"] < kept["gain_high"]
    leaky = items[items["key"] == runs.loc["mix=leaky", "key"]]
    unseen = leaky[~leaky["item"].isin(seen)]
    assert kept["control"] == "sft mix=leaky"
    assert kept["control_gain_mean"] == pytest.approx(
        leaky["score"].mean() - unseen["score"].mean()
    )
    assert kept["excess_mean"] == pytest.approx(kept["gain_mean"] - kept["control_gain_mean"])
    assert kept["excess_low"] < kept["excess_mean"] < kept["excess_high"]
    others = gains.drop("sft mix=kept")
    assert set(others["finding"]) == {"no item matched"}
    assert others[["all_mean", "gain_mean", "control", "excess_mean"]].isna().all(axis=None)
    report = (finished / "sweeps" / "small" / "report.md").read_text()
    assert "## Scores without the matched items" in report
    assert "No item matched: sft mix=plain, sft mix=leaky, dpo, rlvr." in report


def test_no_held_out_score_leaves_the_store(folder: Path, finished: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(finished, results, ignore=shutil.ignore_patterns("tables", "sweeps", "ledger*"))
    twin = load_suite("small-unseen.suite.yaml", folder).benchmarks[0]
    planted = 0
    for path in results.glob("store/eval/*/*/out/items.parquet"):
        table = pq.read_table(path)
        if set(table["benchmark"].to_pylist()) != {twin.name}:
            continue
        judged = in_half(twin.name, twin.twin, table["item"].to_pylist(), "gate")
        mixed = np.where(judged, 0.73117, table["score"].to_numpy())
        at = table.column_names.index("score")
        pq.write_table(table.set_column(at, "score", pa.array(mixed)), path)
        planted += int(judged.sum())
    assert planted > 0
    again = run(folder, results)
    assert "Nothing to do" in again.stdout
    assert "mini_gsm_fresh: " in again.stdout
    texts = [again.stdout + again.stderr]
    texts += [p.read_text() for p in results.glob("sweeps/small/*")]
    assert len(texts) > 5
    assert not [text for text in texts if "73117" in text or "73.1" in re.sub(r"<svg.*?</svg>", "",
                text, flags=re.DOTALL)]  # fmt: skip
    for path in results.glob("tables/*.parquet"):
        numbers = pd.read_parquet(path).select_dtypes("number")
        assert not (np.abs(numbers - 0.73117) < 1e-6).any(axis=None), path.name
    assert set(pd.read_parquet(results / "tables" / "items.parquet")["benchmark"]) == {"mini_gsm"}


def test_the_same_command_again_does_nothing_and_says_so(folder: Path, finished: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in (finished / "store").rglob("manifest.json")}
    again = run(folder, finished)
    assert "Nothing to do" in again.stdout
    assert {p: p.stat().st_mtime_ns for p in (finished / "store").rglob("manifest.json")} == before


def test_the_plan_shows_sharing_and_runs_nothing(folder: Path, tmp_path: Path) -> None:
    shown = run(folder, tmp_path / "none", "--plan")
    assert shown.returncode == 0
    assert "effect" in shown.stdout
    assert not (tmp_path / "none").exists()


@pytest.mark.faults
def test_a_sweep_killed_while_it_trains_continues_from_what_was_published(
    folder: Path, finished: Path, tmp_path: Path
) -> None:
    driver = subprocess.Popen(
        command(folder, tmp_path), stdout=subprocess.DEVNULL, cwd=ROOT, start_new_session=True
    )
    wait_until(lambda: sft_runs(tmp_path))
    kill_everything(driver)
    published = {p.name for p in tmp_path.glob("store/*/*/*")}
    assert published
    done = run(folder, tmp_path)
    assert done.returncode in (0, 1, 4), done.stdout + done.stderr
    keys = {p.name for p in tmp_path.glob("store/*/*/*")}
    assert published <= keys
    assert keys == {p.name for p in finished.glob("store/*/*/*")}


def sft_runs(results: Path) -> bool:
    """Whether an SFT stage has begun; what is under way may be published while we look."""
    work = results / "work"
    for folder in work.iterdir() if work.is_dir() else ():
        try:
            request = json.loads((folder / "stage.json").read_text())
        except (FileNotFoundError, NotADirectoryError):
            continue
        if request["kind"] == "sft" and (folder / "scratch").is_dir():
            return True
    return False


def wait_until(true: object, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def kill_everything(driver: subprocess.Popen[bytes]) -> None:
    """SIGKILL the driver and every process below it."""
    import psutil

    below = psutil.Process(driver.pid).children(recursive=True)
    os.kill(driver.pid, signal.SIGKILL)
    for process in below:
        if process.is_running():
            process.kill()
    driver.wait()
    psutil.wait_procs(below, timeout=10)
