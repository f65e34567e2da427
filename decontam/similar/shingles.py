"""Character shingles: exact sets, and MinHash signatures of many windows at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from datasketch import MinHash
from numpy.typing import NDArray

from decontam.similar.windows import GRID, QUARTERS

Hashes = NDArray[np.uint32]
"""A hash of every shingle of a text, in order."""

Signatures = NDArray[np.uint32]
"""Minima under every permutation, [windows, permutations]."""

EMPTY = np.uint32(0xFFFFFFFF)
"""The minimum over nothing."""

_BASE = 0x9E3779B97F4A7C15
_MIX = np.uint64(0xFF51AFD7ED558CCD)
_CHUNK = 512
"""Shingles permuted at a time: what the cache of a core holds."""


@dataclass(frozen=True, slots=True)
class Hasher:
    """The permutations `h -> a h + b mod 2^32`, a odd, of a datasketch `MinHash`."""

    a: NDArray[np.uint32]
    b: NDArray[np.uint32]

    @classmethod
    def of(cls, permutations: int, seed: int) -> Hasher:
        """So many permutations; the same for the same seed."""
        a, b = MinHash(num_perm=permutations, seed=seed, scheme="affine32").permutations
        return cls(a.astype(np.uint32), b.astype(np.uint32))

    def signature(self, hashes: Hashes) -> Signatures:
        """The MinHash of a set of shingles, [permutations]."""
        minima: Signatures = self.grid(hashes).min(axis=0, initial=EMPTY)
        return minima

    def grid(self, hashes: Hashes) -> Signatures:
        """Minima over every `GRID` shingles in a row, [ceil(shingles / GRID), permutations]."""
        # a repeated shingle changes no minimum
        padded = np.concatenate([hashes, np.repeat(hashes[-1:], -len(hashes) % GRID)])
        found = np.empty((len(padded) // GRID, len(self.a)), dtype=np.uint32)
        room = np.empty((_CHUNK, len(self.a)), dtype=np.uint32)
        for low in range(0, len(padded), _CHUNK):
            chunk = padded[low : low + _CHUNK]
            permuted = np.multiply(chunk[:, None], self.a, out=room[: len(chunk)])
            permuted += self.b
            out = found[low // GRID : (low + len(chunk)) // GRID]
            np.minimum(permuted[::GRID], permuted[1::GRID], out=out)
            for k in range(2, GRID):
                np.minimum(out, permuted[k::GRID], out=out)
        return found


def shingles(line: str, size: int) -> frozenset[str]:
    """Every run of `size` characters; a shorter line is its own single shingle."""
    return frozenset(line[k : k + size] for k in range(max(1, len(line) - size + 1)))


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """Shared over all, exactly; two empty sets share everything."""
    shared = len(left & right)
    total = len(left) + len(right) - shared
    return shared / total if total else 1.0


def shingle_hashes(line: str, size: int) -> Hashes:
    """A 32-bit hash of every shingle in order: a polynomial in the code points, mixed as in
    MurmurHash3."""
    codes = np.frombuffer(line.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    size = min(size, len(codes))
    total = np.zeros(len(codes) - size + 1 if size else 0, dtype=np.uint64)
    for k in range(size):
        total += codes[k : k + len(total)] * np.uint64(pow(_BASE, k + 1, 2**64))
    total = (total ^ (total >> np.uint64(33))) * _MIX
    return (total >> np.uint64(32)).astype(np.uint32)


def window_minima(grid: Signatures, size: int) -> Signatures:
    """Signatures of the windows of a text, [windows, permutations].

    Args:
        grid: The text's minima (`Hasher.grid`).
        size: Shingles in a window, a multiple of `QUARTERS * GRID`.  Windows begin every quarter;
            the last one holds the text's end.
    """
    blocks = _blocks(grid, size // (QUARTERS * GRID))
    count = max(1, len(blocks) - QUARTERS + 1)
    found = blocks[:count].copy()
    for k in range(1, min(QUARTERS, len(blocks))):
        np.minimum(found, blocks[k : k + count], out=found)
    return found


def estimate(left: Signatures, right: Signatures) -> NDArray[np.float64]:
    """Share of equal minima, row by row: the Jaccard similarity within
    `sqrt(J (1 - J) / permutations)` (Broder 1997)."""
    agree: NDArray[np.float64] = (left == right).mean(axis=1)
    return agree


def _blocks(grid: Signatures, step: int) -> Signatures:
    """Minima over every `step` places of the grid, of which there is at least one."""
    full = len(grid) // step * step
    blocks: Signatures = grid[:full].reshape(-1, step, grid.shape[1]).min(axis=1)
    if full < len(grid):
        blocks = np.concatenate([blocks, grid[full:].min(axis=0, keepdims=True)])
    return blocks
