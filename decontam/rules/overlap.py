"""What a row and an entry share.

An n-gram that the row repeats, the entry repeats, or both, is kept once with its places in either:
the pairs of these places would be as many as the product of the lengths.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from decontam.items.entries import Ints, Vocabulary
from decontam.items.index import Index
from decontam.policy import EXACT_TOKENS
from decontam.rules.pair import SKIP, Pair, Scanned, answered
from decontam.text import _scanner
from decontam.text.reading import Reading
from decontam.text.scanner import Hashes, gram_keys

Ids = NDArray[np.int32]
Span = tuple[int, int]

TOGETHER = 1 << 14
"""Tokens that are compared as text together: as words they take much room."""

HELD = 4096
"""Entries whose n-grams are kept in memory."""


def first_places(ids: Sequence[int], n: int) -> list[int]:
    """Where the n-gram at each place of a text stands there for the first time."""
    first: dict[tuple[int, ...], int] = {}
    grams = zip(*(ids[k:] for k in range(n)), strict=False)
    return [first.setdefault(gram, at) for at, gram in enumerate(grams)]


@dataclass(frozen=True, slots=True)
class Grams:
    """The n-grams of an entry."""

    ids: Ids
    n: int
    keys: Hashes
    first: Ints
    """For each place where one begins, the first place where the same one begins: its name."""

    @classmethod
    def of(cls, ids: Sequence[int], n: int) -> Grams:
        """The n-grams of a text, or the text itself where it is shorter than n."""
        size = min(n, len(ids))
        told = np.array(ids, dtype=np.int32)
        keys = gram_keys(told.astype(np.uint64), size)
        return cls(told, size, keys, np.array(first_places(ids, size), dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Turns:
    """The turns of a row that are asked for prompts, end to end with a gap that matches nothing."""

    scanned: Scanned
    ids: Ids
    """Compared as text, so that no hash decides; -1 where no entry holds the token."""
    begins: Ints
    """Where each turn of the row begins, and the end."""
    _places: dict[int, tuple[Hashes, Ints]] = field(default_factory=dict)

    def places(self, n: int) -> tuple[Hashes, Ints]:
        """Keys of the n-grams, ascending, and where each stands."""
        if n not in self._places:
            keys = gram_keys(self.ids.astype(np.uint64), n)
            order = np.argsort(keys, kind="stable")
            self._places[n] = keys[order], order
        return self._places[n]

    def place(self, at: int) -> Span:
        """Turn and token within it."""
        number = int(self.begins.searchsorted(at, side="right")) - 1
        return number, at - int(self.begins[number])

    @classmethod
    def of(cls, scanned: Scanned, vocabulary: Vocabulary) -> Turns:
        """Read a row."""
        gap = np.array([-1], dtype=np.int32)
        parts, begins = [], [0]
        for reading, asked in zip(scanned.readings, scanned.asked, strict=True):
            read = _read(reading, vocabulary) if asked else gap[:0]
            parts += [read, gap]
            begins.append(begins[-1] + len(read) + 1)
        return cls(scanned, np.concatenate(parts), np.array(begins, dtype=np.int64))


@dataclass(frozen=True)
class Overlap:
    """What a row and an entry share; spans are token positions, the end excluded."""

    pair: Pair
    covered: bytes
    """For each token of the entry 1 where a shared n-gram covers it, else 0."""
    ngram_match: float
    segment: int
    """The turn that covers most of the entry."""
    train: Span
    """The stretch of that turn that shares most ..."""
    item: Span
    """... and the same of the entry."""
    longest_match: float
    _turns: Turns
    _whole: Ints
    _hits: Ints

    @property
    def tokens(self) -> int:
        """How many of the entry's tokens are covered."""
        return self.covered.count(1)

    @functools.cached_property
    def whole(self) -> Span | None:
        """Turn and place where the whole entry stands, if it may count (see
        `decontam.rules.pair.whole`)."""
        size, readings = len(self.pair.entry), self.pair.scanned.readings
        for segment, start in map(self._turns.place, self._whole.tolist()):
            if size >= EXACT_TOKENS or len(readings[segment]) == size:
                return segment, start
            if answered(self.pair, segment, start):
                return segment, start
        return None

    def hits(self) -> Iterator[tuple[int, int, int]]:
        """Every place of the row with a shared n-gram: turn, token, and where the entry holds the
        n-gram first."""
        for at, name in self._hits.tolist():
            yield *self._turns.place(at), name


class Overlaps:
    """Finds what rows and entries share; pairs come row by row."""

    def __init__(self, index: Index, n: int, width: Callable[[int], int]) -> None:
        """Ready to compare.

        Args:
            index: Gives pairs.
            n: Tokens of the n-grams, but in shorter entries.
            width: Tokens of an entry -> how far apart the diagonals of one copy may lie.
        """
        entries = index.entries.entries
        self._vocabulary, self._width = index.entries.vocabulary, width
        self._grams = functools.lru_cache(HELD)(lambda place: Grams.of(entries[place].ids, n))
        self._turns: Turns | None = None

    def __call__(self, pair: Pair) -> Overlap | None:
        """What a pair shares, or None where no n-gram that the scanner saw is one as text."""
        if self._turns is None or self._turns.scanned is not pair.scanned:
            self._turns = Turns.of(pair.scanned, self._vocabulary)
        turns, grams, size = self._turns, self._grams(pair.place), len(pair.entry)
        found = _scanner.overlap(
            (turns.ids, turns.begins, *turns.places(grams.n)),
            (grams.ids, grams.keys, grams.first),
            np.array(sorted({*pair.shared}), dtype=np.int64),
            grams.n, self._width(size), SKIP, size < EXACT_TOKENS,
        )  # fmt: skip
        if found is None:
            return None
        covered, shared, turn, train, item, longest, whole, hits = found
        return Overlap(
            pair, covered, shared / len(grams.first), turn, train, item, longest / size,
            turns, np.frombuffer(whole, np.int64), np.frombuffer(hits, np.int64).reshape(-1, 2),
        )  # fmt: skip


def _read(reading: Reading, vocabulary: Vocabulary) -> Ids:
    size = len(reading)
    cuts = range(0, size, TOGETHER)
    found = [vocabulary.encode(reading.words(k, min(k + TOGETHER, size))) for k in cuts]
    return np.concatenate([np.array(part, dtype=np.int32) for part in ([], *found)])
