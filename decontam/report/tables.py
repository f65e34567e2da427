"""Matches and items as Arrow tables, in memory and on disk."""

from __future__ import annotations

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
    return _table(Match, list(matches))


def item_table(items: Sequence[ItemSummary]) -> pa.Table:
    """Items as a table."""
    return _table(ItemSummary, items)


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

    types = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    named = ((f.name, str(f.type).removesuffix(" | None")) for f in fields(record))
    return pa.schema([(name, types.get(type_, pa.string())) for name, type_ in named])


def _table(record: type[Any], records: Sequence[Any]) -> pa.Table:
    import pyarrow as pa

    columns = schema(record)
    arrays = [pa.array([getattr(r, f.name) for r in records], f.type) for f in columns]
    return pa.Table.from_arrays(arrays, schema=columns)
