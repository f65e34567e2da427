"""`python -m evals list`: every suite and benchmark, and what cannot be had."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_hub import write_gsm8k

from evals.__main__ import main
from evals.suite import load_suite

ROOT = Path(__file__).parents[2]


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
    for name in ("mini-dev", "mini-unseen", "smoke"):
        suite = load_suite(name)
        assert suites[name]["tier"] == suite.tier
        rows = suites[name]["benchmarks"]
        assert [(r["name"], r["items"], r["metric"], r["shots"]) for r in rows] == [
            (b.name, b.scored, b.metric, b.shots) for b in suite.benchmarks
        ]
        assert {r["data"] for r in rows} == {"embedded"}
    assert "mini_gsm" in listed()[0]


def test_the_list_says_which_names_alone_mean_tasks_of_lm_eval() -> None:
    blocks = {block.split()[0]: block for block in listed()[0].strip().split("\n\n")}
    assert "lm-eval has" not in blocks["mini-unseen"]
    assert "lm-eval has tasks named mmlu_pro, gpqa:" in blocks["tulu3-unseen"]


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
