"""One text of a row, read as tokens only as far as somebody looks."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from decontam.text._scanner import Scanner
from decontam.text.tokens import words


class Reading:
    """A text, the ids of its tokens in an index's vocabulary, and where they stand."""

    def __init__(self, scanner: Scanner, text: str) -> None:
        """Read a text.

        Args:
            scanner: Gives the ids.
            text: Free of lone surrogates.
        """
        self.text = text
        self._scanner = scanner

    @cached_property
    def _read(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        ids, spans = self._scanner.read(self.text)
        return np.frombuffer(ids, np.int32), np.frombuffer(spans, np.int64).reshape(-1, 2)

    @cached_property
    def _utf8(self) -> bytes:
        return self.text.encode()

    def __len__(self) -> int:
        """Its tokens."""
        return len(self._read[0])

    @property
    def every_id(self) -> NDArray[np.int32]:
        """Ids of all tokens; -1 where no entry holds the token."""
        return self._read[0]

    def ids(self, begin: int, end: int) -> list[int]:
        """Ids of the tokens from `begin` to before `end`; -1 where no entry holds the token."""
        found: list[int] = self._read[0][begin:end].tolist()
        return found

    def words(self, begin: int, end: int) -> list[str]:
        """The tokens from `begin` to before `end`, as text."""
        spans = self._read[1]
        begin, end = max(begin, 0), min(end, len(spans))
        if begin >= end:
            return []
        first, last = begin, end
        # A character that folds to several (`½`) lends its span to every token with a part of it.
        while first and spans[first - 1, 1] > spans[first, 0]:
            first -= 1
        while last < len(spans) and spans[last, 0] < spans[last - 1, 1]:
            last += 1
        found = words(self._utf8[spans[first, 0] : spans[last - 1, 1]].decode())
        return found[begin - first : end - first]

    def span(self, begin: int, end: int) -> tuple[int, int]:
        """Where in the text, in code points, the tokens from `begin` to before `end` stand."""
        first, last = int(self._read[1][begin, 0]), int(self._read[1][end - 1, 1])
        if self.text.isascii():
            return first, last
        before = len(self._utf8[:first].decode())
        return before, before + len(self._utf8[first:last].decode())
