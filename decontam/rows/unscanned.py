"""What of training data no item is looked for in: turns of other roles, fields of no shape."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from decontam.rows.batch import Batch
from decontam.rows.files import DataFile, Shard
from decontam.rows.parquet import first_rows
from decontam.rows.raw import raw_records
from decontam.rows.shapes import Row, read_row
from decontam.text.objects import read_json

ROWS = 100
"""Rows at the begin of a file whose fields are looked through, ..."""

BYTES = 1 << 20
"""... or fewer, where so many bytes of them have been."""

FILES = 1000
"""Files whose rows are; of more, every so many-th."""

TEXT = 20
"""Characters, with white space or beyond ASCII, from which on a value is text, not a name."""

_TURN = {"role", "content", "from", "value"}


@dataclass(frozen=True, slots=True)
class Turns:
    """Turns of roles that the mode does not look at."""

    count: int = 0
    bytes: int = 0
    """Of their texts, as UTF-8 or as they are written in JSON."""

    def __add__(self, other: Turns) -> Turns:
        """These and those."""
        return Turns(self.count + other.count, self.bytes + other.bytes)


def unscanned_turns(batch: Batch) -> Turns:
    """Turns of a batch that are asked for nothing."""
    masks = np.frombuffer(batch.asked, dtype=np.uint8)
    left = np.flatnonzero(masks == 0)
    if isinstance(batch.texts, list):
        return Turns(len(left), sum(len(batch.texts[k].encode(errors="replace")) for k in left))
    places = np.frombuffer(batch.texts[1], dtype=np.int64).reshape(-1, 2)[left]
    return Turns(len(left), int((places[:, 1] - places[:, 0] - 2).sum()))


def unscanned_fields(files: Sequence[DataFile], fields: Sequence[str]) -> tuple[str, ...]:
    """Fields that hold text which is not read, by the first rows of each file, in alphabetical
    order; `a[].b` is a field of the turns in `a`.

    Args:
        files: The training data.
        fields: The fields that are read; none for the usual shapes.

    Raises:
        ValueError: a file cannot be read; names it.
    """
    looked = files[:: -(-len(files) // FILES)]
    return unread((row for file in looked for row in _first_rows(file)), fields)


def unread(rows: Iterable[object], fields: Sequence[str]) -> tuple[str, ...]:
    """The fields of some rows that hold text which `read_row` does not read, as above."""
    return tuple(sorted({name for row in rows for name in _unread(row, fields)}))


def _unread(row: object, fields: Sequence[str]) -> Iterator[str]:
    if not isinstance(row, Mapping):
        return
    noted = _Noted(row)
    try:
        read_row(0, noted, fields)
    except ValueError:
        return  # the row is refused, or counted, where it is scanned
    for name, value in row.items():
        if name not in noted.asked:
            yield from [str(name)] if _holds_text(value) else []
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for turn in value:
                yield from (f"{name}[].{key}" for key in _beside(turn))


class _Noted(Mapping[str, object]):
    """A row that remembers what it was asked for."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> object:
        self.asked.add(key)
        return self._row[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._row)

    def __len__(self) -> int:
        return len(self._row)


def _beside(turn: object) -> Iterator[str]:
    """Keys of a turn that hold text beside what it says; calls of tools are what it says where it
    says nothing else."""
    if not isinstance(turn, Mapping):
        return
    read = _TURN if turn.get("content") is not None else {*_TURN, "tool_calls"}
    yield from (str(key) for key, value in turn.items() if key not in read and _holds_text(value))


def _holds_text(value: object) -> bool:
    if isinstance(value, str):
        spaced = any(map(str.isspace, value)) or not value.isascii()
        return len(value) >= TEXT and spaced
    if isinstance(value, Mapping):
        return any(map(_holds_text, value.values()))
    return isinstance(value, Sequence) and any(map(_holds_text, value))


def _first_rows(file: DataFile) -> Iterable[object]:
    return first_rows(file, ROWS) if file.format == "parquet" else _first_records(file)


def _first_records(file: DataFile) -> Iterator[object]:
    size = 0
    for record in itertools.islice(raw_records(Shard(file, 0, 0, file.size)), ROWS):
        yield _parsed(record)
        size += len(record)
        if size >= BYTES:
            return


def _parsed(record: bytes) -> object:
    try:
        return read_json(record)
    except (ValueError, RecursionError):
        return None  # the row is refused, or counted, where it is scanned
