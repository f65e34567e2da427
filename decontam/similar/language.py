"""Whether two texts are in two languages, as far as their letters and words tell."""

from __future__ import annotations

import functools
import unicodedata
from collections import Counter

from decontam.text.tokens import words

LETTERS = 8
"""Fewer letters do not show a text's script."""

WORDS = 5
"""Fewer words do not show how many two languages share."""

_KINDS = {"HIRAGANA": "KANA", "KATAKANA": "KANA", "FULLWIDTH": "LATIN"}


def crosses(left: str, right: str, overlap: float) -> bool:
    """Whether two texts that say the same probably say it in two languages.

    True if most of their letters are of different scripts, or if their words overlap less than
    `overlap`.  At 0.1 that holds for 65 to 88 % of MGSM's French, German, Spanish and Swahili
    questions against their English originals, for all in its six other scripts, and for none of
    the tests' English paraphrases (least overlap 0.12).

    What it cannot tell: whether the texts say the same at all, which only embeddings or a judge
    say; a thorough paraphrase with no word in common from a translation; a translation between
    languages that share many words (names, loans, Norwegian and Danish) from a paraphrase; and a
    text of formulas or code, which has no language.
    """
    scripts = {script(left), script(right)} - {None}
    return len(scripts) == 2 or word_overlap(left, right) < overlap


def script(text: str) -> str | None:
    """The script of more than half of a text's letters, by their Unicode names; None if there is
    no such script or the letters are too few."""
    counts = Counter(_script(c) for c in text if c.isalpha())
    total = counts.total()
    if total < LETTERS:
        return None
    name, count = counts.most_common(1)[0]
    return name if 2 * count > total else None


def word_overlap(left: str, right: str) -> float:
    """Distinct words that two texts share, over those of the one with fewer; numbers and symbols,
    which a translation keeps, do not count.  1.0 where either has too few to tell."""
    a, b = ({w for w in words(text) if w.isalpha()} for text in (left, right))
    least = min(len(a), len(b))
    return len(a & b) / least if least >= WORDS else 1.0


@functools.lru_cache(maxsize=65_536)
def _script(letter: str) -> str:
    name = unicodedata.name(letter, "UNKNOWN").split()[0].split("-")[0]
    return _KINDS.get(name, name)
