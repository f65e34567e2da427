"""What is decided when all rows have been seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from decontam.items.index import Index
from decontam.policy import Distinctive, UnionMatch
from decontam.report.evidence import Match
from decontam.rules.background import Background

Allows = Callable[[Match], bool]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A match as its own row shows it."""

    match: Match
    entry: int
    """Place of the entry that it holds."""
    matched: tuple[int, ...]
    """Positions of the entry that the row holds; empty for all."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a scan counted beside candidates."""

    rows: int
    gram_rows: NDArray[np.int64]
    """In how many rows each indexed n-gram stood."""
    gram_files: NDArray[np.int64]
    """And in how many files."""


Candidates = Callable[[], Iterable[Candidate]]
"""Every candidate, row by row; called more than once."""


def settle(
    index: Index, candidates: Candidates, seen: Seen, allows: Allows | None = None
) -> Iterator[Match]:
    """Candidates -> matches, in the same order.

    Args:
        index: What they were found with.
        candidates: What was found.
        seen: What the scan counted.
        allows: Whether a match is known to be none.
    """
    for match in _settled(index, candidates, seen):
        if match.flagged and allows and allows(match):
            match = replace(match, flagged=False, allowed=True)
        yield match


def _settled(index: Index, candidates: Candidates, seen: Seen) -> Iterator[Match]:
    match index.policy.rule:
        case UnionMatch() as rule:
            yield from _united(index, rule, candidates)
        case Distinctive() as rule:
            background = Background.of(index, rule, candidates, seen)
            for c in candidates():
                yield background.judged(c.match, c.entry, c.matched)
        case _:
            yield from (c.match for c in candidates())


def _united(index: Index, rule: UnionMatch, candidates: Candidates) -> Iterator[Match]:
    """Matches of the items whose tokens are covered by all rows together."""
    covered: dict[int, set[int]] = defaultdict(set)
    for c in candidates():
        covered[c.entry].update(c.matched)
    entries = index.entries.entries
    shares = {k: len(positions) / len(entries[k]) for k, positions in covered.items()}
    for c in candidates():
        if shares[c.entry] > rule.above:
            yield replace(c.match, score=shares[c.entry])
