"""Tables as Parquet files for notebooks: `results/tables/`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evals.suite import Suite
from harness.gains import Gain
from harness.inflation import Inflation
from harness.report import Findings
from harness.tables import Tables


def write_tables(folder: Path, tables: Tables, findings: Findings) -> None:
    """Write `tables/*.parquet`, whose columns `results/README.md` names.

    Left out are responses to benchmark items and whatever was scored on held-out suites: those
    scores stay in the store, where only the gate reads them.

    Args:
        folder: The `tables` folder.
        tables: What was measured.
        findings: What was computed of it.
    """
    import pandas as pd

    folder.mkdir(parents=True, exist_ok=True)
    runs = pd.DataFrame([{**asdict(r), "choice": json.dumps(dict(r.choice))} for r in tables.runs])
    items = tables.scores[tables.scores["benchmark"].isin(shown(findings.suites))]
    items = items.drop(columns=["response", "extracted"], errors="ignore")
    scores = (
        items.groupby(["key", "benchmark"], sort=False)["score"]
        .agg(score="mean", items="size")
        .reset_index()
    )
    found = [
        {"data": c.name, "action": c.action, **asdict(part)}
        for c in tables.checks.values()
        for part in c.parts
    ]
    frames = {
        "runs": runs,
        "scores": scores,
        "items": items,
        "deltas": pd.DataFrame([asdict(d) for d in findings.comparisons.without_held_out().deltas]),
        "contamination": pd.DataFrame(found),
        "inflation": pd.DataFrame(map(_flat, findings.inflation)),
        "gains": pd.DataFrame(map(_gain, findings.gains)),
    }
    for name, frame in frames.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)


def shown(suites: Mapping[str, Suite]) -> set[str]:
    """Names of the benchmarks whose scores may be shown: in a development suite and in no other."""
    by_tier: dict[str, set[str]] = {"development": set(), "held-out": set()}
    for suite in suites.values():
        by_tier[suite.tier] |= {b.name for b in suite.benchmarks}
    return by_tier["development"] - by_tier["held-out"]


def _flat(record: Inflation) -> dict[str, object]:
    """An inflation with its three estimates as `dev_mean`, `dev_low`, `dev_high` and so on."""
    row = asdict(record)
    for name in ("dev", "fresh", "inflation"):
        row |= _estimate(name, row.pop(name))
    return row


def _gain(record: Gain) -> dict[str, object]:
    """A gain and its control, estimates as `all_mean` and so on; empty where there is none."""
    row = asdict(record)
    found, control = row.pop("estimate"), row.pop("control") or {}
    row |= _split("", found) | {"control": control.get("arm")}
    return (
        row
        | _split("control_", control.get("estimate"))
        | _estimate("excess", control.get("excess"))
    )


def _split(prefix: str, found: Mapping[str, Any] | None) -> dict[str, float | None]:
    """A score on all items, on clean ones, and the difference."""
    parts = {"all": "all_items", "clean": "clean_items", "gain": "gain"}
    return {
        key: value
        for name, part in parts.items()
        for key, value in _estimate(prefix + name, found[part] if found else None).items()
    }


def _estimate(name: str, found: Mapping[str, float] | None) -> dict[str, float | None]:
    return {f"{name}_{part}": found[part] if found else None for part in ("mean", "low", "high")}
