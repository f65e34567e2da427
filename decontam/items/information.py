"""How much each token of a text tells it from the other texts of its group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decontam.items.entries import Ints, Ragged
from decontam.text.scanner import Hashes, gram_keys

LEAST_ITEMS = 1000
"""A token of a benchmark with fewer items is weighed as if there were this many, so that a single
item still has distinctive tokens."""

Floats = NDArray[np.float64]


def template_limit(items: int) -> float:
    """An n-gram in more items of a benchmark than this is template."""
    return max(2.0, items / 100)


@dataclass(frozen=True, slots=True)
class Bits:
    """Information of the distinct tokens of several texts; arrays of one length."""

    text: Ints
    token: Ints
    bits: Floats
    count: Ints
    """How often the token stands in the text."""


class Group:
    """The texts of one benchmark and part, and in how many of them each n-gram stands."""

    def __init__(self, texts: Sequence[tuple[int, ...]], hashes: Hashes) -> None:
        """Gather texts.

        Args:
            texts: Token ids of each; equal texts count once.
            hashes: Hash of each token id.
        """
        place = {text: k for k, text in enumerate(sorted(set(texts)))}
        self.distinct = Ragged.of(list(place))
        self.size = len(place)
        self.limit = template_limit(self.size)
        self.places = [place[text] for text in texts]
        """Of each text given, its distinct text."""
        self._hashes = hashes[self.distinct.values]

    def counts(self, n: int) -> Ints:
        """In how many distinct texts the n-gram at each place of `distinct` stands; 0 where none
        fits."""
        found = np.zeros(len(self.distinct.values), dtype=np.int64)
        at = np.flatnonzero(self.distinct.fits(n))
        if len(at):
            keys, owners = gram_keys(self._hashes, n)[at], self.distinct.owners[at]
            order = np.argsort(keys, kind="stable")  # so that the owners of a key stay in order
            keys, owners = keys[order], owners[order]
            first = np.append(True, keys[1:] != keys[:-1])
            holds = first | np.append(True, owners[1:] != owners[:-1])
            begins = np.flatnonzero(first)
            counts = np.add.reduceat(holds.astype(np.int64), begins)
            found[at[order]] = np.repeat(counts, np.diff(np.append(begins, len(keys))))
        return found

    def first(self, n: int) -> NDArray[np.bool_]:
        """Whether the n-gram at each place of `distinct` fits, and stands there for the first time
        in its text."""
        first = np.zeros(len(self.distinct.values), dtype=np.bool_)
        at = np.flatnonzero(self.distinct.fits(n))
        if len(at):
            keys, owners = gram_keys(self._hashes, n)[at], self.distinct.owners[at]
            order = np.lexsort((keys, owners))
            keys, owners = keys[order], owners[order]
            new = np.append(True, (keys[1:] != keys[:-1]) | (owners[1:] != owners[:-1]))
            first[at[order[new]]] = True
        return first

    def bits(self) -> Bits:
        """Information of each distinct token in bits: how surprising it is, given its neighbours.

        At each place it is the least of -log2 P(token) and of -log2 P(token | context) over the one
        and two tokens before and after, where a context that stands in enough texts to be template
        is trusted and asked about the other texts only; a token that stands at several places has
        the least of them.  So the words of a template carry almost nothing, and what fills its
        slots much.
        """
        tokens, owners = self.distinct.values, self.distinct.owners
        order = np.lexsort((tokens, owners))
        first = np.flatnonzero(
            np.diff(owners[order], prepend=-1) | np.diff(tokens[order], prepend=-1)
        )
        least = np.minimum.reduceat(self._surprise()[order], first)
        counts = np.diff(np.append(first, len(order)))
        owners, tokens = owners[order][first], tokens[order][first]
        most = np.lexsort((tokens, -least, owners))  # what says most comes first
        return self._given(Bits(owners[most], tokens[most], least[most], counts[most]))

    def _surprise(self) -> Floats:
        one, two, three = (self.counts(n) for n in (1, 2, 3))
        least = np.log2(max(self.size, LEAST_ITEMS) / one)
        for context, joint, width in ((one, two, 1), (two, three, 2)):
            # The context stands before the token: both n-grams begin `width` places earlier ...
            _lower(least[width:], context[:-width], joint[:-width], self.limit)
            # ... or after it: the context begins one place later, the joint n-gram here.
            _lower(least[:-1], context[1:], joint[:-1], self.limit)
        return least

    def _given(self, bits: Bits) -> Bits:
        """Of the distinct texts -> of the texts given, in their order."""
        begins = np.searchsorted(bits.text, np.arange(self.size + 1))
        picks = [np.arange(begins[k], begins[k + 1]) for k in self.places]
        pick = np.concatenate(picks)
        text = np.repeat(np.arange(len(picks)), [len(p) for p in picks])
        return Bits(text, bits.token[pick], bits.bits[pick], bits.count[pick])


def _lower(least: Floats, context: Ints, joint: Ints, limit: float) -> None:
    """Lower `least` where the context is template and agrees with the token."""
    others, agree = context - 1, joint - 1
    where = (others >= limit) & (agree > 0)
    least[where] = np.minimum(least[where], np.log2(others[where] / agree[where]))
