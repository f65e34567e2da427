"""Matches and items as Arrow tables, in memory and on disk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decontam.report.evidence import Match
from decontam.report.overlap import ItemSummary

if TYPE_CHECKING:
    import pyarrow as pa

GROUP = 10_000
"""Matches that are held before they are written."""


def match_table(matches: Iterable[Match]) -> pa.Table:
    """Matches as a table."""
    return table(Match, list(matches))


def item_table(items: Sequence[ItemSummary]) -> pa.Table:
    """Items as a table."""
    return table(ItemSummary, items)


class MatchWriter(AbstractContextManager["MatchWriter"]):
    """Writes matches into a Parquet file as they come; the bytes follow from the matches alone."""

    def __init__(self, path: Path) -> None:
        """Begin a file."""
        import pyarrow.parquet as pq

        self._writer = pq.ParquetWriter(path, schema(Match))
        self._held: list[Match] = []

    def add(self, match: Match) -> None:
        """Append a match."""
        self._held.append(match)
        if len(self._held) >= GROUP:
            self._flush()

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        if self._held:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(match_table(self._held))
        self._held = []


def schema(record: type[Any]) -> pa.Schema:
    """The Arrow schema of a flat dataclass."""
    import pyarrow as pa

    types = {
        "int": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
    }
    named = ((f.name, str(f.type).removesuffix(" | None")) for f in fields(record))
    return pa.schema([(name, types.get(type_, pa.string())) for name, type_ in named])


def table(record: type[Any], records: Sequence[Any]) -> pa.Table:
    """Flat dataclasses as a table; strings are free of lone surrogates.

    Arrow's own conversion of Python objects imports pandas, a quarter of a second, so they pass
    through JSON, which keeps every value.
    """
    import pyarrow as pa
    import pyarrow.json as pj

    columns = schema(record)
    if not records:
        return columns.empty_table()
    names = columns.names
    lines = (json.dumps({n: getattr(r, n) for n in names}, allow_nan=False) for r in records)
    data = "\n".join(lines).encode()
    reading = pj.ReadOptions(use_threads=False, block_size=len(data) + 1)
    parsing = pj.ParseOptions(explicit_schema=columns)
    return pj.read_json(pa.BufferReader(data), reading, parsing)
