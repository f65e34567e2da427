"""Datasets laid out as the Hub does, with rows written by a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Rows = Sequence[Mapping[str, Any]]


def mirror(hub: Path, dataset: str, configs: Mapping[str, Mapping[str, Rows]]) -> Path:
    """Configuration -> split -> rows, under `hub/dataset`; returns `hub`."""
    folder = hub / dataset
    head = ["---", "configs:"]
    for config, splits in configs.items():
        (folder / config).mkdir(parents=True)
        head += [f"- config_name: {config}", "  data_files:"]
        for split, rows in splits.items():
            pq.write_table(pa.Table.from_pylist(list(rows)), folder / config / f"{split}.parquet")
            head += [f"  - split: {split}", f"    path: {config}/{split}.parquet"]
    (folder / "README.md").write_text("\n".join([*head, "---", ""]), encoding="utf-8")
    return hub
