"""Every item's account, kept while matches go by."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from decontam.items.entries import Entries
from decontam.report.evidence import Match
from decontam.report.overlap import ItemSummary, Overlap, overlap


@dataclass(slots=True)
class _Count:
    rows: int = 0
    others: int = 0
    score: float = 0.0
    last: tuple[str, int] | None = None


class Accounts:
    """Counts the matches of each item, and the rows that they flag."""

    def __init__(self, entries: Entries) -> None:
        """Open an account for every item."""
        self._entries = entries
        self._counts: dict[tuple[str, str], _Count] = defaultdict(_Count)
        self._last: tuple[str, int] | None = None
        self.matches = 0
        self.rows_flagged = 0
        self.variants = 0

    def add(self, match: Match) -> None:
        """Note a match; matches come row by row."""
        count, row = self._counts[match.benchmark, match.item], (match.file, match.row)
        self.matches += 1
        self.variants += match.label == "template_variant"
        if not match.flagged:
            count.others += 1
            return
        count.rows += count.last != row
        self.rows_flagged += self._last != row
        count.last = self._last = row
        count.score = max(count.score, match.score)

    def items(self) -> tuple[ItemSummary, ...]:
        """Every item's account, in the order of the items."""
        prompts = zip(self._entries.items, self._entries.entries, strict=False)
        return tuple(
            ItemSummary(
                benchmark=item.benchmark,
                item=item.id,
                indexed=prompt.reason is None,
                reason=prompt.reason,
                rows=self._counts[item.benchmark, item.id].rows,
                variants=self._counts[item.benchmark, item.id].others,
                score=None if prompt.reason else self._counts[item.benchmark, item.id].score,
            )
            for item, prompt in prompts
        )


def overlaps(items: tuple[ItemSummary, ...]) -> tuple[Overlap, ...]:
    """How much of each benchmark the rows hold, in the order of the items."""
    groups: dict[str, list[ItemSummary]] = defaultdict(list)
    for item in items:
        groups[item.benchmark].append(item)
    return tuple(overlap(name, held) for name, held in groups.items())
