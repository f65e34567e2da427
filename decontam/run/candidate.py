"""What a scan leaves to be decided when all rows have been seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decontam.report.evidence import Match


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
