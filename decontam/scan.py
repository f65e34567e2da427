"""Rows x index -> the pairs of a row and an item that share n-grams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from decontam.index import Hits, Index
from decontam.pair import Hit, Pair, Scanned
from decontam.prompts import UNKNOWN, Prompts
from decontam.rows import Doc, Mode

BATCH = 250_000
"""Tokens looked up together; what is found does not depend on it."""


def pairs(docs: Iterable[Doc], mode: Mode, prompts: Prompts, index: Index) -> Iterator[Pair]:
    """Every pair of a row and an item with a shared n-gram, in the order of rows and items."""
    for batch in _batches(docs, mode, prompts):
        yield from _pairs(batch, prompts, index)


def _batches(docs: Iterable[Doc], mode: Mode, prompts: Prompts) -> Iterator[list[Scanned]]:
    batch: list[Scanned] = []
    tokens = 0
    for doc in docs:
        segments = doc.scanned(mode)
        ids = tuple(prompts.encode(s.text) for s in segments)
        batch.append(Scanned(doc.row, segments, ids, tuple(s.text for s in doc.segments)))
        tokens += sum(map(len, ids))
        if tokens >= BATCH:
            yield batch
            batch, tokens = [], 0
    yield batch


def _pairs(batch: Sequence[Scanned], prompts: Prompts, index: Index) -> Iterator[Pair]:
    flat: list[int] = []
    begins: list[int] = []
    owners: list[tuple[int, int]] = []
    for place, scanned in enumerate(batch):
        for segment, ids in enumerate(scanned.ids):
            begins.append(len(flat))
            owners.append((place, segment))
            flat += ids
            flat.append(UNKNOWN)
    hits = index.find(flat)
    turn = np.searchsorted(np.array(begins, dtype=np.int64), hits.at, side="right") - 1
    row = np.array([place for place, _ in owners], dtype=np.int64)[turn]
    order = np.lexsort((hits.position, hits.at, hits.item, row))
    cuts = np.flatnonzero(np.diff(row[order]) | np.diff(hits.item[order])) + 1
    for group in np.split(order, cuts) if len(order) else ():
        found = tuple(_hits(hits, group, turn, owners, begins))
        item = int(hits.item[group[0]])
        yield Pair(batch[row[group[0]]], item, prompts.prompts[item], found)


def _hits(
    hits: Hits,
    group: np.ndarray[tuple[int], np.dtype[np.intp]],
    turn: np.ndarray[tuple[int], np.dtype[np.intp]],
    owners: Sequence[tuple[int, int]],
    begins: Sequence[int],
) -> Iterator[Hit]:
    columns = (turn[group], hits.at[group], hits.position[group], hits.n[group])
    for place, at, position, n in zip(*(c.tolist() for c in columns), strict=True):
        yield Hit(owners[place][1], at - begins[place], position, n)
