"""One text of a row, read as tokens only as far as somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from decontam.text._scanner import Scanner
from decontam.text.tokens import words

Encode = Callable[[Iterable[str]], Sequence[int]]


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
    def _read(self) -> tuple[bytes, NDArray[np.int64]]:
        hashes, spans = self._scanner.read(self.text)
        return hashes, np.frombuffer(spans, np.int64).reshape(-1, 2)

    @cached_property
    def _utf8(self) -> bytes:
        return self.text.encode()

    def __len__(self) -> int:
        """Its tokens."""
        return len(self._read[1])

    def ids(self, begin: int, end: int) -> list[int]:
        """Ids of the tokens from `begin` to before `end`; -1 where no entry holds the token."""
        return self._scanner.ids(self._read[0], max(begin, 0), max(end, 0))

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

    def agree(self, starts: NDArray[np.int32], n: int, encode: Encode) -> NDArray[np.bool_]:
        """Whether the n tokens from each start on are, as text, those that their hashes say.

        Args:
            starts: Places of tokens.
            n: How many from each on; they must exist.
            encode: Tokens as text -> ids.
        """
        places = starts[:, None] + np.arange(n)
        unknown = np.unique(places[self._agrees[places] < 0])
        for run in np.split(unknown, np.flatnonzero(np.diff(unknown) > 1) + 1):
            if len(run):
                begin, end = int(run[0]), int(run[-1]) + 1
                told = zip(encode(self.words(begin, end)), self.ids(begin, end), strict=True)
                self._agrees[begin:end] = [by_text == by_hash for by_text, by_hash in told]
        agree: NDArray[np.bool_] = (self._agrees[places] > 0).all(axis=1)
        return agree

    @cached_property
    def _agrees(self) -> NDArray[np.int8]:
        """Of each token whether text and hash agree; below 0 where nobody has asked."""
        return np.full(len(self), -1, dtype=np.int8)

    def span(self, begin: int, end: int) -> tuple[int, int]:
        """Where in the text, in code points, the tokens from `begin` to before `end` stand."""
        first, last = int(self._read[1][begin, 0]), int(self._read[1][end - 1, 1])
        if self.text.isascii():
            return first, last
        before = len(self._utf8[:first].decode())
        return before, before + len(self._utf8[first:last].decode())
