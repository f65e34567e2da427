"""NFKC and case folding that remember where every character came from."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SIGNS = str.maketrans(dict.fromkeys("‐‑‒–−", "-") | {"×": "*", "÷": "/", "∕": "/", "⁄": "/"})
"""Typographic operators that NFKC keeps apart from their ASCII forms."""

_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF),
             (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF))  # fmt: skip
"""Thai, Lao, Myanmar, Khmer, kana and Han: scripts written without spaces between words."""

_PLANES = 0x20000
"""Above this stand Han ideographs, tags and variation selectors only."""


@dataclass(frozen=True, slots=True)
class Alphabet:
    """Compiled character classes over all of Unicode."""

    ignorable: re.Pattern[str]
    """Characters without a shape: soft hyphen, zero-width space, joiners, variation selectors."""
    sign: re.Pattern[str]
    chunk: re.Pattern[str]
    """One character and all that may combine with it: NFKC of a text is the NFKC of its chunks."""
    token: re.Pattern[str]
    """A token in normalised text."""


def normalise(text: str) -> str:
    """Fold a text: NFKC and case folding, ignorable characters dropped, operators unified.

    Follows NFKC_Casefold of Unicode Standard Annex 31; folding a folded text changes nothing.
    """
    letters = alphabet()
    while (folded := _fold(text, letters)) != text:
        text = folded
    return text


def chunks(text: str) -> Iterator[tuple[int, int, str]]:
    """Cut a text where its normal form can be cut.

    Yields:
        Start and end of each chunk in code points of `text`, and the chunk's normal form; the
        normal forms joined are `normalise(text)`.
    """
    for found in alphabet().chunk.finditer(text):
        yield found.start(), found.end(), fold_chunk(found.group())


@functools.lru_cache(maxsize=65_536)
def fold_chunk(chunk: str) -> str:
    """The normal form of a character with what combines with it."""
    return normalise(chunk)


@functools.cache
def alphabet() -> Alphabet:
    """The character classes, made from the interpreter's Unicode tables on first use."""
    points = list(map(chr, range(0x80, _PLANES)))
    kinds: dict[str, list[str]] = defaultdict(list)
    for point, kind in zip(points, map(unicodedata.category, points), strict=True):
        kinds[kind].append(point)

    def of(*wanted: str) -> Iterator[str]:
        return (c for kind, held in kinds.items() if kind.startswith(wanted) for c in held)

    within = {chr(p) for a, b in _UNSPACED for p in range(a, b + 1)}
    unspaced = within.intersection(of("L", "N", "M"))
    hidden = _ignorable(kinds["Cf"])
    starts = "a-z0-9" + _ranges(set(of("L", "N")) - unspaced)
    inner = starts + _ranges(set(of("M")) - unspaced)
    single = _ranges(unspaced) + "\U00020000-\U0003ffff"
    symbols = re.escape("+-*/=<>^%$\\{}[]()_&|~@#") + _ranges(of("Sm", "Sc"))
    return Alphabet(
        ignorable=re.compile(f"[{hidden}]+"),
        sign=re.compile("[" + "".join(map(chr, SIGNS)) + "]"),
        chunk=re.compile(f"(?s:.)[{_ranges(_joining(points))}{hidden}]*"),
        token=re.compile(f"[{starts}][{inner}]*|[{single}]|[{symbols}]"),
    )


def _fold(text: str, letters: Alphabet) -> str:
    text = unicodedata.normalize("NFKC", letters.ignorable.sub("", text).casefold())
    return text.translate(SIGNS) if letters.sign.search(text) else text


def _ignorable(formats: Iterable[str]) -> str:
    fillers = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"
    return _ranges({*formats, *fillers}) + "\ufe00-\ufe0f\U000e0001-\U000e01ef"


def _joining(points: list[str]) -> Iterator[str]:
    """Characters that may combine with what stands before them."""
    parts = dict(zip(points, map(unicodedata.decomposition, points), strict=True))
    seconds = {c for told in parts.values() if told for c in _canonical(told)[1:]}
    seconds |= set(map(chr, range(0x1160, 0x1200)))  # vowels and finals of Hangul syllables
    for point, told in parts.items():
        first = unicodedata.normalize("NFKD", point)[0] if told else point
        if unicodedata.combining(first) or first in seconds:
            yield point


def _canonical(decomposition: str) -> str:
    parts = decomposition.split()
    return "" if parts[0].startswith("<") else "".join(chr(int(p, 16)) for p in parts)


def _ranges(characters: Iterable[str]) -> str:
    """The inside of a regular-expression class that holds these characters."""
    runs: list[list[int]] = []
    for point in sorted(map(ord, set(characters))):
        if runs and point == runs[-1][1] + 1:
            runs[-1][1] = point
        else:
            runs.append([point, point])
    return "".join(f"{re.escape(chr(a))}-{re.escape(chr(b))}" for a, b in runs)
