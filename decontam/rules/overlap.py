"""Where a row and an entry share n-grams.

An n-gram that the row repeats, the entry repeats, or both, is kept once with its places in either:
the pairs of these places would be as many as the product of the lengths.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
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

TOGETHER = 1 << 14
"""Tokens that are compared as text together: as words they take much room."""

HELD = 4096
"""Entries whose n-grams are kept in memory."""

Span = tuple[int, int]


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
    first: Ints
    """For each place where one begins, the first place where the same one begins: its name."""
    keys: Hashes
    order: Ints
    """The places by their names, ..."""
    counts: Ints
    """... how many have each name, ..."""
    begins: Ints
    """... and where in the order they begin."""

    def held(self, names: Ints) -> NDArray[np.bool_]:
        """At which places n-grams of these names begin."""
        present = np.zeros(len(self.first), dtype=np.bool_)
        present[names] = True
        held: NDArray[np.bool_] = present[self.first]
        return held

    def covered(self, names: Ints) -> NDArray[np.bool_]:
        """Which tokens lie in n-grams of these names."""
        edges = np.zeros(len(self.ids) + 1, dtype=np.int64)
        held = self.held(names)
        edges[: len(held)] += held
        edges[self.n :] -= held
        covered: NDArray[np.bool_] = edges[:-1].cumsum() > 0
        return covered

    @classmethod
    def of(cls, ids: Sequence[int], n: int) -> Grams:
        """The n-grams of a text, or the text itself where it is shorter than n."""
        size = min(n, len(ids))
        told = np.array(ids, dtype=np.int32)
        first = np.array(first_places(ids, size), dtype=np.int64)
        counts = np.bincount(first, minlength=len(first))
        return cls(
            told, size, first, gram_keys(told.astype(np.uint64), size),
            np.argsort(first, kind="stable"), counts, counts.cumsum() - counts,
        )  # fmt: skip


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

    def turn(self, number: int) -> Ids:
        """The tokens of one turn."""
        begin, end = self.begins[number : number + 2].tolist()
        return self.ids[begin : end - 1]

    @classmethod
    def of(cls, scanned: Scanned, vocabulary: Vocabulary) -> Turns:
        """Read a row."""
        gap = np.array([-1], dtype=np.int32)
        parts, sizes = [], []
        for reading, asked in zip(scanned.readings, scanned.asked, strict=True):
            read = _read(reading, vocabulary) if asked else gap[:0]
            parts += [read, gap]
            sizes.append(len(read) + 1)
        return cls(scanned, np.concatenate(parts), np.cumsum([0, *sizes]))


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn of a row shares with an entry."""

    number: int
    ids: Ids
    at: Ints
    """Where the turn holds ..."""
    gram: Ints
    """... which of the entry's n-grams, by name; in the order of names, then of places."""


@dataclass(frozen=True)
class Overlap:
    """What a row and an entry share."""

    pair: Pair
    turns: Turns
    grams: Grams
    """Of the entry."""
    at: Ints
    """Where the row's turns, end to end, hold ..."""
    gram: Ints
    """... which of the entry's n-grams, by name; in the order of names, then of places."""

    @functools.cached_property
    def covered(self) -> NDArray[np.bool_]:
        """Which tokens of the entry lie in shared n-grams."""
        return self.grams.covered(self.gram)

    def shared(self) -> int:
        """How many places of the entry begin an n-gram that is shared."""
        return int(self.grams.held(self.gram).sum())

    @functools.cached_property
    def by_turn(self) -> list[Turn]:
        """Every turn with a shared n-gram."""
        begins = self.turns.begins
        turn = begins.searchsorted(self.at, side="right") - 1
        return [
            Turn(k, self.turns.turn(k), self.at[turn == k] - begins[k], self.gram[turn == k])
            for k in np.flatnonzero(np.bincount(turn)).tolist()
        ]

    @functools.cached_property
    def whole(self) -> Span | None:
        """Turn and place where the whole entry stands, if it may count (see
        `decontam.rules.pair.whole`)."""
        size, readings = len(self.grams.ids), self.pair.scanned.readings
        for begin in _stands(self.grams.ids, self.turns.ids):
            number = int(self.turns.begins.searchsorted(begin, side="right")) - 1
            place = begin - int(self.turns.begins[number])
            if size >= EXACT_TOKENS or len(readings[number]) == size:
                return number, place
            if answered(self.pair, number, place):
                return number, place
        return None

    def densest(self, turn: Turn, width: int) -> tuple[Span, Span]:
        """The stretches of a turn and of the entry that share most.

        Diagonals, places in the turn less places in the entry, belong together up to a width from
        the first one on; of these groups, that with the most places in the entry, the first of
        several.  Only the first and last place of each n-gram within a group are looked up.
        """
        places, length = np.flatnonzero(self.grams.held(turn.gram)), len(turn.ids)
        base, keys = self.grams.first[places] * (length + 1), turn.gram * (length + 1) + turn.at

        def up_to(limit: Ints) -> Ints:
            """How many of the turn's n-grams come before this place of each of the entry's."""
            return keys.searchsorted(base + np.minimum(np.maximum(limit, 0), length))

        low, ends = up_to(places * 0), up_to(places * 0 + length)
        most, best = 0, ((0, 0), (0, 0))
        while (rest := low < ends).any():
            diagonal = int((turn.at[low[rest]] - places[rest]).min())
            low, high = up_to(places + diagonal), up_to(places + diagonal + width + 1)
            inside = low < high
            if (count := int(np.count_nonzero(inside))) > most:
                at = int(turn.at[low[inside]].min()), int(turn.at[high[inside] - 1].max())
                item = int(places[inside][0]), int(places[inside][-1])
                most, best = count, (_to_end(at, self.grams.n), _to_end(item, self.grams.n))
            low = high
        return best

    def longest_run(self) -> float:
        """Longest run shared along one diagonal with a shared n-gram, stepping over up to `SKIP`
        mismatches, over the entry's length."""
        ids, n = self.grams.ids, self.grams.n
        runs = (
            _scanner.longest_run(turn.ids, ids, self._diagonals(turn), n, SKIP)
            for turn in self.by_turn
        )
        return max(runs, default=0) / len(ids)

    def _diagonals(self, turn: Turn) -> Ints:
        """The diagonals with a shared n-gram.  Where repeats would give more pairs of places than
        there are diagonals, all of a range: the longest run is asked for an n-gram on its own."""
        at, counts = turn.at, self.grams.counts[turn.gram]
        pairs = int(counts.sum())
        if pairs == len(at):
            return at - turn.gram
        begin, end = int(at.min()) - len(self.grams.first) + 1, int(at.max()) + 1
        if pairs > end - begin:
            return np.arange(begin, end)
        return (
            np.repeat(at, counts) - self.grams.order[_ranges(self.grams.begins[turn.gram], counts)]
        )


