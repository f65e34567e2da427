"""A shard of training data -> batches of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from decontam.rows.batch import Batch
from decontam.rows.files import opened
from decontam.rows.lines import records
from decontam.rows.parquet import parquet_batches
from decontam.rows.records import RecordReader
from decontam.rows.shapes import Mode
from decontam.rows.shards import Shard


def read_shard(shard: Shard, mode: Mode, fields: Sequence[str]) -> Iterator[Batch]:
    """The rows of a shard; their numbers begin at 0 with its first row.

    Raises:
        ValueError: the file cannot be read to its end; names the file and the remedy.
    """
    if shard.file.format == "parquet":
        yield from parquet_batches(shard, mode, fields)
        return
    reader, first = RecordReader(mode, fields), 0
    with opened(shard.file) as stream:
        for some in records(stream, shard):
            yield reader.batch(first, some)
            first += len(some)
