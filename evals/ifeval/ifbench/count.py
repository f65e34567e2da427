"""Constraints on how many of something a text has."""

from __future__ import annotations

import re
from collections.abc import Mapping

from evals.ifeval.ifbench.kind import Kind
from evals.ifeval.ifbench.text import EDGES, alphanumeric_runs, without_punctuation
from evals.ifeval.offline import tokens

COORDINATING = frozenset("and but for nor or so yet".split())

PRONOUNS = frozenset(
    """
    i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his
    himself she her hers herself it its itself they them their theirs themselves this that these
    those who whom whose which what whoever whomever whatever whichever anybody anyone anything
    everybody everyone everything nobody nothing somebody someone something each either neither
    both all some any none
    """.split()
)

NAMES = tuple(
    """
    Emma Liam Sophia Jackson Olivia Noah Ava Lucas Isabella Mason Mia Ethan Charlotte Alexander
    Amelia Benjamin Harper Leo Zoe Daniel Chloe Samuel Lily Matthew Grace Owen Abigail Gabriel Ella
    Jacob Scarlett Nathan Victoria Elijah Layla Nicholas Audrey David Hannah Christopher Penelope
    Thomas Nora Andrew Aria Joseph Claire Ryan Stella Jonathan
    """.split()
)
"""The names that the prompt lists."""

_NAME = re.compile(rf"\b(?:{'|'.join(NAMES)})\b")
_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_INTERROBANG = re.compile(r"\?!|!\?|\u203d")


def words_between(text: str, *, low: int, high: int) -> bool:
    """The text has between `low` and `high` words, both included."""
    return low <= len(alphanumeric_runs(text)) <= high


def unique_words(text: str, *, n: int) -> bool:
    """At least `n` different words, case aside."""
    return len({word.strip(EDGES) for word in text.lower().split()}) >= n


def conjunctions(text: str, *, n: int) -> bool:
    """At least `n` different coordinating conjunctions."""
    return len({word.strip(EDGES) for word in text.lower().split()} & COORDINATING) >= n


def numbers(text: str, *, n: int) -> bool:
    """Exactly `n` numbers; `100,000` and `3.14` are one each."""
    return len(re.findall(r"\d+", without_punctuation(text))) == n


def person_names(text: str, *, n: int) -> bool:
    """At least `n` different names of the prompt's list."""
    return len(set(_NAME.findall(text))) >= n


def pronouns(text: str, *, n: int) -> bool:
    """At least `n` pronouns, repeated ones too; `she/her` are two."""
    return sum(t in PRONOUNS for t in tokens(text.replace("/", " ").lower())) >= n


def punctuation(text: str) -> bool:
    """Every mark of `.,!?;:`, and an interrobang whose `?` and `!` do not count for them."""
    found = _INTERROBANG.search(text)
    if not found:
        return False
    first = next((m for m in ("?!", "!?") if m in text), found.group())
    return set(".,!?;:") <= set(text.replace(first, "", 1))


def keywords(text: str, **times: str) -> bool:
    """The five keywords stand in the text 1, 2, 3, 5 and 7 times, inside other words too."""
    wanted = zip(sorted(times), (1, 2, 3, 5, 7), strict=True)
    return all(text.lower().count(times[key].strip().lower()) == n for key, n in wanted)


def japanese_words(text: str, *, n: int) -> bool:
    """Every `n`-th word has Japanese characters, unless it is a number or a mark."""
    nth = (word.strip(EDGES) for word in text.split()[n - 1 :: n])
    return all(_JAPANESE.search(word) for word in nth if word and not word.isdigit())


KINDS: Mapping[str, Kind] = {
    "count:conjunctions": Kind(conjunctions, {"small_n": "n"}),
    "count:keywords_multiple": Kind(keywords, {f"keyword{i}": f"keyword{i}" for i in range(1, 6)}),
    "count:numbers": Kind(numbers, {"N": "n"}),
    "count:person_names": Kind(person_names, {"N": "n"}),
    "count:pronouns": Kind(pronouns, {"N": "n"}),
    "count:punctuation": Kind(punctuation),
    "count:unique_word_count": Kind(unique_words, {"N": "n"}),
    "count:word_count_range": Kind(words_between, {"min_words": "low", "max_words": "high"}),
    "count:words_japanese": Kind(japanese_words, {"N": "n"}),
}
