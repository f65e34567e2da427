"""What is decided when all rows have been seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace

from decontam.items.index import Index
from decontam.policy import Distinctive, UnionMatch
from decontam.report.evidence import Match
from decontam.run.background import Background
from decontam.run.candidate import Candidates, Seen

Allows = Callable[[Match], bool]


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
        if shares[c.entry] > rule.threshold(c.match.benchmark):
            yield replace(c.match, score=shares[c.entry])
