"""What `evals run --out DIR` left: `items.parquet` and `scores.json`, read back for statistics."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from evals.suite import Tier

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("benchmark", "item", "score", "prompt_digest")
OPTIONAL = ("replicate", "filter", "document_digest", "extracted", "cluster", "stratum")
"""Read where they are; a run of one filter and one replicate may leave them out."""

Objects = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Scored:
    """One model on one benchmark, sorted by item; replicates are averaged."""

    benchmark: str
    tier: Tier | None
    """None where `scores.json` does not say."""
    suite: str | None
    """The suite it was scored with, where known."""
    twin: str | None
    """The development benchmark that it is a fresh twin of, as its suite states."""
    items: Objects
    prompts: Objects
    """Digest of each item's final prompt."""
    documents: Objects
    """Digest of each item's document; empty text where it was not recorded."""
    scores: NDArray[np.float64]
    extracted: Objects
    """What was scored, of the first replicate."""
    replicates: int
    """Responses per item; 0 where items differ in it."""
    labels: Mapping[str, Objects]
    """`cluster` and `stratum` of each item, where recorded."""
    measure: str | None = None
    """Metric and filter of the scores, where known."""
    generation: Mapping[str, Any] = field(default_factory=dict)
    """How responses were generated, where known."""
    failed: tuple[str, ...] = ()
    """Guardrails that tripped."""

    @property
    def binary(self) -> bool:
        """Whether every item has one response that is right or wrong."""
        return self.replicates == 1 and bool(np.isin(self.scores, (0, 1)).all())


def read_results(folder: Path) -> dict[str, Scored]:
    """Benchmark -> scores of each item, in the order of the file.

    `scores.json` says under `benchmarks` and a benchmark's name which `metric` and `filter` count,
    the `tier`, the `suite`, how responses were generated and under `settings` the `twin`, and under
    `failed` what tripped.

    Args:
        folder: What `--out` named.

    Raises:
        ValueError: a file is missing or damaged, a column is missing, a score is not in [0, 1],
            items carry several filters and none is said to count, a response is there twice, or
            replicates of one item were shown different prompts.
    """
    frame = _items(folder / "items.parquet")
    settings, failed = _settings(folder / "scores.json")
    groups = frame.groupby("benchmark", sort=False)
    return {str(n): _scored(folder, str(n), f, settings.get(str(n), {}), failed) for n, f in groups}


def _items(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise ValueError(f"{path} does not exist; name a folder that `evals run --out` wrote")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} is not a parquet file: {error}") from error
    missing = [c for c in NEEDED if c not in table.column_names]
    if missing:
        raise ValueError(f"{path} has no column {', '.join(missing)}")
    kept = [c for c in (*NEEDED, *OPTIONAL) if c in table.column_names]
    frame: pd.DataFrame = table.select(kept).to_pandas()
    if frame.empty:
        raise ValueError(f"{path} holds no items")
    bad = frame[~frame["score"].between(0, 1)]
    if len(bad):
        row = bad.iloc[0]
        raise ValueError(
            f"{path}: {row['benchmark']}, item {row['item']!r} has score {row['score']}; "
            f"it must lie in [0, 1]"
        )
    return frame


def _settings(path: Path) -> tuple[Mapping[str, Mapping[str, Any]], Sequence[str]]:
    """Settings by benchmark, and the guardrails that tripped, each after its benchmark's name."""
    if not path.is_file():
        raise ValueError(f"{path} does not exist; name a folder that `evals run --out` wrote")
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    found = body.get("benchmarks", {}) if isinstance(body, dict) else None
    if not isinstance(found, dict) or not all(isinstance(v, dict) for v in found.values()):
        raise ValueError(f"{path}: `benchmarks` maps names to their settings")
    failed = body.get("failed", [])
    if not isinstance(failed, list) or not all(isinstance(line, str) for line in failed):
        raise ValueError(f"{path}: `failed` is a list of lines")
    return found, failed


def _scored(
    folder: Path,
    name: str,
    frame: pd.DataFrame,
    settings: Mapping[str, Any],
    failed: Sequence[str],
) -> Scored:
    where = f"{folder}: benchmark {name}"
    frame = _counted(where, frame, settings.get("filter"))
    replicate = frame.get("replicate", 0)
    frame = frame.assign(item=frame["item"].astype(str), replicate=replicate)
    frame = frame.sort_values(["item", "replicate"], kind="stable")
    if frame.duplicated(["item", "replicate"]).any():
        twice = frame[frame.duplicated(["item", "replicate"])].iloc[0]
        raise ValueError(
            f"{where}: item {twice['item']!r} has replicate {twice['replicate']} twice"
        )
    by_item = frame.groupby("item", sort=False)
    if (by_item["prompt_digest"].nunique() > 1).any():
        raise ValueError(f"{where}: replicates of one item were shown different prompts")
    first, counts = by_item.head(1), by_item["score"].size()
    return Scored(
        benchmark=name,
        tier=settings["tier"] if settings.get("tier") in get_args(Tier) else None,
        suite=str(settings["suite"]) if settings.get("suite") else None,
        twin=_twin(settings),
        items=_column(first, "item"),
        prompts=_column(first, "prompt_digest"),
        documents=_column(first, "document_digest"),
        scores=by_item["score"].mean().to_numpy(dtype=np.float64),
        extracted=_column(first, "extracted"),
        replicates=int(counts.iloc[0]) if counts.nunique() == 1 else 0,
        labels=_labels(where, first),
        measure=_measure(settings),
        generation=settings["generation"] if isinstance(settings.get("generation"), dict) else {},
        failed=tuple(
            line.removeprefix(f"{name}: ") for line in failed if line.startswith(f"{name}: ")
        ),
    )


def _twin(settings: Mapping[str, Any]) -> str | None:
    stated = settings.get("settings")
    twin = stated.get("twin") if isinstance(stated, dict) else None
    return str(twin) if twin else None


def _measure(settings: Mapping[str, Any]) -> str | None:
    metric, name = settings.get("metric"), settings.get("filter")
    if not metric:
        return None
    return str(metric) if name in (None, "none") else f"{metric} ({name})"


def _counted(where: str, frame: pd.DataFrame, counts: Any) -> pd.DataFrame:
    """The rows of the filter that counts."""
    found = list(frame["filter"].unique()) if "filter" in frame else []
    if counts is None or not found:
        if len(found) > 1:
            raise ValueError(f"{where} has the filters {found}; scores.json must say which counts")
        return frame
    if counts not in found:
        raise ValueError(f"{where} has the filters {found}; {counts!r} is said to count")
    kept: pd.DataFrame = frame[frame["filter"] == counts]
    return kept


def _column(frame: pd.DataFrame, name: str) -> Objects:
    if name not in frame:
        return np.full(len(frame), "", dtype=object)
    values = frame[name].astype(object)
    return values.where(values.notna(), "").astype(str).to_numpy(dtype=object)


def _labels(where: str, frame: pd.DataFrame) -> dict[str, Objects]:
    found = {}
    for kind in ("cluster", "stratum"):
        if kind not in frame or frame[kind].isna().all():
            continue
        if frame[kind].isna().any():
            raise ValueError(f"{where}: some items have a {kind} and others have none")
        found[kind] = _column(frame, kind)
    return found
