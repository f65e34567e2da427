"""Wording that the scanned data itself shows to be common, and so to be no evidence.

An n-gram of an item that stands in many rows which do not hold the item is boilerplate: a proverb,
a licence, a definition that both sides took from elsewhere.  Rows that do hold the item are not
counted, so that a leak is one however often it was copied.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from decontam.items.index import Index
from decontam.policy import Distinctive
from decontam.report.evidence import Match
from decontam.run.candidate import Candidate, Candidates, Seen

SOURCES = 3
"""An n-gram in as many files that do not hold the item is boilerplate."""

RATE, LEAST_ROWS = 1e-3, 20
"""So is one in this share of all rows, and in at least so many."""


@dataclass(frozen=True, slots=True)
class Background:
    """Positions of entries that are boilerplate."""

    index: Index
    rule: Distinctive
    common: Mapping[int, frozenset[int]]
    """Entry -> positions whose every indexed n-gram is common."""

    @classmethod
    def of(
        cls,
        index: Index,
        rule: Distinctive,
        candidates: Candidates,
        seen: Seen,
    ) -> Background:
        """Find the boilerplate of entries with near matches; nothing else depends on it."""
        wanted = {c.entry for c in candidates() if c.match.label == "near"}
        if not wanted:
            return cls(index, rule, {})
        places = _places(index, wanted)
        rows, files = seen.gram_rows.copy(), seen.gram_files.copy()
        for gram, holders in _holders(candidates(), places).items():
            rows[gram] -= len(holders)
            files[gram] -= len({file for file, _ in holders})
        often = (files >= SOURCES) | ((rows >= LEAST_ROWS) & (rows >= RATE * seen.rows))
        return cls(index, rule, {k: _common(index, k, places[k], often) for k in wanted})

    def judged(self, match: Match, entry: int, matched: Iterable[int]) -> Match:
        """A near match, weighed without the boilerplate of its item."""
        common = self.common.get(entry)
        if match.label != "near" or not common:
            return match
        ids, bits = self.index.entries.entries[entry].ids, self.index.bits(entry)
        own = {ids[k] for k in range(len(ids)) if k not in common}
        held = {ids[k] for k in matched if k not in common}
        total = sum(b for token, b in bits.items() if token in own)
        share = sum(b for token, b in bits.items() if token in held) / total if total else 0.0
        if share > self.rule.above:
            return replace(match, score=share, weighted=share)
        return replace(match, score=share, weighted=share, label="template_variant", flagged=False)


def _places(index: Index, entries: set[int]) -> dict[int, dict[int, int]]:
    """Entry -> position -> the n-gram that begins there, of those that are looked up."""
    bounds = np.asarray(index.arrays["bounds"], dtype=np.int64)
    owners = np.asarray(index.arrays["post_entry"])
    positions = np.asarray(index.arrays["post_position"])
    at = np.flatnonzero(np.isin(owners, list(entries)))
    grams = np.searchsorted(bounds, at, side="right") - 1
    places: dict[int, dict[int, int]] = {k: {} for k in entries}
    for entry, position, gram in zip(
        owners[at].tolist(), positions[at].tolist(), grams.tolist(), strict=True
    ):
        places[entry][position] = gram
    return places


def _holders(
    candidates: Iterable[Candidate], places: Mapping[int, Mapping[int, int]]
) -> dict[int, set[tuple[str, int]]]:
    """n-gram -> the rows that hold an item with it."""
    holders: dict[int, set[tuple[str, int]]] = defaultdict(set)
    for c in candidates:
        if c.entry in places and c.match.label != "template_variant":
            for gram in places[c.entry].values():
                holders[gram].add((c.match.file, c.match.row))
    return holders


def _common(
    index: Index, entry: int, places: Mapping[int, int], often: NDArray[np.bool_]
) -> frozenset[int]:
    n = index.gram_size(entry)
    rare = {k for at, gram in places.items() if not often[gram] for k in range(at, at + n)}
    covered = {k for at, gram in places.items() if often[gram] for k in range(at, at + n)}
    return frozenset(covered - rare)
