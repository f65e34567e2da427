"""JSON records as bytes -> the texts of their rows.

The usual shapes are read without making Python objects of what nobody looks at: their strings are
handed on as they stand in the file.  Whatever is not plainly of such a shape is read by the
standard parser and `read_row`, which decide what a row is; tests hold the two readings together.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

import msgspec
from msgspec import UNSET, Raw, UnsetType

from decontam.rows.batch import Batch
from decontam.rows.shapes import ANSWER, QUESTION, Doc, Mode, asked, read_row, role_of
from decontam.text import _scanner


class _Message(msgspec.Struct, gc=False):
    role: str
    content: Raw


class _Row(msgspec.Struct, gc=False):
    messages: list[_Message] | UnsetType = UNSET
    text: Raw | UnsetType = UNSET
    prompt: Raw | UnsetType = UNSET
    response: Raw | UnsetType = UNSET
    completion: Raw | UnsetType = UNSET
    chosen: Raw | UnsetType = UNSET
    rejected: Raw | UnsetType = UNSET
    instruction: Raw | UnsetType = UNSET
    conversations: Raw | UnsetType = UNSET

    def others(self) -> bool:
        """Whether it has a field of a shape that is read with care, or of two shapes."""
        if self.prompt is self.response is self.completion is self.chosen is UNSET:
            shapes = (self.messages is not UNSET) + (self.text is not UNSET)
            others = self.rejected is self.instruction is self.conversations is UNSET
            return shapes > 1 or not others
        plain = self.messages is self.text is self.completion is self.chosen is UNSET
        plain = plain and self.rejected is self.instruction is self.conversations is UNSET
        return not plain or self.prompt is UNSET


_TEXT = bytes([QUESTION | ANSWER])


class _Asked(dict[str, int]):
    """Role as written -> what its turns are asked for."""

    def __init__(self, mode: Mode) -> None:
        super().__init__()
        self.mode = mode

    def __missing__(self, role: str) -> int:
        self[role] = found = asked(self.mode, role_of(role))
        return found


class RecordReader:
    """Reads records of one check."""

    def __init__(self, mode: Mode, fields: Sequence[str]) -> None:
        """Ready a reader.

        Args:
            mode: Which turns are asked for what.
            fields: The fields that hold text, or none to recognise the usual shapes.
        """
        self.mode = mode
        self.fields = tuple(fields)
        self._asked = _Asked(mode)
        self._prompt = bytes([self._asked["user"], self._asked["assistant"]])
        self._decode = msgspec.json.Decoder(_Row).decode

    def batch(self, first: int, records: list[bytes]) -> Batch:
        """The rows of some records.

        Args:
            first: Number of the first row in its file.
            records: One JSON object each.
        """
        batch = Batch(first, lambda place: self.doc(first + place, records[place]))
        if self.fields or not _scanner.all_utf8(records):
            for place, record in enumerate(records):
                self._careful(batch, first + place, record)
            return batch
        self._read(batch, records, ())
        again = set(_scanner.doubtful(batch.texts, bytes(batch.asked), batch.ends))
        if again:
            batch = Batch(first, batch.doc)
            self._read(batch, records, again)
        return batch

    def doc(self, number: int, record: bytes) -> Doc:
        """One row, read with care.

        Raises:
            ValueError: it is none; names the row, the reason and the remedy.
        """
        try:
            row = json.loads(record)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"row {number} is not JSON: {error}; fix or remove the line"
            ) from error
        return read_row(number, row, self.fields)

    def _careful(self, batch: Batch, number: int, record: bytes) -> None:
        try:
            doc = self.doc(number, record)
            batch.add([s.text for s in doc.segments], doc.asked(self.mode))
        except ValueError as error:
            batch.refuse(error)

    def _read(self, batch: Batch, records: Sequence[bytes], careful: Collection[int]) -> None:
        """Append rows; with care those whose place is named, and what is plainly of no shape."""
        decode, masks, texts, asked = self._decode, self._asked, batch.texts, batch.asked
        for place, record in enumerate(records):
            try:
                row = decode(record) if place not in careful else _Row()
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                row = _Row()
            if row.others():
                self._careful(batch, batch.first + place, record)
            elif row.messages is not UNSET:
                for message in row.messages:
                    texts.append(message.content)
                    asked.append(masks[message.role])
                batch.ends.append(len(texts))
            elif row.text is not UNSET:
                batch.add([row.text], _TEXT)
            elif row.response is not UNSET:
                batch.add([row.prompt, row.response], self._prompt)
            else:
                self._careful(batch, batch.first + place, record)
