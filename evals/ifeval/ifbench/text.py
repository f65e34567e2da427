"""What several families of checks read in a text."""

from __future__ import annotations

import re
import string
import unicodedata

PUNCTUATION = string.punctuation
EDGES = string.punctuation + " "
CONSONANTS = frozenset("bcdfghjklmnpqrstvwxyz")
VOWELS = frozenset("aeiou")

_WORD = re.compile(r"\w+")
_NO_PUNCTUATION = str.maketrans("", "", PUNCTUATION)


def alphanumeric_runs(text: str) -> list[str]:
    """Runs of letters, digits and underscores."""
    return _WORD.findall(text)


def without_punctuation(text: str) -> str:
    """The text less its ASCII punctuation, so that `3.14` is `314` and `don't` is `dont`."""
    return text.translate(_NO_PUNCTUATION)


def bare_words(text: str) -> list[str]:
    """Words between white space, less all their ASCII punctuation, none of them empty."""
    return without_punctuation(text).split()


def plain_letters(text: str) -> str:
    """The text in ASCII: accents dropped, other characters too."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
