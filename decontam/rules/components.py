"""The components of items, and what their n-grams weigh, for the rule of allenai/decon."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from decontam.items.entries import Entries
from decontam.items.item import Item
from decontam.policy import Decon
from decontam.text.tokens import words

Gram = tuple[str | None, ...]
Text = Sequence[str | None]
"""The tokens of a row; None stands between turns."""

TINY = 1e-9
"""Sums of logarithms that are equal on paper differ by less."""

WEIGHTLESS = "every n-gram of its prompt stands in all items, and this rule weighs such as nothing"
"""The reason of items that cannot be found but count among those that n-grams are weighed by."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The tokens of an item's components, and what their distinct n-grams weigh: ln(items / items
    that hold the n-gram), or for a short answer the same of its tokens."""

    question: Sequence[str]
    answer: Sequence[str]
    passage: Sequence[str]
    question_weights: Mapping[Gram, float]
    answer_weights: Mapping[Gram, float]
    passage_weights: Mapping[Gram, float]

    def length(self) -> int:
        """Tokens that the demand on the score depends on; those of the answer once each."""
        return len(self.question) + len(set(self.answer)) + len(self.passage)


def share(weights: Mapping[Gram, float], found: Iterable[Gram]) -> float:
    """Share of the weight that these n-grams carry, each once; 0 where nothing weighs anything."""
    total = math.fsum(weights.values())
    present = math.fsum(weights[gram] for gram in set(found) if gram in weights)
    return present / total if total > TINY else 0.0


def ngrams(text: Text, n: int) -> Iterator[Gram]:
    """The n-grams of a text, in order."""
    return zip(*(text[k:] for k in range(n)), strict=False)


class Weights:
    """What n-grams weigh among all items that are looked for, the weightless ones included; each
    kind is counted when it is first asked for."""

    def __init__(self, rule: Decon, entries: Entries) -> None:
        """Read the items' components."""
        self._rule = rule
        self._texts = {
            place: _components(entry.item)
            for place, entry in enumerate(entries.entries)
            if entry.reason in (None, WEIGHTLESS)
        }

    def question(self, place: int) -> tuple[list[str], dict[Gram, float]]:
        """An item's question, and what its distinct n-grams weigh."""
        question, _, _ = self._texts[place]
        return question, self._weights(self._questions, ngrams(question, self._rule.n))

    def parts(self, place: int) -> Parts:
        """Everything that is known of an item."""
        question, weights = self.question(place)
        _, answer, passage = self._texts[place]
        long = self._long(answer)
        counts, n = (self._answers, self._rule.answer_n) if long else (self._tokens, 1)
        return Parts(
            question, answer, passage,
            weights,
            self._weights(counts, ngrams(answer, n)),
            self._weights(self._passages, ngrams(passage, self._rule.passage_n)),
        )  # fmt: skip

    def _weights(self, counts: Counter[Gram], grams: Iterable[Gram]) -> dict[Gram, float]:
        return {gram: math.log(len(self._texts) / counts[gram]) for gram in grams}

    @functools.cached_property
    def _questions(self) -> Counter[Gram]:
        return _counted(ngrams(q, self._rule.n) for q, _, _ in self._texts.values())

    @functools.cached_property
    def _answers(self) -> Counter[Gram]:
        long = (a for _, a, _ in self._texts.values() if self._long(a))
        return _counted(ngrams(a, self._rule.answer_n) for a in long)

    @functools.cached_property
    def _passages(self) -> Counter[Gram]:
        return _counted(ngrams(p, self._rule.passage_n) for _, _, p in self._texts.values())

    @functools.cached_property
    def _tokens(self) -> Counter[Gram]:
        return _counted(ngrams(text, 1) for parts in self._texts.values() for text in parts)

    def _long(self, answer: Sequence[str]) -> bool:
        return len(answer) > self._rule.short_answer


def _counted(of_item: Iterable[Iterable[Gram]]) -> Counter[Gram]:
    return Counter(gram for grams in of_item for gram in set(grams))


def _components(item: Item) -> tuple[list[str], list[str], list[str]]:
    return words(item.prompt), words(item.answer or ""), words(item.passage or "")
