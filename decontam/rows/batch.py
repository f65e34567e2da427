"""Rows that are scanned together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from decontam.rows.shapes import Doc, Mode

BATCH = 2_000_000
"""Characters of rows that are scanned together; what is found does not depend on it."""


@dataclass(slots=True)
class Batch:
    """The texts of some rows, and the rows themselves where somebody asks."""

    numbers: Sequence[int]
    """The number of each row."""
    doc: Callable[[int], Doc]
    """Place in the batch -> the row, which could be read."""
    texts: list[str] | tuple[bytes | memoryview, bytes]
    """As strings, or as data and where in it JSON strings stand (pairs of uint64)."""
    asked: bytes
    """What each text is asked for."""
    ends: bytes
    """For each row the end of its texts (int32)."""
    bad: dict[int, str] = field(default_factory=dict)
    """Place in the batch -> why the row cannot be read."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive rows of a file, in one or more batches."""

    rows: int
    batches: tuple[Batch, ...]


def gather(numbers: Sequence[int], doc: Callable[[int], Doc], mode: Mode) -> Batch:
    """Read rows one by one.

    Args:
        numbers: The number of each row.
        doc: Place -> the row; raises ValueError for one that cannot be read.
        mode: Which turns are asked for what.
    """
    texts: list[str] = []
    asked = bytearray()
    ends: list[int] = []
    bad: dict[int, str] = {}
    for place, number in enumerate(numbers):
        try:
            row = doc(place)
            asked += row.asked(mode)
            texts += [s.text for s in row.segments]
        except ValueError as error:
            bad[place] = why_bad(number, error)
        ends.append(len(texts))
    counted = np.array(ends, dtype=np.int32).tobytes()
    return Batch(numbers, doc, texts, bytes(asked), counted, bad)


def why_bad(number: int, error: ValueError) -> str:
    """Why a row cannot be read, without its number, which is told beside it."""
    return str(error).removeprefix(f"row {number}").removeprefix(":").strip()


def batches(docs: Iterable[Doc], mode: Mode) -> Iterator[Batch]:
    """Rows that are in memory, some at a time."""
    held: list[Doc] = []
    size = 0
    for doc in docs:
        held.append(doc)
        size += sum(len(s.text) for s in doc.segments)
        if size >= BATCH:
            yield gather([d.row for d in held], held.__getitem__, mode)
            held, size = [], 0
    if held:
        yield gather([d.row for d in held], held.__getitem__, mode)
