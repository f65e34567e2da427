"""Parquet files -> batches of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from decontam.rows.batch import Batch, Block, gather
from decontam.rows.files import DataFile, Shard
from decontam.rows.shapes import ANSWER, KEYS, QUESTION, Doc, Mode, asked, read_row, role_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ROWS = 4096
"""Rows that are read together."""


@contextmanager
def opened_parquet(file: DataFile) -> Iterator[pq.ParquetFile]:
    """An open Parquet file.

    Raises:
        ValueError: it cannot be read (also while it is read); names the file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file.path, page_checksum_verification=True) as parquet:
            yield parquet
    except FileNotFoundError as error:
        raise file.gone() from error
    except (pa.ArrowException, OSError) as error:
        raise ValueError(
            f"{file.name}: not a whole Parquet file: {error}; fetch it again"
        ) from error


def parquet_blocks(shard: Shard, mode: Mode, fields: Sequence[str]) -> Iterator[Block]:
    """The rows of a shard.

    Raises:
        ValueError: the file cannot be read, or has none of the columns that hold text.
    """
    first = 0
    with opened_parquet(shard.file) as parquet:
        columns = _columns(shard.file, parquet.schema_arrow.names, fields)
        groups = list(range(shard.begin, shard.end))
        for table in parquet.iter_batches(ROWS, row_groups=groups, columns=columns):
            yield Block(table.num_rows, (_batch(table, first, mode, fields),))
            first += table.num_rows


def first_rows(file: DataFile, most: int) -> list[dict[str, object] | None]:
    """Up to `most` rows from the begin of a file with all of their columns; None for those that
    cannot be read.

    Raises:
        ValueError: the file cannot be read.
    """

    def row(table: pa.RecordBatch, place: int) -> dict[str, object] | None:
        try:
            return row_of(table, place)
        except ValueError:
            return None  # it is refused, or counted, where it is scanned

    with opened_parquet(file) as parquet:
        for table in parquet.iter_batches(most):
            return [row(table, place) for place in range(table.num_rows)]
    return []


def _columns(file: DataFile, names: Sequence[str], fields: Sequence[str]) -> list[str]:
    missing = [f for f in fields if f not in names]
    if missing:
        raise ValueError(f"{file.name} has no column {missing[0]!r}; it has {', '.join(names)}")
    columns = [n for n in names if n in (fields or KEYS)]
    twice = [n for n in columns if columns.count(n) > 1]
    if twice:
        raise ValueError(f"{file.name} has two columns {twice[0]!r}; rename or drop one")
    if not columns:
        raise ValueError(
            f"{file.name} has the columns {', '.join(names)}; name those with text with --fields"
        )
    return columns


def _batch(table: pa.RecordBatch, first: int, mode: Mode, fields: Sequence[str]) -> Batch:
    def doc(place: int) -> Doc:
        return read_row(first + place, row_of(table, place), fields)

    numbers = range(first, first + table.num_rows)
    quick = None if fields else _columns_of(table, mode)
    if quick is None:
        return gather(numbers, doc, mode)
    texts, masks, ends = quick
    return Batch(numbers, doc, texts, masks, np.asarray(ends, dtype=np.int32).tobytes())


def row_of(table: pa.RecordBatch, place: int) -> dict[str, object]:
    """A row's cells by the names of their columns.

    Raises:
        ValueError: one cannot be read.
    """
    try:
        row: dict[str, object] = table.slice(place, 1).to_pylist()[0]
    except (ValueError, ArithmeticError) as error:
        raise ValueError(f"holds what cannot be read: {error}; fix or remove it") from error
    return row


Quick = tuple[list[str], bytes, Sequence[int]]
"""Texts, what each is asked for, and for each row the end of its texts."""


def _columns_of(table: pa.RecordBatch, mode: Mode) -> Quick | None:
    """The texts by columns, where the table has one plain shape and no gap in it."""
    names = table.schema.names
    if names == ["text"]:
        return _texts(table.column(0))
    return _messages(table.column(0), mode) if names == ["messages"] else None


def _strings(column: Any) -> list[str] | None:
    import pyarrow as pa

    if column.null_count or not (
        pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    ):
        return None
    try:
        found: list[str] = column.to_pylist()
    except UnicodeDecodeError:
        return None
    return found


def _texts(column: pa.Array) -> Quick | None:
    texts = _strings(column)
    if texts is None or not all(t and not t.isspace() for t in texts):
        return None
    return texts, bytes([QUESTION | ANSWER]) * len(texts), range(1, len(texts) + 1)


def _messages(column: pa.Array, mode: Mode) -> Quick | None:
    import pyarrow as pa

    if column.null_count or not pa.types.is_list(column.type):
        return None
    turns = column.flatten()
    if not pa.types.is_struct(turns.type) or turns.null_count:
        return None
    if {f.name for f in turns.type} != {"role", "content"}:
        return None
    roles, texts = _strings(turns.field("role")), _strings(turns.field("content"))
    if roles is None or texts is None:
        return None
    masks = {role: asked(mode, role_of(role)) for role in set(roles)}
    ends = (column.offsets.to_numpy()[1:] - column.offsets[0].as_py()).tolist()
    said = bytes(map(masks.__getitem__, roles))
    return (texts, said, ends) if _asked_something(texts, said, ends) else None


def _asked_something(texts: Sequence[str], masks: bytes, ends: Sequence[int]) -> bool:
    begin = 0
    for end in ends:
        turns = zip(texts[begin:end], masks[begin:end], strict=True)
        if not any(mask & QUESTION and text.strip() for text, mask in turns):
            return False
        begin = end
    return True
