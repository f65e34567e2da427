"""What the default rule knows of the entries: the information of their tokens, and which of their
n-grams are worth looking up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from decontam.items.entries import Entries, Ints
from decontam.items.index import Grams
from decontam.items.information import Bits, Group
from decontam.policy import Distinctive

SEED, SHORT_SEED = 5, 4
"""n of the n-grams that are looked up, for long and for short entries."""


def weigh(entries: Entries) -> dict[int, Bits]:
    """The information of every entry's tokens, by its place."""
    bits: dict[int, Bits] = {}
    for places in entries.groups():
        found = _group(entries, places).bits()
        cuts = np.searchsorted(found.text, np.arange(1, len(places)))
        columns = (np.split(c, cuts) for c in (found.text, found.token, found.bits, found.count))
        bits |= {k: Bits(*parts) for k, *parts in zip(places, *columns, strict=True)}
    return bits


def seed_grams(entries: Entries, rule: Distinctive) -> Grams:
    """The n-grams worth looking up: those that are not template, and each entry's rarest; one that
    an entry repeats only where it first stands there, or a row of dashes would meet a drawing made
    of dashes everywhere.

    This spares work; what is evidence is decided by the information of the tokens.
    """
    found = [part for places in entries.groups() for part in _seeds(entries, places, rule)]
    return Grams(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _seeds(
    entries: Entries, places: Sequence[int], rule: Distinctive
) -> Iterator[tuple[Ints, Ints, Ints]]:
    group = _group(entries, places)
    bounds, owners = group.distinct.bounds, group.distinct.owners
    sizes = np.array([_seed(size, rule) for size in np.diff(bounds).tolist()], dtype=np.int64)
    for n in np.unique(sizes).tolist():
        counts = group.counts(n)
        at = np.flatnonzero((sizes[owners] == n) & group.first(n))
        at = _told(at, owners, _repeats(group.distinct.values, n))
        rarest = np.full(group.size, np.iinfo(np.int64).max)
        np.minimum.at(rarest, owners[at], counts[at])
        at = at[counts[at] <= np.maximum(group.limit, rarest[owners[at]])]
        begins = np.searchsorted(owners[at], np.arange(group.size + 1))
        for place, own in zip(places, group.places, strict=True):
            mine = at[begins[own] : begins[own + 1]] - bounds[own]
            yield np.full(len(mine), place), mine, np.full(len(mine), n)


def _repeats(values: Ints, n: int) -> NDArray[np.bool_]:
    """Whether the n tokens from each place on are one token n times, which says nothing."""
    same = np.append(values[1:] == values[:-1], False)
    runs = np.concatenate(([0], np.cumsum(same)))
    ends = np.minimum(np.arange(len(values)) + n - 1, len(values))
    repeats: NDArray[np.bool_] = runs[ends] - runs[:-1] == n - 1
    return repeats


def _told(at: Ints, owners: Ints, repeats: NDArray[np.bool_]) -> Ints:
    """Places without repeats, unless an entry has nothing else."""
    others = np.zeros(owners[-1] + 1, dtype=np.bool_)
    others[owners[at[~repeats[at]]]] = True
    return at[~repeats[at] | ~others[owners[at]]]


def _group(entries: Entries, places: Sequence[int]) -> Group:
    return Group([entries.entries[k].ids for k in places], entries.vocabulary.hashes)


def _seed(size: int, rule: Distinctive) -> int:
    return min(size, SEED if size >= rule.short else SHORT_SEED)
