"""Rows that are held as a pandas data frame or an Arrow table."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TOGETHER = 1000
"""Rows that become Python's objects together."""


def mappings(rows: Any) -> Iterable[Mapping[str, object]]:
    """Rows as mappings, one by one.

    Args:
        rows: A data frame or an Arrow table, of which a row has the cells that hold something: one
            that is null, NaN, NaT or NA is absent; anything else is passed on as it is.

    Raises:
        ValueError: two columns have one name, or a cell cannot be read (also while they are read).
    """
    if is_frame(rows):
        return _of_frame(rows)
    return _of_table(rows) if is_table(rows) else rows


def chosen(rows: Any, places: Collection[int]) -> Any:
    """Some of the rows, in order and in the kind that they come in.

    Args:
        rows: A data frame (which keeps index and types), an Arrow table or a sequence.
        places: Which.
    """
    if is_frame(rows):
        return rows.iloc[sorted(places)]
    if is_table(rows):
        mask = np.zeros(rows.num_rows, dtype=np.bool_)
        mask[sorted(places)] = True
        return rows.filter(mask)
    return [rows[place] for place in sorted(places)]


def is_frame(rows: object) -> TypeGuard[pd.DataFrame]:
    """Whether rows are a pandas data frame, without importing pandas for those that are not."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(rows, pandas.DataFrame)


def is_table(rows: object) -> TypeGuard[pa.Table]:
    """Whether rows are an Arrow table."""
    arrow = sys.modules.get("pyarrow")
    return arrow is not None and isinstance(rows, arrow.Table)


def _of_frame(frame: pd.DataFrame) -> Iterator[dict[str, object]]:
    _check_names([str(name) for name in frame.columns])
    for begin in range(0, len(frame), TOGETHER):
        for row in frame.iloc[begin : begin + TOGETHER].to_dict("records"):
            yield {str(k): _plain(cell) for k, cell in row.items() if not _absent(cell)}


def _of_table(table: pa.Table) -> Iterator[dict[str, object]]:
    _check_names(table.column_names)
    first = 0
    for batch in table.to_batches(TOGETHER):
        for row in _read(batch, first):
            yield {name: cell for name, cell in row.items() if not _absent(cell)}
        first += batch.num_rows


def _read(batch: pa.RecordBatch, first: int) -> list[dict[str, object]]:
    try:
        rows: list[dict[str, object]] = batch.to_pylist()
    except (ValueError, ArithmeticError) as error:
        if batch.num_rows > 1:
            half = batch.num_rows // 2
            return _read(batch[:half], first) + _read(batch[half:], first + half)
        raise ValueError(
            f"row {first} holds what cannot be read: {error}; fix or remove it"
        ) from error
    return rows


def _check_names(names: Sequence[str]) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"two columns are called {twice[0]!r}; rename or drop one")


def _absent(cell: object) -> bool:
    if isinstance(cell, (float, np.floating)):
        return bool(cell != cell)
    pandas = sys.modules.get("pandas")
    return cell is None or (pandas is not None and (cell is pandas.NA or cell is pandas.NaT))


def _plain(cell: object) -> object:
    """A cell with lists where pandas has arrays, as it reads them from Parquet."""
    if isinstance(cell, np.ndarray):
        return [_plain(part) for part in cell.tolist()]
    if isinstance(cell, list):
        return [_plain(part) for part in cell]
    if isinstance(cell, dict):
        return {key: _plain(part) for key, part in cell.items()}
    return cell
