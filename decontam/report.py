"""What a check found, and what it looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from decontam.evidence import Match
from decontam.overlap import ItemSummary, Overlap, overlap
from decontam.policy import Policy
from decontam.prompts import Prompt, Prompts
from decontam.rows import Doc, read_row
from decontam.write import write_report

AnyRow = TypeVar("AnyRow", bound=Mapping[str, object])


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one check."""

    policy: Policy
    matches: tuple[Match, ...]
    """By row, benchmark and item; those that flag nothing too."""
    items: tuple[ItemSummary, ...]
    """Every item given, in order, also those that could not be looked for."""
    rows_read: int
    seconds: float
    digests: tuple[bytes, ...]
    """What each row said when it was scanned, so that `clean` cannot be given others."""

    @classmethod
    def of(
        cls,
        policy: Policy,
        docs: Sequence[Doc],
        prompts: Prompts,
        matches: Sequence[Match],
        seconds: float,
    ) -> Report:
        """Account for every row and every item."""
        by_item: dict[tuple[str, str], list[Match]] = defaultdict(list)
        for found in matches:
            by_item[found.benchmark, found.item].append(found)
        items = tuple(_summary(p, by_item[p.item.benchmark, p.item.id]) for p in prompts.prompts)
        digests = tuple(doc.digest() for doc in docs)
        return cls(policy, tuple(matches), items, len(docs), seconds, digests)

    @property
    def flagged(self) -> tuple[int, ...]:
        """Numbers of the flagged rows, ascending."""
        return tuple(sorted({m.row for m in self.matches if m.flagged}))

    @property
    def benchmarks(self) -> tuple[Overlap, ...]:
        """How much of each benchmark the rows hold, in the order of the items."""
        groups: dict[str, list[ItemSummary]] = defaultdict(list)
        for item in self.items:
            groups[item.benchmark].append(item)
        return tuple(overlap(name, items) for name, items in groups.items())

    def summary(self) -> dict[str, object]:
        """The figures: rows, items, seconds, and overlap and verdict by benchmark."""
        return {
            "policy": self.policy.name,
            "mode": self.policy.mode,
            "rows_read": self.rows_read,
            "rows_flagged": len(self.flagged),
            "rows_unreadable": 0,  # an unreadable row ends the check with an error
            "items_total": len(self.items),
            "items_indexed": sum(i.indexed for i in self.items),
            "items_matched": sum(i.rows > 0 for i in self.items),
            "template_variants": sum(m.label == "template_variant" for m in self.matches),
            "seconds": round(self.seconds, 3),
            "benchmarks": {b.benchmark: b.record() for b in self.benchmarks},
        }

    def clean(self, rows: Iterable[AnyRow]) -> list[AnyRow]:
        """The rows that are not flagged, in order.

        Args:
            rows: The rows that were checked, again.

        Raises:
            ValueError: they are not the rows that were checked; an unscanned row is not clean.
        """
        flagged, kept, removed = set(self.flagged), [], 0
        for number, row in enumerate(rows):
            if number >= self.rows_read or read_row(number, row).digest() != self.digests[number]:
                raise ValueError(f"row {number} is not the row that was checked; check these rows")
            if number in flagged:
                removed += 1
            else:
                kept.append(row)
        if len(kept) + removed != self.rows_read:
            raise ValueError(
                f"{len(kept) + removed} rows given, {self.rows_read} checked; pass the same rows"
            )
        return kept

    def write(self, folder: str | Path) -> None:
        """Write `matches.parquet`, `items.parquet` and `summary.json` into a folder."""
        write_report(Path(folder), self.matches, self.items, self.summary())


def _summary(prompt: Prompt, matches: Sequence[Match]) -> ItemSummary:
    flagged = [m for m in matches if m.flagged]
    return ItemSummary(
        benchmark=prompt.item.benchmark,
        item=prompt.item.id,
        indexed=prompt.reason is None,
        reason=prompt.reason,
        rows=len(flagged),
        variants=len(matches) - len(flagged),
        score=None if prompt.reason else max((m.score for m in flagged), default=0.0),
    )
