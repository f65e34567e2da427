"""The notebook runs on the tables of any sweep, and is kept without outputs."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "explore.ipynb"
ITEMS = 8
ESTIMATES = {"mean": 0.25, "low": 0.05, "high": 0.45}


def test_the_notebook_is_kept_without_outputs_and_defines_nothing() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        assert not cell.outputs
        assert cell.execution_count is None
        source = "\n".join(x for x in cell.source.splitlines() if not x.startswith("%"))
        defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
        assert not any(isinstance(node, defined) for node in ast.walk(ast.parse(source)))


def test_every_step_is_introduced() -> None:
    kinds = [c.cell_type for c in nbformat.read(NOTEBOOK, as_version=4).cells]
    assert kinds == ["markdown", "code"] * (len(kinds) // 2)


def test_it_draws_a_sweep_with_everything_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = made_up_tables()
    outputs = executed(tables, tmp_path, monkeypatch)
    assert sum("image/png" in data for data in outputs) == 4
    shown = " ".join(data.get("text/html", "") for data in outputs)
    # `sft mix=leaky` is right where `sft mix=plain` never is: on the last four items.
    assert "made_up_gsm/7" in shown
    assert "made_up_gsm/0" not in shown
    assert "held_out_gsm" not in shown


def test_it_draws_what_there_is_where_nothing_leaked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = made_up_tables()
    tables["inflation"] = pd.DataFrame()
    tables["contamination"]["flagged"] = 0
    outputs = executed(tables, tmp_path, monkeypatch)
    assert sum("image/png" in data for data in outputs) == 2
    said = " ".join(data.get("stream", "") for data in outputs)
    assert "The check flagged no training row." in said
    assert "on a fresh twin" in said


def test_it_runs_on_a_sweep_that_compared_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = made_up_tables()
    tables |= {name: pd.DataFrame() for name in ("deltas", "contamination", "inflation")}
    outputs = executed(tables, tmp_path, monkeypatch)
    assert "names no baseline" in " ".join(data.get("stream", "") for data in outputs)


def executed(
    tables: dict[str, pd.DataFrame], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """What a copy of the notebook shows of these tables; what it prints is under `stream`."""
    (folder / "tables").mkdir()
    for name, frame in tables.items():
        frame.to_parquet(folder / "tables" / f"{name}.parquet", index=False)
    monkeypatch.setenv("ASSAY_RESULTS", str(folder))
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    where = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=where).execute()
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    assert all(c.execution_count for c in cells)
    outputs = [output for c in cells for output in c.outputs]
    assert not [o for o in outputs if o.output_type == "stream" and o.name == "stderr"]
    return [o.data if "data" in o else {"stream": o.text} for o in outputs]


def made_up_tables() -> dict[str, pd.DataFrame]:
    """Tables as `harness.tables.write_tables` leaves them, of a sweep that never was."""
    items = pd.DataFrame(made_up_items())
    scores = items.groupby(["key", "benchmark"], sort=False)["score"]
    return {
        "runs": pd.DataFrame(made_up_runs()),
        "items": items,
        "scores": scores.agg(score="mean", items="size").reset_index(),
        "deltas": pd.DataFrame(made_up_deltas()),
        "contamination": pd.DataFrame(
            [
                {"data": "plain", "action": "drop", "name": "chat", "rows": 40, "flagged": 1},
                {"data": "leaky", "action": "report", "name": "chat", "rows": 40, "flagged": 0},
                {"data": "leaky", "action": "report", "name": "leak", "rows": 20, "flagged": 20},
            ]
        ),
        "inflation": pd.DataFrame([made_up_inflation()]),
    }


def made_up_runs() -> Iterator[dict[str, Any]]:
    for stage, arm in (("sft", "mix=plain"), ("sft", "mix=leaky"), ("dpo", "dpo")):
        for seed in (1, 2):
            yield {
                "stage": stage,
                "method": stage,
                "arm": arm,
                "choice": json.dumps(dict([arm.split("=")]) if "=" in arm else {}),
                "seed": seed,
                "key": f"{stage} {arm} {seed}",
                "parent_arm": "mix=plain" if stage == "dpo" else None,
                "contaminated": arm == "mix=leaky",
            }


def made_up_items() -> Iterator[dict[str, Any]]:
    for run in made_up_runs():
        for benchmark in ("made_up_gsm", "made_up_math", "held_out_gsm"):
            for i in range(ITEMS):
                yield {
                    "benchmark": benchmark,
                    "item": f"{benchmark}/{i}",
                    "replicate": 0,
                    "score": float(run["contaminated"] and i >= ITEMS // 2),
                    "prompt_digest": f"digest {i}",
                    "finish": "stop",
                    "tokens": 3,
                    "key": run["key"],
                }


def made_up_deltas() -> Iterator[dict[str, Any]]:
    for of in ("sft mix=leaky", "dpo"):
        for benchmark in ("made_up_gsm", "made_up_math", "(mean)"):
            yield {
                "benchmark": benchmark,
                "suite": "made-up",
                "tier": "development",
                "of": of,
                "against": "sft mix=plain",
                "kind": "baseline",
                "name": "baseline",
                "n_items": ITEMS,
                "n_seeds_of": 2,
                "n_seeds_against": 2,
                "score_of": 0.5,
                "score_against": 0.25,
                **ESTIMATES,
                "p": 0.02,
                "p_adjusted": 0.04,
                "mde": 0.3,
                "df": 7.0,
                "var_items": 0.01,
                "var_runs": 0.001,
                "note": "",
            }


def made_up_inflation() -> dict[str, Any]:
    return {
        "contrast": "made-up",
        "of": "sft mix=leaky",
        "against": "sft mix=plain",
        "benchmark": "made_up_gsm",
        "twin": "held_out_gsm",
        "dev_of": 0.5,
        "dev_against": 0.0,
        "fresh_of": 0.5,
        "fresh_against": 0.0,
        "note": "",
        **{f"{n}_{k}": v for n in ("dev", "fresh", "inflation") for k, v in ESTIMATES.items()},
    }
