"""A shard of training data -> its rows, some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from decontam.rows.batch import Block
from decontam.rows.files import Shard, opened
from decontam.rows.lines import records
from decontam.rows.parquet import parquet_blocks
from decontam.rows.records import RecordReader
from decontam.rows.shapes import Mode


def read_shard(shard: Shard, mode: Mode, fields: Sequence[str]) -> Iterator[Block]:
    """The rows of a shard; their numbers begin at 0 with its first row.

    Raises:
        ValueError: the file cannot be read to its end; names the file and the remedy.
    """
    if shard.file.format == "parquet":
        yield from parquet_blocks(shard, mode, fields)
        return
    reader, first = RecordReader(mode, fields), 0
    with opened(shard.file) as stream:
        for data, separators in records(stream, shard):
            block = reader.block(first, data, separators)
            yield block
            first += block.rows
