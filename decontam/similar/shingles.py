"""Character shingles: exact sets, and MinHash signatures of many windows at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from datasketch import MinHash
from numpy.typing import NDArray

from decontam.similar.windows import QUARTERS, Text

Signatures = NDArray[np.uint32]
"""Minima of every permutation, [windows, permutations]."""

EMPTY = np.uint32(0xFFFFFFFF)
_BASE = 0x9E3779B97F4A7C15
_MIX = np.uint64(0xFF51AFD7ED558CCD)
_CHUNK = 2_048


@dataclass(frozen=True, slots=True)
class Hasher:
    """The permutations `h -> a h + b mod 2^32` of datasketch for a seed, a odd."""

    shingle: int
    a: NDArray[np.uint32]
    b: NDArray[np.uint32]

    @classmethod
    def of(cls, shingle: int, permutations: int, seed: int) -> Hasher:
        """Hash functions for shingles of so many characters."""
        a, b = MinHash(num_perm=permutations, seed=seed, scheme="affine32").permutations
        return cls(shingle, a.astype(np.uint32), b.astype(np.uint32))

    def whole(self, text: Text) -> Signatures:
        """Signature of a whole text, [1, permutations]."""
        return self.tokens(text, 0, len(text)).min(axis=0, keepdims=True)

    def tokens(self, text: Text, first: int, end: int) -> Signatures:
        """Minima over the shingles that begin in each token of a range, [tokens, permutations].

        The shingles of a window's last word reach into the word after it: its signature is that of
        a window a few shingles larger, and only at the end of a text exact.
        """
        hashes = shingle_hashes(text.line, self.shingle)
        found = np.full((end - first, len(self.a)), EMPTY)
        at = np.minimum(np.asarray(text.at[first : end + 1]), len(hashes))
        at[-1] = len(hashes) if end == len(text) else at[-1]
        full = int(np.searchsorted(at[:-1], len(hashes)))
        for low in range(0, full, _CHUNK):
            high = min(low + _CHUNK, full)
            stop = at[high] if high < full else at[-1]
            minima = self._permuted(hashes[at[low] : stop])
            found[low:high] = np.minimum.reduceat(minima, at[low:high] - at[low], axis=0)
        return found

    def _permuted(self, hashes: NDArray[np.uint32]) -> Signatures:
        permuted: Signatures = hashes[:, None] * self.a
        permuted += self.b
        return permuted


def shingles(line: str, size: int) -> frozenset[str]:
    """Every run of `size` characters; a shorter line is its own single shingle."""
    return frozenset(line[k : k + size] for k in range(max(1, len(line) - size + 1)))


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """Shared over all, exactly; two empty sets share everything."""
    shared = len(left & right)
    total = len(left) + len(right) - shared
    return shared / total if total else 1.0


def shingle_hashes(line: str, size: int) -> NDArray[np.uint32]:
    """A 32-bit hash of every shingle in order: a polynomial in the code points, mixed as in
    MurmurHash3."""
    codes = np.frombuffer(line.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    size = min(size, len(codes))
    total = np.zeros(len(codes) - size + 1 if size else 0, dtype=np.uint64)
    for k in range(size):
        total += codes[k : k + len(total)] * np.uint64(pow(_BASE, k + 1, 2**64))
    total = (total ^ (total >> np.uint64(33))) * _MIX
    return (total >> np.uint64(32)).astype(np.uint32)


def window_minima(tokens: Signatures, size: int) -> Signatures:
    """Signatures of the windows that `windows.cut` makes with stride `size / QUARTERS`.

    Args:
        tokens: Minima of each token, [tokens, permutations].
        size: Tokens in a window; a multiple of `QUARTERS`.
    """
    stride = size // QUARTERS
    blocks = np.minimum.reduceat(tokens, np.arange(0, len(tokens), stride), axis=0)
    missing = QUARTERS - len(blocks)
    if missing > 0:
        blocks = np.concatenate([blocks, np.full((missing, blocks.shape[1]), EMPTY)])
    count = len(blocks) - QUARTERS + 1
    found = blocks[:count].copy()
    for k in range(1, QUARTERS):
        np.minimum(found, blocks[k : k + count], out=found)
    return found


def estimate(left: Signatures, right: Signatures) -> NDArray[np.float64]:
    """Share of equal minima, row by row: the Jaccard similarity within
    `sqrt(J (1 - J) / permutations)` (Broder 1997)."""
    agree: NDArray[np.float64] = (left == right).mean(axis=1)
    return agree
