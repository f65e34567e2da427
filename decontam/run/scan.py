"""Rows x index -> the pairs of a row and an entry that share n-grams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from decontam.items.index import Index
from decontam.rows.batch import Batch, why_bad
from decontam.rules.pair import Finding, Hit, Pair, Scanned
from decontam.rules.rule import finder
from decontam.text._scanner import Scanner
from decontam.text.reading import Reading

Table = NDArray[np.int32]
"""Hits, one a line: entry, text, place in the text, position in the entry."""

Column = NDArray[np.int32]


class Scan:
    """An index at work in one process."""

    def __init__(self, index: Index) -> None:
        """Ready a scanner."""
        self.index = index
        self.scanner: Scanner = index.scanner()
        self._find = finder(index)
        self._asked = bytes(mask & index.asked for mask in range(256))

    def findings(self, batch: Batch) -> Iterator[Finding]:
        """What the rows of a batch hold; notes rows that cannot be read in `batch.bad`."""
        return self._find(self.pairs(batch))

    def pairs(self, batch: Batch) -> Iterator[Pair]:
        """Every pair worth a look, in the order of rows and entries; notes rows that cannot be read
        in `batch.bad`."""
        asked = batch.asked.translate(self._asked)
        found, bad = self.scanner.scan(batch.texts, asked, batch.ends)
        ends = np.frombuffer(batch.ends, dtype=np.int32)
        for text, reason in bad:
            place = int(np.searchsorted(ends, text, side="right"))
            batch.bad.setdefault(place, f"holds {reason}; fix or remove it")
        hits = np.frombuffer(found, dtype=np.int32).reshape(-1, 4)
        rows = np.searchsorted(ends, hits[:, 1], side="right")
        order = np.lexsort((hits[:, 3], hits[:, 2], hits[:, 1], hits[:, 0], rows))
        hits, rows = hits[order], rows[order]
        cuts = np.flatnonzero(np.diff(rows) | np.diff(hits[:, 0])) + 1
        scanned: Scanned | None = None
        for group, place in zip(_split(hits, cuts), _first(rows, cuts), strict=True):
            if place in batch.bad:
                continue
            if scanned is None or scanned.row != batch.numbers[place]:
                try:
                    scanned = self._scanned(batch, place, asked[: ends[place]])
                except ValueError as error:
                    batch.bad[place] = why_bad(batch.numbers[place], error)
                    continue
            pair = self._pair(scanned, group, int(ends[place]) - len(scanned.segments))
            if pair.hits or pair.shared:
                yield pair

    def _scanned(self, batch: Batch, place: int, asked: bytes) -> Scanned:
        """Read a row; `asked` ends with what its texts are asked for."""
        doc = batch.doc(place)
        readings = tuple(Reading(self.scanner, s.text) for s in doc.segments)
        return Scanned(doc.row, doc.segments, readings, tuple(map(bool, asked[-len(readings) :])))

    def _pair(self, scanned: Scanned, group: Table, first_text: int) -> Pair:
        place = int(group[0, 0])
        entry, n = self.index.entries.entries[place], self.index.gram_size(place)
        if self.index.screen.once:
            return Pair(scanned, place, entry, (), tuple(group[:, 3].tolist()))
        confirmed = group[self._confirmed(scanned, group[:, 1] - first_text, group[:, 2], n)]
        hits = (Hit(text - first_text, at, k, n) for _, text, at, k in confirmed.tolist())
        return Pair(scanned, place, entry, tuple(hits))

    def _confirmed(
        self, scanned: Scanned, segments: Column, starts: Column, n: int
    ) -> NDArray[np.bool_]:
        """Whether the tokens of each hit agree as text: the scanner compares hashes."""
        encode = self.index.entries.vocabulary.encode
        agree = np.zeros(len(starts), dtype=np.bool_)
        for segment in np.unique(segments).tolist():
            here = segments == segment
            agree[here] = scanned.readings[segment].agree(starts[here], n, encode)
        return agree


def _split(hits: Table, cuts: Sequence[int] | NDArray[np.intp]) -> list[Table]:
    return np.split(hits, cuts) if len(hits) else []


def _first(rows: NDArray[np.intp], cuts: NDArray[np.intp]) -> list[int]:
    return rows[np.concatenate(([0], cuts))].tolist() if len(rows) else []
