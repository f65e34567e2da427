"""Constraints on one sentence after another."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from evals.ifeval.ifbench.kind import Kind
from evals.ifeval.ifbench.text import EDGES, bare_words
from evals.ifeval.offline import sentences


def growing_alliteration(text: str) -> bool:
    """Each sentence has more words that share their neighbour's first letter than the last."""
    lengths = [_alliterative(sentence) for sentence in sentences(text)]
    return all(a < b for a, b in itertools.pairwise(lengths))


def _alliterative(sentence: str) -> int:
    """Words in runs of two or more with the same first letter."""
    words = (word.lstrip(EDGES) for word in sentence.lower().split())
    runs = itertools.groupby(word[0] for word in words if word)
    return sum(n for n in (len(list(run)) for _, run in runs) if n > 1)


def growing_length(text: str, *, by: int) -> bool:
    """Each sentence has `by` words more than the one before."""
    lengths = [len(bare_words(sentence)) for sentence in sentences(text)]
    return all(b - a == by for a, b in itertools.pairwise(lengths))


def keyword_in_sentence(text: str, *, word: str, n: int) -> bool:
    """The `n`-th sentence has the keyword, as a word, case aside."""
    nth = sentences(text)[n - 1 : n]
    return any(re.search(rf"\b{re.escape(word)}\b", s, re.IGNORECASE) for s in nth)


KINDS: Mapping[str, Kind] = {
    "sentence:alliteration_increment": Kind(growing_alliteration),
    "sentence:increment": Kind(growing_length, {"small_n": "by"}),
    "sentence:keyword": Kind(keyword_in_sentence, {"word": "word", "N": "n"}),
}
