"""Which arms go on to the next stage.  Reads development scores only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def promote(params: Mapping[str, Any], inputs: Mapping[str, Path]) -> dict[str, Any]:
    """Rank the arms of a stage by development score, averaged over benchmarks and seeds.

    An arm that trains on rows known to hold benchmark items cannot be compared by its scores and
    is left out.

    Args:
        params: `arms`, `seeds`, `benchmarks`, `top`.
        inputs: Role -> folder of the published input: `eval[ARM][SEED][BENCHMARK]` and
            `decontam[ARM][DATA]` (one for each stage that the arm trained in).

    Returns:
        `ranked` (arm labels, best first, `top` of them), `scores` (label -> mean in [0, 1]) and
        `excluded` (label -> reason).

    Raises:
        ValueError: fewer clean arms than are to go on.
    """
    excluded: dict[str, str] = {}
    scores: dict[str, float] = {}
    for arm in params["arms"]:
        left = _kept_leaks(inputs, arm)
        if left:
            excluded[arm] = f"trains on {left} rows that match benchmark items"
        scores[arm] = _mean(params, inputs, arm)
    # The sort is stable: of arms that tie, the one the sweep names first goes on.
    ranked = sorted((a for a in scores if a not in excluded), key=lambda a: -scores[a])
    if len(ranked) < params["top"]:
        raise ValueError(
            f"{params['top']} arms are to go on but only {len(ranked)} train on clean data; "
            f"excluded: {excluded}"
        )
    return {"ranked": ranked[: params["top"]], "scores": scores, "excluded": excluded}


def _kept_leaks(inputs: Mapping[str, Path], arm: str) -> int:
    """Rows that match benchmark items and were trained on, over the stages of an arm's chain."""
    checks = [
        _read(path / "info.json")
        for role, path in inputs.items()
        if role.startswith(f"decontam[{arm}][")
    ]
    assert checks, f"no contamination check of {arm!r}"
    return sum(int(c["rows_flagged"]) for c in checks if c["action"] == "report")


def _mean(params: Mapping[str, Any], inputs: Mapping[str, Path], arm: str) -> float:
    values: list[float] = [
        _read(inputs[f"eval[{arm}][{seed}][{benchmark}]"] / "scores.json")["score"]
        for seed in params["seeds"]
        for benchmark in params["benchmarks"]
    ]
    return sum(values) / len(values)


def _read(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value
