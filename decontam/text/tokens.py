"""Text as tokens that know where they stand in the original."""

from __future__ import annotations

import re
from dataclasses import dataclass

from decontam.text.normalise import alphabet, chunks, normalise

VERSION = 1
"""Raise when the same text would give other tokens: an index is only good for one version."""

OPERATORS = frozenset("+-*/=<>^%")
"""Symbols that change the value of an expression; `5 + 3` and `5 - 3` are different problems."""

_ASCII = re.compile(r"[a-z0-9]+|[-+*/=<>^%$\\{}\[\]()_&|~@#]")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one text, in order."""

    words: list[str]
    starts: list[int]
    """Offset of each token's first character in the original text, in code points."""
    ends: list[int]
    """Offset after each token's last character in the original text, in code points."""


def words(text: str) -> list[str]:
    """The tokens of a text without their places: what `tokenize(text).words` is, and faster.

    A token is a run of letters or digits after NFKC and case folding, one symbol that carries
    meaning in mathematics or code, or one character of a script written without spaces.  White
    space and ordinary punctuation separate.
    """
    if text.isascii():
        return _ASCII.findall(text.lower())
    return alphabet().token.findall(normalise(text))


def tokenize(text: str) -> Tokens:
    """The tokens of a text with their spans in the original text."""
    if not text.isascii():
        return tokenize_any(text)
    found = list(_ASCII.finditer(text.lower()))
    return Tokens([f.group() for f in found], [f.start() for f in found], [f.end() for f in found])


def tokenize_any(text: str) -> Tokens:
    """The general path of `tokenize`; on ASCII text it gives the same, more slowly.

    A character that folds to several (`½`) lends its span to each token made of them.
    """
    folded: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end, piece in chunks(text):
        folded.append(piece)
        starts += [start] * len(piece)
        ends += [end] * len(piece)
    found = list(alphabet().token.finditer("".join(folded)))
    return Tokens(
        words=[f.group() for f in found],
        starts=[starts[f.start()] for f in found],
        ends=[ends[f.end() - 1] for f in found],
    )


def is_quantity(word: str) -> bool:
    """Whether a token is a number, holds one (`3x`), or is an arithmetic operator."""
    return word in OPERATORS or any(c.isdigit() for c in word)
