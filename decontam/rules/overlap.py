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

    @property
    def repeats(self) -> bool:
        """Whether one stands there twice."""
        return bool((self.first != np.arange(len(self.first))).any())

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
        covered: NDArray[np.bool_] = np.cumsum(edges[:-1]) > 0
        return covered

    @classmethod
    def of(cls, ids: Sequence[int], n: int) -> Grams:
        """The n-grams of a text, or the text itself where it is shorter than n."""
        size = min(n, len(ids))
        told = np.array(ids, dtype=np.int32)
        first = np.array(first_places(ids, size), dtype=np.int64)
        return cls(told, size, first, gram_keys(told.astype(np.uint64), size))


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
        turn = np.searchsorted(begins, self.at, side="right") - 1
        return [
            Turn(k, self.turns.turn(k), self.at[turn == k] - begins[k], self.gram[turn == k])
            for k in np.unique(turn).tolist()
        ]

    @functools.cached_property
    def whole(self) -> Span | None:
        """Turn and place where the whole entry stands, if it may count (see
        `decontam.rules.pair.whole`)."""
        size, readings = len(self.grams.ids), self.pair.scanned.readings
        for begin in _stands(self.grams.ids, self.turns.ids):
            number = int(np.searchsorted(self.turns.begins, begin, side="right")) - 1
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
            return np.searchsorted(keys, base + np.clip(limit, 0, length))

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
        if not self.grams.repeats:
            return np.unique(turn.at - turn.gram)
        size = len(self.grams.ids)
        marks = np.zeros(len(turn.ids) + size, dtype=np.bool_)
        cuts = np.flatnonzero(np.diff(turn.gram)) + 1
        for ours, names in zip(np.split(turn.at, cuts), np.split(turn.gram, cuts), strict=True):
            theirs = np.flatnonzero(self.grams.first == names[0])
            if len(ours) * len(theirs) > len(marks):
                marks[ours[0] - theirs[-1] + size : ours[-1] - theirs[0] + size + 1] = True
            else:
                marks[(ours[:, None] - theirs + size).ravel()] = True
        return np.flatnonzero(marks) - size


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
        names = np.unique(grams.first[[hit.position for hit in pair.hits]])
        keys, places = turns.places(grams.n)
        first = np.searchsorted(keys, grams.keys[names])
        counts = np.searchsorted(keys, grams.keys[names], side="right") - first
        gram = np.repeat(names, counts)
        begins = np.repeat(first - np.cumsum(counts) + counts, counts)
        at = places[begins + np.arange(len(begins))]
        same = np.ones(len(at), dtype=np.bool_)
        for k in range(grams.n):  # what has the same key need not be the same
            same &= turns.ids[at + k] == grams.ids[gram + k]
        return Overlap(pair, turns, grams, at[same], gram[same])


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
