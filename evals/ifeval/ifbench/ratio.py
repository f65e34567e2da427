"""Constraints on the share of something in a text."""

from __future__ import annotations

from collections.abc import Mapping

from evals.ifeval.ifbench.kind import Kind
from evals.ifeval.ifbench.stop_words import STOP_WORDS
from evals.ifeval.ifbench.text import alphanumeric_runs
from evals.ifeval.offline import sentences


def trigram_overlap(text: str, *, reference: str, percentage: float) -> bool:
    """Of the text's different character trigrams, `percentage` +- 2 % are in the reference too."""
    own = _trigrams(text)
    if not own:
        return False
    return abs(100 * len(own & _trigrams(reference)) / len(own) - percentage) <= 2


def _trigrams(text: str) -> set[str]:
    return {text[i : i + 3] for i in range(len(text) - 2)}


def balanced_sentences(text: str) -> bool:
    """As many sentences end in `.` as in `?` and in `!`."""
    return _ending(text, ".") == _ending(text, "?") == _ending(text, "!")


def two_to_one(text: str) -> bool:
    """Twice as many sentences end in `.` as in `?`."""
    return _ending(text, ".") == 2 * _ending(text, "?")


def _ending(text: str, mark: str) -> int:
    return sum(sentence.endswith(mark) for sentence in sentences(text))


def equal_sentences(text: str) -> bool:
    """Three sentences with the same number of characters."""
    lengths = [len(sentence.strip()) for sentence in sentences(text)]
    return len(lengths) == 3 and len(set(lengths)) == 1


def few_stop_words(text: str, *, percentage: float) -> bool:
    """At most `percentage` of the words are stop words."""
    words = [word.lower() for word in alphanumeric_runs(text)]
    return bool(words) and 100 * sum(w in STOP_WORDS for w in words) / len(words) <= percentage


KINDS: Mapping[str, Kind] = {
    "ratio:overlap": Kind(
        trigram_overlap, {"reference_text": "reference", "percentage": "percentage"}
    ),
    "ratio:sentence_balance": Kind(balanced_sentences),
    "ratio:sentence_type": Kind(two_to_one),
    "ratio:sentence_words": Kind(equal_sentences),
    "ratio:stop_words": Kind(few_stop_words, {"percentage": "percentage"}),
}
