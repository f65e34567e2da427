"""Rows as they stand in their files, for people to look at."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterator

from decontam.rows.files import Shard, opened
from decontam.rows.lines import records
from decontam.rows.parquet import ROWS, opened_parquet, row_of


def raw_records(shard: Shard) -> Iterator[bytes]:
    """The JSON records of a shard, without the white space around them.

    Raises:
        ValueError: the file cannot be read to its end; names the file and the remedy.
    """
    with opened(shard.file) as stream:
        for data, separators in records(stream, shard):
            if separators is None:
                yield from filter(None, map(bytes.strip, bytes(data).split(b"\n")))
                continue
            begin = 0
            for end in separators:
                yield bytes(data[begin:end]).strip()
                begin = end + 1


def row_texts(shard: Shard, numbers: Collection[int]) -> Iterator[tuple[int, str | None]]:
    """What some rows of a shard say, in order.

    Args:
        shard: Whose rows.
        numbers: Which; they begin at 0 with the shard's first row.

    Yields:
        Number and text: the JSON as it stands in the file, or the cells of a Parquet file as JSON;
        None where that is not UTF-8 or cannot be read.

    Raises:
        ValueError: the file cannot be read; names it and the remedy.
    """
    texts = _cells(shard, numbers) if shard.file.format == "parquet" else _json(shard, numbers)
    yield from itertools.islice(texts, len(numbers))  # and no further into the file


def _json(shard: Shard, numbers: Collection[int]) -> Iterator[tuple[int, str | None]]:
    for number, record in enumerate(raw_records(shard)):
        if number in numbers:
            try:
                yield number, record.decode()
            except UnicodeDecodeError:
                yield number, None


def _cells(shard: Shard, numbers: Collection[int]) -> Iterator[tuple[int, str | None]]:
    first = 0
    with opened_parquet(shard.file) as parquet:
        groups = list(range(shard.begin, shard.end))
        for table in parquet.iter_batches(ROWS, row_groups=groups):
            for number in range(first, first + table.num_rows):
                if number in numbers:
                    try:
                        cells = row_of(table, number - first)
                        yield number, json.dumps(cells, ensure_ascii=False, default=str)
                    except ValueError:
                        yield number, None
            first += table.num_rows
