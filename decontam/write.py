"""A report on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from decontam.evidence import Match
from decontam.overlap import ItemSummary


def write_report(
    folder: Path,
    matches: Sequence[Match],
    items: Sequence[ItemSummary],
    summary: Mapping[str, object],
) -> None:
    """Write `matches.parquet`, `items.parquet` and `summary.json`; the tables follow from rows,
    items and policy alone, byte for byte."""
    folder.mkdir(parents=True, exist_ok=True)
    _table(folder / "matches.parquet", Match, matches)
    _table(folder / "items.parquet", ItemSummary, items)
    text = json.dumps(summary, indent=2, ensure_ascii=False)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8")


def _table(path: Path, record: type[Any], records: Sequence[Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    named = ((f.name, str(f.type).removesuffix(" | None")) for f in fields(record))
    schema = pa.schema([(name, types.get(type_, pa.string())) for name, type_ in named])
    pq.write_table(pa.Table.from_pylist([asdict(r) for r in records], schema=schema), path)
