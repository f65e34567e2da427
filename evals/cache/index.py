"""Where rows lie, by the first 64 bits of their keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evals.cache.segments import Lines

SINGLY = 4096
"""Fewer lines than this are indexed one by one."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row lies."""

    segment: Path
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class _Sorted:
    """Many lines of one segment, by prefix: 24 bytes each."""

    segment: Path
    prefixes: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def places(self, prefix: int) -> Iterator[Place]:
        wanted = np.uint64(prefix)
        at = int(self.prefixes.searchsorted(wanted))
        while at < self.prefixes.size and self.prefixes[at] == wanted:
            yield Place(self.segment, int(self.offsets[at]), int(self.lengths[at]))
            at += 1


class Index:
    """Prefix -> places; two keys may share a prefix, so a place must be looked at."""

    def __init__(self) -> None:
        self._many: list[_Sorted] = []
        self._few: dict[int, list[Place]] = {}
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def add(self, segment: Path, lines: Lines) -> None:
        """Index lines of a segment."""
        self._rows += lines.offsets.size
        if lines.offsets.size < SINGLY:
            for prefix, offset, length in zip(
                lines.prefixes.tolist(), lines.offsets.tolist(), lines.lengths.tolist(), strict=True
            ):
                self._few.setdefault(prefix, []).append(Place(segment, offset, length))
            return
        order = np.argsort(lines.prefixes, kind="stable")
        self._many.append(
            _Sorted(segment, lines.prefixes[order], lines.offsets[order], lines.lengths[order])
        )

    def add_one(self, prefix: int, place: Place) -> None:
        """Index one line."""
        self._rows += 1
        self._few.setdefault(prefix, []).append(place)

    def places(self, prefix: int) -> Iterator[Place]:
        """Places of lines whose keys begin like this, those known first before others."""
        for block in self._many:
            yield from block.places(prefix)
        yield from self._few.get(prefix, ())
