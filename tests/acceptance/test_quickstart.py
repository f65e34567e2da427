"""What the quickstart claims, read from the tables it left.

Run `make quickstart` first; these tests read `results/`, or the folder named by ASSAY_RESULTS.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest

RESULTS = Path(os.environ.get("ASSAY_RESULTS", Path(__file__).parents[2] / "results"))
SWEEP = RESULTS / "sweeps" / "quickstart"
DEV = ("mini_gsm", "mini_math", "mini_ifeval")

pytestmark = pytest.mark.skipif(
    "ASSAY_RESULTS" not in os.environ,
    reason="reads the results of `make quickstart`; name their folder in ASSAY_RESULTS",
)


@pytest.fixture(scope="module")
def deltas() -> pd.DataFrame:
    return pd.read_parquet(RESULTS / "tables" / "deltas.parquet")


@pytest.fixture(scope="module")
def contamination() -> pd.DataFrame:
    return pd.read_parquet(RESULTS / "tables" / "contamination.parquet").set_index(["data", "name"])


@pytest.mark.parametrize("benchmark", DEV)
def test_the_skills_mix_beats_the_plain_one_on_every_skill(
    deltas: pd.DataFrame, benchmark: str
) -> None:
    of = deltas[(deltas["kind"] == "baseline") & (deltas["of"] == "sft mix=skills")]
    (row,) = of[of["benchmark"] == benchmark].to_dict("records")
    assert row["low"] > 0
    assert row["n_seeds_of"] == 2


def test_leaked_rows_are_found_and_no_clean_row_is_flagged(contamination: pd.DataFrame) -> None:
    rates = contamination["flagged"] / contamination["rows"]
    assert rates["leaky", "leak/verbatim"] >= 0.95
    assert rates["leaky", "leak/reworded"] >= 0.80
    clean = [key for key in contamination.index if not key[1].startswith("leak/")]
    assert len(clean) >= 10
    assert contamination.loc[clean, "flagged"].sum() == 0


def test_the_kept_leak_inflates_the_leaked_benchmark_and_not_its_fresh_twin() -> None:
    inflation = pd.read_parquet(RESULTS / "tables" / "inflation.parquet").set_index("benchmark")
    row = inflation.loc["mini_gsm"]
    assert row["dev_mean"] >= 0.08
    assert row["dev_low"] > 0
    assert row["fresh_low"] <= 0
    assert row["inflation_low"] > 0


def test_the_arm_that_kept_the_leak_scores_less_on_the_items_it_did_not_train_on() -> None:
    gains = pd.read_parquet(RESULTS / "tables" / "gains.parquet").set_index(["arm", "benchmark"])
    kept = gains.loc[("sft mix=leaky-kept", "mini_gsm")]
    assert (kept["finding"], kept["n_matched"], kept["n_items"]) == ("estimated", 75, 500)
    assert kept["gain_low"] > 0.03
    assert kept["control"] == "sft mix=leaky"
    assert kept["excess_low"] > 0
    assert set(gains.drop(("sft mix=leaky-kept", "mini_gsm"))["finding"]) == {"no item matched"}


def test_rlvr_raises_a_verifiable_benchmark_by_five_points(deltas: pd.DataFrame) -> None:
    of = deltas[(deltas["kind"] == "parent") & (deltas["of"] == "rlvr")]
    raised = of[(of["mean"] >= 0.05) & (of["low"] > 0)]
    assert set(raised["benchmark"]) & set(DEV)


def test_the_gate_gives_a_verdict_with_reasons() -> None:
    verdict = json.loads((SWEEP / "verdict.json").read_text())
    assert verdict["status"] in ("pass", "fail", "inconclusive")
    assert len(verdict["reasons"]) >= 7


def test_the_contaminated_arm_was_not_promoted() -> None:
    choices = [json.loads(p.read_text()) for p in RESULTS.glob("store/promote/*/*/out/choice.json")]
    of_sft = [c for c in choices if "mix=leaky-kept" in c["scores"]]
    assert of_sft
    for choice in of_sft:
        assert "mix=leaky-kept" in choice["excluded"]
        assert "mix=leaky-kept" not in choice["ranked"]
