"""The main job on real GSM8K rows and items, through lm-eval's stock task."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("ASSAY_SHARED", ROOT.parent / "shared"))
HUB = SHARED / "hub"

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(
        not HUB.is_dir(), reason=f"no folder {HUB}; set ASSAY_SHARED to the real benchmarks"
    ),
]


def test_planted_test_questions_are_caught_and_the_stock_task_is_scored(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps"
    folder.mkdir()
    for file in (ROOT / "sweeps").glob("*.yaml"):
        text = file.read_text().replace("rows: 400", "rows: 64").replace("limit: 64", "limit: 8")
        (folder / file.name).write_text(text)
    results = tmp_path / "results"
    done = subprocess.run(
        [sys.executable, "-m", "harness.ablate", str(folder / "gsm8k.yaml"),
         "--hub", str(HUB), "--results", str(results)],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    table = pd.read_parquet(results / "tables" / "contamination.parquet")
    found = table.set_index(["data", "name"])["flagged"]
    assert found["planted", "planted"] == 50
    assert found["planted", "train"] == 0
    (scores,) = results.glob("store/eval/*/*/out/scores.json")
    assert json.loads(scores.read_text())["items"] == 8
    report = (results / "sweeps" / "gsm8k" / "report.md").read_text()
    assert "## Scores" in report
    (checkpoint,) = results.glob("store/sft/*/*/out/checkpoint.json")
    assert checkpoint.is_file(), "both mixes are the same rows once the leaks are gone"
