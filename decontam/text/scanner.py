"""The fast path from text to tokens: `decontam.text.tokens` done in C, and held to it by a test."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from decontam.text import _scanner
from decontam.text.normalise import alphabet, fold_chunk, normalise

VERSION = 1
"""Raise when hashes or keys change: an index is only good for one version."""

Hashes = NDArray[np.uint64]

_JOINS, _IGNORED = 2, 4
_SEPARATOR, _WORD, _INNER, _SINGLE = range(4)
_KINDS = {
    (False, False): _SEPARATOR, (True, True): _WORD, (False, True): _INNER, (True, False): _SINGLE
}  # fmt: skip


@functools.cache
def scanner_alphabet() -> _scanner.Alphabet:
    """What characters are, shared by everything that scans in this process."""
    return _scanner.Alphabet(_classify, fold_chunk)


def token_hashes(text: str) -> Hashes:
    """The 64-bit hash of every token of a text, in order.

    Raises:
        ValueError: the text holds a lone surrogate.
    """
    return np.frombuffer(scanner_alphabet().hashes(text), dtype=np.uint64)


def gram_keys(hashes: Hashes, n: int) -> Hashes:
    """The key of the n-gram at every position."""
    keys = _scanner.gram_keys(np.ascontiguousarray(hashes), n)
    return np.frombuffer(keys, dtype=np.uint64)


def _classify(point: int) -> tuple[int, int, str]:
    """What a code point is: flags, kind in normalised text, and what it folds to.

    Asked once for each code point that is met, so that nothing is paid for the rest of Unicode.
    """
    letters, c = alphabet(), chr(point)
    ignored = bool(letters.ignorable.fullmatch(c))
    joins = not ignored and bool(letters.chunk.fullmatch("a" + c))
    alone = bool(letters.token.fullmatch(c))
    inside = bool(letters.token.fullmatch("a" + c))
    flags = joins * _JOINS | ignored * _IGNORED
    return flags, _KINDS[alone, inside], normalise(c)
