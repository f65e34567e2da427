"""Per-item scores as a parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from evals.items import ItemScore


def write_scores(path: Path, scores: Sequence[ItemScore]) -> None:
    """Write one row per item, filter and replicate; columns are the fields of `ItemScore`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"int": pa.int64(), "float": pa.float64()}
    metrics = pa.map_(pa.string(), pa.float64())
    schema = pa.schema(
        [
            (f.name, metrics if f.name == "metrics" else kinds.get(str(f.type), pa.string()))
            for f in fields(ItemScore)
        ]
    )
    rows = [{**asdict(s), "metrics": list(s.metrics.items())} for s in scores]
    pq.write_table(pa.Table.from_pylist(rows, schema), path, compression="zstd")


def read_scores(path: Path) -> list[ItemScore]:
    """Read what `write_scores` wrote.

    Raises:
        ValueError: there is no such file, or it lacks a column.
    """
    import pyarrow.parquet as pq

    if not path.is_file():
        raise ValueError(f"{path} does not exist; name a folder that `evals run` wrote")
    table = pq.read_table(path)
    missing = [f.name for f in fields(ItemScore) if f.name not in table.column_names]
    if missing:
        raise ValueError(f"{path} has no column {', '.join(missing)}")
    rows: list[dict[str, Any]] = table.to_pylist()
    return [ItemScore(**{**row, "metrics": dict(row["metrics"])}) for row in rows]
