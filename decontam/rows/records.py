"""JSON records as bytes -> the texts of their rows.

Rows of the usual shapes are skimmed: only where their strings stand is noted, and the scanner reads
them there.  Whatever is not plainly such a row is read by the standard parser and `read_row`, which
decide what a row is; tests hold the two readings together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from decontam.rows.batch import Batch, Block, gather
from decontam.rows.shapes import ANSWER, QUESTION, Doc, Mode, asked, read_row, role_of
from decontam.text import _scanner
from decontam.text.objects import read_json

ROLES = ("user", "assistant", "system", "tool", "human", "gpt", "function", "developer", "model")
"""Roles as data usually writes them; rows with others are read with care."""


class RecordReader:
    """Reads the records of one check."""

    def __init__(self, mode: Mode, fields: Sequence[str]) -> None:
        """Ready a reader.

        Args:
            mode: Which turns are asked for what.
            fields: The fields that hold text, or none to recognise the usual shapes.
        """
        self.mode = mode
        self.fields = tuple(fields)
        self._roles = tuple((role.encode(), asked(mode, role_of(role))) for role in ROLES)
        self._asked = (asked(mode, "user"), asked(mode, "assistant"), QUESTION | ANSWER)

    def block(self, first: int, data: bytes | memoryview, separators: list[int] | None) -> Block:
        """The rows of some records.

        Args:
            first: Number of the first row in its file.
            data: JSON lines, or elements of an array.
            separators: Where each element ends in `data`; None for lines.
        """
        texts, masks, ends, found, careful = _scanner.skim(
            data, self._roles, *self._asked, separators
        )
        places = np.frombuffer(found, dtype=np.int64).reshape(-1, 2)

        def doc(place: int) -> Doc:
            begin, end = places[place].tolist()
            return self._doc(first + place, bytes(data[begin:end]))

        if self.fields:
            return Block(len(places), (gather(range(first, first + len(places)), doc, self.mode),))
        skimmed = Batch(range(first, first + len(places)), doc, (data, texts), masks, ends)
        if not careful:
            return Block(len(places), (skimmed,))
        numbers = [first + place for place in careful]
        rest = gather(numbers, lambda k: doc(careful[k]), self.mode)
        return Block(len(places), (skimmed, rest))

    def _doc(self, number: int, record: bytes) -> Doc:
        try:
            row = read_json(record)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"row {number} is not JSON: {error}; fix or remove it") from error
        return read_row(number, row, self.fields)  # type: ignore[arg-type]
