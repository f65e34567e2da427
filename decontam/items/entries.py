"""The texts of the items that are looked for, as numbers over a vocabulary of their own."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from decontam.items.item import MIN_TOKENS, Item
from decontam.text.scanner import Hashes, token_hashes
from decontam.text.tokens import words

Part = Literal["prompt", "answer", "passage"]
Ints = NDArray[np.int64]

UNKNOWN = -1
"""A token that no entry holds."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One part of an item as token ids."""

    item: Item
    part: Part
    ids: tuple[int, ...]
    reason: str | None
    """Why it cannot be found, or None."""

    @property
    def text(self) -> str:
        """What the part says."""
        text: str | None = getattr(self.item, self.part)
        return text or ""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Vocabulary:
    """The distinct tokens of all entries; a token's id is its place."""

    words: tuple[str, ...]
    """In the order of their hashes."""
    hashes: Hashes
    """Ascending, all distinct."""

    @functools.cached_property
    def ids(self) -> dict[str, int]:
        """Token -> id."""
        return {word: place for place, word in enumerate(self.words)}

    def encode(self, found: Iterable[str]) -> list[int]:
        """Tokens as ids; those that no entry holds are `UNKNOWN`."""
        ids = self.ids
        return [ids.get(word, UNKNOWN) for word in found]


@dataclass(frozen=True, slots=True)
class Entries:
    """What is looked for: the prompts of all items, in order, then their other parts."""

    items: tuple[Item, ...]
    entries: tuple[Entry, ...]
    """Entry k is the prompt of item k, for every item; then come answers and passages."""
    vocabulary: Vocabulary

    def indexed(self) -> list[tuple[int, Entry]]:
        """The entries that can be found, with their places."""
        return [(k, e) for k, e in enumerate(self.entries) if e.reason is None]

    def groups(self) -> list[list[int]]:
        """Places of the entries that can be found, by benchmark and part: what is told apart."""
        groups: dict[tuple[str, Part], list[int]] = {}
        for place, entry in self.indexed():
            groups.setdefault((entry.item.benchmark, entry.part), []).append(place)
        return list(groups.values())


@dataclass(frozen=True, slots=True)
class Ragged:
    """Numbers of several texts, one after the other."""

    values: Ints
    bounds: Ints
    """Text i is `values[bounds[i]:bounds[i + 1]]`."""

    @classmethod
    def of(cls, texts: Sequence[Sequence[int]]) -> Ragged:
        """Lay texts one after the other."""
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        bounds = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        flat = itertools.chain.from_iterable(texts)
        return cls(np.fromiter(flat, dtype=np.int64, count=int(bounds[-1])), bounds)

    @property
    def owners(self) -> Ints:
        """The text of each number."""
        return np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))

    def fits(self, n: int) -> NDArray[np.bool_]:
        """Whether an n-gram that begins at each number ends in the same text."""
        ends = np.repeat(self.bounds[1:], np.diff(self.bounds))
        room: NDArray[np.bool_] = np.arange(len(self.values)) + n <= ends
        return room


def read_entries(
    items: Sequence[Item],
    answers: int | None = None,
    passages: int | None = None,
    unfit: Callable[[Item], str | None] = lambda _: None,
) -> Entries:
    """Tokenise what is looked for.

    Args:
        items: At least one.
        answers: Least tokens of an answer that is looked for by itself; None for none.
        passages: The same for passages.
        unfit: Why the rule in use cannot find an item that others could, or None.

    Raises:
        ValueError: not one item has a prompt that can be found.
    """
    numbers: dict[str, int] = {}

    def entry(item: Item, part: Part, text: str) -> Entry:
        ids = tuple(numbers.setdefault(w, len(numbers)) for w in words(text))
        reason = _reason(text, len(ids)) or unfit(item) if part == "prompt" else None
        return Entry(item, part, ids, reason)

    entries = [entry(item, "prompt", item.prompt) for item in items]
    if all(e.reason for e in entries):
        raise ValueError(
            f"none of {len(items)} items can be indexed (the first: {entries[0].reason}); "
            "check that 'prompt' holds the benchmark's question"
        )
    for item, prompt in zip(items, tuple(entries), strict=True):
        if prompt.reason is None:
            parts = (("answer", item.answer, answers), ("passage", item.passage, passages))
            for part, text, least in parts:
                if text and least and len(found := entry(item, part, text)) >= least:  # type: ignore[arg-type]
                    entries.append(found)
    return _numbered(items, entries, list(numbers))


def _numbered(items: Sequence[Item], entries: Sequence[Entry], found: Sequence[str]) -> Entries:
    """Give every token the place of its hash as id."""
    hashes = np.concatenate([token_hashes(word) for word in found])
    order = np.argsort(hashes)
    if len(np.unique(hashes)) != len(found):
        raise ValueError("two tokens of the items have the same 64-bit hash; report this as a bug")
    place = np.empty(len(found), dtype=np.int64)
    place[order] = np.arange(len(found))
    to = place.tolist()
    vocabulary = Vocabulary(tuple(found[k] for k in order), hashes[order])
    renumbered = (Entry(e.item, e.part, tuple(to[t] for t in e.ids), e.reason) for e in entries)
    return Entries(tuple(items), tuple(renumbered), vocabulary)


def _reason(text: str, tokens: int) -> str | None:
    if not text.strip():
        return "empty prompt"
    if tokens < MIN_TOKENS:
        return f"prompt of {tokens} tokens; at least {MIN_TOKENS} are needed"
    return None
