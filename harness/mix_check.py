"""What the contamination check of one training set found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.sweep import Action


@dataclass(frozen=True, slots=True)
class BenchmarkCheck:
    """What a mix holds of one benchmark."""

    benchmark: str
    items: int
    """Items that were looked for."""
    matched: int
    """Items found in at least one row."""
    labels: Mapping[str, int] = field(default_factory=dict)
    """Label (`verbatim`, `near`, ...) -> items found under it."""
    found: frozenset[str] = frozenset()
    """Ids of the matched items."""


@dataclass(frozen=True, slots=True)
class PartCheck:
    """One source of a mix, or one part of it."""

    name: str
    rows: int
    flagged: int


@dataclass(frozen=True, slots=True)
class MixCheck:
    """One decontamination: rows read, flagged, kept, and which items were found."""

    name: str
    """The mix, or the source that is trained on as it is."""
    action: Action
    rows_read: int
    rows_flagged: int
    rows_kept: int
    benchmarks: tuple[BenchmarkCheck, ...] = ()
    parts: tuple[PartCheck, ...] = ()

    @property
    def rows_dropped(self) -> int:
        """Rows that are not trained on."""
        return self.rows_read - self.rows_kept

    @property
    def leaks(self) -> bool:
        """Whether rows that hold benchmark items were kept."""
        return self.action == "report" and self.rows_flagged > 0
