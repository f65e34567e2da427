"""Files cut into pieces that are scanned, published and resumed one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from decontam.rows.files import DataFile, Shard
from decontam.rows.parquet import opened_parquet

SHARD = 64 << 20
"""Bytes of a file that one shard covers, where the file can be entered in the middle."""


def shards(files: Sequence[DataFile]) -> list[Shard]:
    """All shards, in the order of files and of their rows.

    Raises:
        ValueError: a Parquet file that cannot be read.
    """
    return [Shard(file, k, *cut) for file in files for k, cut in enumerate(_cuts(file))]


def _cuts(file: DataFile) -> Iterator[tuple[int, int]]:
    if file.format == "parquet":
        yield from _row_groups(file)
    elif file.format == "jsonl" and file.compression is None:
        for begin in range(0, file.size, SHARD):
            yield begin, min(begin + SHARD, file.size)
    else:
        yield 0, file.size


def _row_groups(file: DataFile) -> Iterator[tuple[int, int]]:
    with opened_parquet(file) as parquet:
        begin = held = 0
        for group in range(parquet.num_row_groups):
            held += parquet.metadata.row_group(group).total_byte_size
            if held >= SHARD:
                yield begin, group + 1
                begin, held = group + 1, 0
        if begin < parquet.num_row_groups or not parquet.num_row_groups:
            yield begin, parquet.num_row_groups
