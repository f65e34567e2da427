"""n-gram -> where it stands in which items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]

_BASE = np.uint64(0x9E3779B97F4A7C15)

Grams = Mapping[int, Sequence[tuple[int, int]]]
"""n -> the (item, position) of every n-gram of that length to index."""


@dataclass(frozen=True, slots=True)
class Hits:
    """n-grams that a text and the items share; arrays of one length."""

    at: Ints
    """Position of the n-gram in the text, in tokens."""
    item: Ints
    position: Ints
    """Position of the n-gram in the item's prompt, in tokens."""
    n: Ints

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True, slots=True)
class Table:
    """All indexed n-grams of one length."""

    n: int
    hashes: Hashes
    """Distinct hashes, ascending."""
    bounds: Ints
    """The postings of hash i are `bounds[i]` to `bounds[i + 1]`."""
    item: Ints
    position: Ints


class Index:
    """The n-grams of a set of items, ready to be looked up in any text."""

    def __init__(self, prompts: Sequence[Sequence[int]], grams: Grams) -> None:
        """Index the n-grams named by `grams` of `prompts` (token ids by item)."""
        lengths = [len(p) for p in prompts]
        self._starts: Ints = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        self._flat: Ints = np.array([t for p in prompts for t in p], dtype=np.int64)
        self._tables = [self._table(n, postings) for n, postings in sorted(grams.items())]

    def find(self, ids: Sequence[int]) -> Hits:
        """Every n-gram of a text that an item holds; hash collisions are settled by the tokens.

        Args:
            ids: Token ids of the text, over the vocabulary of the prompts.
        """
        text = np.array(ids, dtype=np.int64)
        return _joined([self._find(table, text) for table in self._tables])

    def _table(self, n: int, postings: Iterable[tuple[int, int]]) -> Table:
        item, position = np.array(list(postings), dtype=np.int64).reshape(-1, 2).T
        grams = ngram_hashes(self._flat, n)[self._starts[item] + position]
        order = np.argsort(grams, kind="stable")
        hashes, first = np.unique(grams[order], return_index=True)
        bounds = np.append(first, len(grams)).astype(np.int64)
        return Table(n, hashes, bounds, item[order], position[order])

    def _find(self, table: Table, text: Ints) -> Hits:
        if len(text) < table.n:
            return _joined([])
        grams = ngram_hashes(text, table.n)
        at = np.flatnonzero(_known(text, table.n))
        place = np.searchsorted(table.hashes, grams[at])
        place[place == len(table.hashes)] = 0
        shared = table.hashes[place] == grams[at]
        at, place = at[shared], place[shared]
        counts = table.bounds[place + 1] - table.bounds[place]
        first = np.repeat(table.bounds[place] - np.cumsum(counts) + counts, counts)
        posting = first + np.arange(counts.sum(), dtype=np.int64)
        hits = Hits(
            at=np.repeat(at, counts).astype(np.int64),
            item=table.item[posting],
            position=table.position[posting],
            n=np.full(len(posting), table.n, dtype=np.int64),
        )
        return _kept(hits, self._same_tokens(hits, text, table.n))

    def _same_tokens(self, hits: Hits, text: Ints, n: int) -> NDArray[np.bool_]:
        theirs = self._starts[hits.item] + hits.position
        same = np.ones(len(hits), dtype=np.bool_)
        for k in range(n):
            same &= text[hits.at + k] == self._flat[theirs + k]
        return same


def ngram_hashes(ids: Ints, n: int) -> Hashes:
    """Polynomial hash modulo 2^64 of the n-gram at every position of `ids`."""
    count = max(len(ids) - n + 1, 0)
    hashes = np.zeros(count, dtype=np.uint64)
    mixed = (ids.astype(np.uint64) + np.uint64(1)) * _BASE
    mixed ^= mixed >> np.uint64(29)
    for k in range(n):
        hashes = hashes * _BASE + mixed[k : k + count]
    return hashes


def _known(text: Ints, n: int) -> NDArray[np.bool_]:
    """Whether each window of n tokens is free of unknown tokens."""
    unknown = np.concatenate(([0], np.cumsum(text == 0)))
    known: NDArray[np.bool_] = unknown[n:] == unknown[:-n]
    return known


def _kept(hits: Hits, keep: NDArray[np.bool_]) -> Hits:
    return Hits(hits.at[keep], hits.item[keep], hits.position[keep], hits.n[keep])


def _joined(parts: Sequence[Hits]) -> Hits:
    none: Ints = np.zeros(0, dtype=np.int64)
    return Hits(
        at=np.concatenate([none, *(p.at for p in parts)]),
        item=np.concatenate([none, *(p.item for p in parts)]),
        position=np.concatenate([none, *(p.position for p in parts)]),
        n=np.concatenate([none, *(p.n for p in parts)]),
    )
