"""JSON records as bytes -> the texts of their rows.

The usual shapes are read without making Python objects of what nobody looks at: their strings are
handed on as they stand in the file.  Whatever is not plainly of such a shape is read by the
standard parser and `read_row`, which decide what a row is; tests hold the two readings together.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from decontam.rows.batch import Batch
from decontam.rows.shapes import ANSWER, QUESTION, Doc, Mode, asked, read_row, role_of
from decontam.text import _scanner
from decontam.text.scanner import is_utf8


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
        self._decode = msgspec.json.Decoder(_Row).decode

    def batch(self, first: int, records: Sequence[bytes]) -> Batch:
        """The rows of some records.

        Args:
            first: Number of the first row in its file.
            records: One JSON object each.
        """
        if self.fields or not is_utf8(b"".join(records)):
            return self._batch(first, records, range(len(records)))
        batch = self._batch(first, records, ())
        again = _scanner.doubtful(batch.texts, bytes(batch.asked), batch.ends)
        return self._batch(first, records, set(again)) if again else batch

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

    def _batch(self, first: int, records: Sequence[bytes], careful: Collection[int]) -> Batch:
        batch = Batch(first, lambda place: self.doc(first + place, records[place]))
        for place, record in enumerate(records):
            if place in careful or not self._quick(batch, record):
                self._careful(batch, first + place, record)
        return batch

    def _careful(self, batch: Batch, number: int, record: bytes) -> None:
        try:
            doc = self.doc(number, record)
            batch.add([s.text for s in doc.segments], doc.asked(self.mode))
        except ValueError as error:
            batch.refuse(error)

    def _quick(self, batch: Batch, record: bytes) -> bool:
        """Append a row of a usual shape; False where it is not plainly of one."""
        try:
            row = self._decode(record)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        if row.chosen is not UNSET or row.instruction is not UNSET:
            return False
        if row.conversations is not UNSET or row.rejected is not UNSET:
            return False
        return self._add(batch, row)

    def _add(self, batch: Batch, row: Any) -> bool:
        if row.messages is not UNSET:
            if row.prompt is not UNSET or row.text is not UNSET:
                return False
            batch.texts += [m.content for m in row.messages]
            batch.asked += bytes([self._asked[m.role] for m in row.messages])
        elif row.prompt is not UNSET:
            answer = row.response if row.completion is UNSET else row.completion
            if row.text is not UNSET or answer is UNSET:
                return False
            if row.response is not UNSET and row.completion is not UNSET:
                return False
            batch.texts += [row.prompt, answer]
            batch.asked += bytes([self._asked["user"], self._asked["assistant"]])
        elif row.text is not UNSET:
            batch.texts.append(row.text)
            batch.asked.append(QUESTION | ANSWER)
        else:
            return False
        batch.ends.append(len(batch.texts))
        return True
