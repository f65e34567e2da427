"""How much each token of a prompt tells it from the other items of its benchmark."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

LEAST_ITEMS = 1000
"""A token of a benchmark with fewer items is weighed as if there were this many, so that a single
item still has distinctive tokens."""

Gram = tuple[int, ...]


def template_limit(items: int) -> float:
    """An n-gram in more items of a benchmark than this is template."""
    return max(2.0, items / 100)


class Information:
    """Counts over the distinct prompts of one benchmark."""

    def __init__(self, prompts: Iterable[Gram]) -> None:
        """Count in how many distinct prompts each 1-, 2- and 3-gram stands."""
        self._counts: Counter[Gram] = Counter()
        distinct = sorted(set(prompts))
        for prompt in distinct:
            self._counts.update({g for n in (1, 2, 3) for g in ngrams(prompt, n)})
        self._limit = template_limit(len(distinct))
        self._items = max(len(distinct), LEAST_ITEMS)

    def bits(self, prompt: Gram) -> dict[int, float]:
        """Information of each distinct token in bits: how surprising it is, given its neighbours.

        At each place it is the least of -log2 P(token) and of -log2 P(token | context) over the one
        and two tokens before and after, where a context that stands in enough items to be template
        is trusted and asked about the other items only; a token that stands at several places has
        the least of them.  So the words of a template carry almost nothing, and what fills its
        slots much.
        """
        bits: dict[int, float] = {}
        for place, token in enumerate(prompt):
            bits[token] = min(bits.get(token, math.inf), self._token(prompt, place))
        return bits

    def _token(self, prompt: Gram, i: int) -> float:
        least = math.log2(self._items / self._counts[prompt[i : i + 1]])
        for context, joint in _contexts(prompt, i):
            others, agree = self._counts[context] - 1, self._counts[joint] - 1
            if others >= self._limit and agree:
                least = min(least, math.log2(others / agree))
        return least


def ngrams(ids: Sequence[int], n: int) -> Iterator[Gram]:
    """The n-grams of a sequence, in order."""
    return zip(*(ids[k:] for k in range(n)), strict=False)


def _contexts(prompt: Gram, i: int) -> Iterator[tuple[Gram, Gram]]:
    for width in (1, 2):
        if i >= width:
            yield prompt[i - width : i], prompt[i - width : i + 1]
        if i + width < len(prompt):
            yield prompt[i + 1 : i + 1 + width], prompt[i : i + 1 + width]
