"""Locality-sensitive hashing: which pairs of signatures are worth comparing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decontam.similar.shingles import Signatures

_PRIME = np.uint64(0x9E3779B97F4A7C15)
_FILTER = 20
"""Bits of a key that the filter in front of the table tells apart: 1 MiB, which a cache holds."""


@dataclass(frozen=True, slots=True)
class Banding:
    """Signatures cut in `bands` of `rows`: a pair is a candidate if one band is equal."""

    bands: int
    rows: int

    def found(self, similarity: float) -> float:
        """Probability that a pair of this Jaccard similarity is a candidate (Mining of Massive
        Datasets, section 3.4.2)."""
        return float(1 - (1 - similarity**self.rows) ** self.bands)


def banding(threshold: float, permutations: int, miss: float) -> Banding:
    """The most selective banding that finds all but `miss` of the pairs at the threshold.

    Raises:
        ValueError: no banding of so few permutations misses so little.
    """
    choices = (Banding(permutations // rows, rows) for rows in range(permutations, 0, -1))
    for choice in choices:
        if 1 - choice.found(threshold) <= miss:
            return choice
    raise ValueError(
        f"{permutations} permutations lose more than {miss} of the pairs at Jaccard {threshold}; "
        "allow a greater miss or use more permutations"
    )


@dataclass(frozen=True, slots=True)
class Table:
    """The bands of the signatures looked for; what `MinHashLSH` holds, as sorted arrays."""

    banding: Banding
    keys: NDArray[np.uint64]
    owners: NDArray[np.int64]
    filter: NDArray[np.bool_]

    @classmethod
    def of(cls, signatures: Signatures, choice: Banding) -> Table:
        """Index signatures, [entries, permutations]."""
        keys = band_keys(signatures, choice)
        order = np.argsort(keys, axis=None, kind="stable")
        known = np.zeros(1 << _FILTER, dtype=np.bool_)
        known[keys.ravel() >> np.uint64(64 - _FILTER)] = True
        return cls(choice, keys.ravel()[order], order // choice.bands, known)

    def candidates(self, signatures: Signatures) -> NDArray[np.int64]:
        """Pairs (query, entry) with an equal band, each once and in order, [pairs, 2]."""
        keys = band_keys(signatures, self.banding)
        at = np.flatnonzero(self.filter[keys.ravel() >> np.uint64(64 - _FILTER)])
        asked = keys.ravel()[at]
        low = np.searchsorted(self.keys, asked, side="left")
        counts = np.searchsorted(self.keys, asked, side="right") - low
        queries = np.repeat(at // self.banding.bands, counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        entries = self.owners[np.repeat(low, counts) + within]
        size = len(self.keys) // self.banding.bands
        pairs = np.unique(queries * size + entries)
        return np.stack([pairs // size, pairs % size], axis=1)


def band_keys(signatures: Signatures, choice: Banding) -> NDArray[np.uint64]:
    """One 64-bit key for each band, its place included, [signatures, bands]."""
    used = signatures[:, : choice.bands * choice.rows].astype(np.uint64)
    bands = used.reshape(len(signatures), choice.bands, choice.rows)
    # mixed first, so that a band's place and its values cannot make up for each other
    places = np.arange(1, choice.bands + 1, dtype=np.uint64) * _PRIME
    keys = np.broadcast_to(places, bands.shape[:2])
    for row in range(choice.rows):
        keys = (keys ^ bands[:, :, row]) * _PRIME
        keys ^= keys >> np.uint64(29)
    return keys * _PRIME