class Overlaps:
    """Finds what rows and entries share; pairs come row by row."""

    def __init__(self, index: Index, n: int) -> None:
        """For the n-grams of an index, n tokens long but in shorter entries."""
        entries = index.entries.entries
        self._vocabulary = index.entries.vocabulary
        self._grams = functools.lru_cache(HELD)(lambda place: Grams.of(entries[place].ids, n))
        self._turns: Turns | None = None

    def __call__(self, pair: Pair) -> Overlap:
        """What a pair shares; of its hits only the positions are looked at."""
        if self._turns is None or self._turns.scanned is not pair.scanned:
            self._turns = Turns.of(pair.scanned, self._vocabulary)
        turns, grams = self._turns, self._grams(pair.place)
        names = grams.first[sorted({hit.position for hit in pair.hits})]
        keys, places = turns.places(grams.n)
        begins = keys.searchsorted(grams.keys[names])
        counts = keys.searchsorted(grams.keys[names], side="right") - begins
        at, gram = places[_ranges(begins, counts)], np.repeat(names, counts)
        same = _same(turns.ids, at, grams.ids, gram, grams.n)
        return Overlap(pair, turns, grams, at[same], gram[same])


def _same(row: Ids, at: Ints, ids: Ids, position: Ints, n: int) -> NDArray[np.bool_]:
    """Where n-grams of the same key are the same; some at a time, as they take n times the room."""
    width = np.arange(n)
    cuts = range(0, len(at), TOGETHER)
    parts = [(at[k : k + TOGETHER, None], position[k : k + TOGETHER, None]) for k in cuts]
    same = [(row[a + width] == ids[p + width]).all(axis=1) for a, p in parts]
    return np.concatenate(same) if same else np.zeros(0, dtype=np.bool_)


def _ranges(begins: Ints, counts: Ints) -> Ints:
    """The numbers from each begin on, as many as its count."""
    ends = counts.cumsum()
    return np.repeat(begins - ends + counts, counts) + np.arange(ends[-1] if len(ends) else 0)


def _read(reading: Reading, vocabulary: Vocabulary) -> Ids:
    size = len(reading)
    cuts = range(0, size, TOGETHER)
    found = [vocabulary.encode(reading.words(k, min(k + TOGETHER, size))) for k in cuts]
    return np.concatenate([np.array(part, dtype=np.int32) for part in ([], *found)])


def _stands(ids: Ids, text: Ids) -> Iterator[int]:
    """Every place of a text where these tokens stand."""
    sought, searched, width = ids.tobytes(), text.tobytes(), ids.itemsize
    at = searched.find(sought)
    while at >= 0:
        if at % width == 0:
            yield at // width
        at = searched.find(sought, at + 1)


def _to_end(places: Span, n: int) -> Span:
    """From the begin of the first n-gram to the end of the last."""
    return places[0], places[1] + n
