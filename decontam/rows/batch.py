"""Rows that are scanned together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from decontam.rows.shapes import Doc, Mode

Text = object
"""A string, or a buffer that holds a JSON string."""

BATCH = 2_000_000
"""Characters of rows that are scanned together; what is found does not depend on it."""


@dataclass(slots=True)
class Batch:
    """The texts of some rows, and the rows themselves where somebody asks."""

    first: int
    """Number of the first row."""
    doc: Callable[[int], Doc]
    """Place in the batch -> the row, which could be read."""
    texts: list[Text] = field(default_factory=list)
    asked: bytearray = field(default_factory=bytearray)
    """What each text is asked for."""
    ends: list[int] = field(default_factory=list)
    """For each row the end of its texts."""
    bad: dict[int, str] = field(default_factory=dict)
    """Place in the batch -> why the row cannot be read; such a row has no texts."""

    def add(self, texts: Iterable[Text], asked: bytes) -> None:
        """Append a row."""
        self.texts += texts
        self.asked += asked
        self.ends.append(len(self.texts))

    def refuse(self, error: Exception) -> None:
        """Append a row that cannot be read; where it stands is told elsewhere."""
        place = len(self.ends)
        said = str(error).removeprefix(f"row {self.first + place}")
        self.bad[place] = said.removeprefix(":").strip()
        self.ends.append(len(self.texts))

    def __len__(self) -> int:
        """Its rows."""
        return len(self.ends)


def batches(docs: Iterable[Doc], mode: Mode) -> Iterator[Batch]:
    """Rows that are in memory, some at a time.

    Raises:
        ValueError: a row without a text to scan.
    """
    held: list[Doc] = []
    size = 0
    for doc in docs:
        held.append(doc)
        size += sum(len(s.text) for s in doc.segments)
        if size >= BATCH:
            yield _batch(held, mode)
            held, size = [], 0
    if held:
        yield _batch(held, mode)


def _batch(docs: list[Doc], mode: Mode) -> Batch:
    batch = Batch(docs[0].row, docs.__getitem__)
    for doc in docs:
        batch.add([s.text for s in doc.segments], doc.asked(mode))
    return batch
