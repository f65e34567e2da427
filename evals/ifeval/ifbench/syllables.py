"""How many syllables an English word has, by its spelling.

A heuristic: English spelling does not tell for sure (`naked`, `baked`).  Its agreement with a
dictionary is in `docs/ifbench.md`.
"""

from __future__ import annotations

import re

_VOWELS = re.compile(r"[aeiouy]+")
_SILENT = re.compile(
    r"""
    (?:[^aeiouyl]|[aeiouy]l|ll|qu|gu)e\Z              # make, whole, unique; not table
    | [^aeiouydt]ed\Z                                 # played, robbed; not wanted
    | [^aeiouycgsxz](?<!sh)(?<!ch)(?<![^aeiouy]l)es\Z # makes; not boxes, wages, tables
    | (?<=[aeiouy][bdfgklmnprstvz])e(?=(?:ly|less|ness|ful|ments?|some|where|thing)\Z)  # lately
    """,
    re.VERBOSE,
)
_HIATUS = re.compile(
    r"""
    (?<![tcsgx])i[ao](?!u)                            # dialect, violet; not nation, social
    | (?<=[rvldnb])iou                                # various; not precious
    | (?<!g)eo(?!u) | iu | uou | (?<![qg])u[ao]       # video, genius, strenuous, usual
    | (?<![ct])ie(?=t|r\Z|nt|nc)                      # quiet, happier, client
    | (?<=[aeou])y(?=[aeiou])(?!ed\Z|es?\Z)           # beyond, player; not played
    | [ey]ing\Z | rea(?=te|ti|to|li[tz]|ct) | oe[tm]  # seeing, create, poem
    | (?<![qg])ue(?=l|n[tc]|t\Z)                      # cruel, fluent
    """,
    re.VERBOSE,
)
_SYLLABIC = re.compile(r"(?:[^aeiouyl]led|sms?|thms?)\Z")
"""A syllable without a vowel of its own: handled, prism, rhythm."""

_IRREGULAR = {
    "acre": 2, "area": 3, "areas": 3, "are": 1, "being": 2, "beloved": 3, "business": 2,
    "colonel": 2, "different": 2, "does": 1, "every": 2, "everyone": 3, "everything": 3, "eye": 1,
    "eyes": 1, "favorite": 3, "framework": 2, "going": 2, "doing": 2, "element": 3,
    "elements": 3, "hundred": 2, "idea": 3,
    "ideas": 3, "interesting": 3, "linear": 3, "maybe": 2, "moreover": 3, "naked": 2,
    "nuclear": 3, "people": 2, "real": 1, "recipe": 3, "sacred": 2, "several": 2, "science": 2,
    "society": 4, "simile": 3, "something": 2, "the": 1, "therefore": 2, "wicked": 2,
}  # fmt: skip


def syllables(word: str) -> int:
    """Syllables of a word in lower case; 0 for one with a digit or without a letter."""
    if any(c.isdigit() for c in word) or not any(c.isalpha() for c in word):
        return 0
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    sounded = len(_VOWELS.findall(word)) + len(_HIATUS.findall(word))
    return max(1, sounded - len(_SILENT.findall(word)) + len(_SYLLABIC.findall(word)))
