"""The prompts of all items as numbers, over a vocabulary of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from decontam.items import MIN_TOKENS, Item
from decontam.tokens import words

UNKNOWN = 0
"""A token that no prompt holds; it also stands between turns, so no n-gram crosses it."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """An item's prompt as token ids."""

    item: Item
    ids: tuple[int, ...]
    reason: str | None
    """Why the item cannot be found, or None."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Prompts:
    """Every item's prompt, in the order of the items, and the vocabulary that numbers them."""

    prompts: tuple[Prompt, ...]
    vocabulary: dict[str, int]

    def encode(self, text: str) -> list[int]:
        """The tokens of any text as ids; tokens that no prompt holds are `UNKNOWN`."""
        known = self.vocabulary
        return [known.get(word, UNKNOWN) for word in words(text)]

    def indexed(self) -> Iterable[tuple[int, Prompt]]:
        """The prompts that can be found, with their item's place."""
        return ((i, p) for i, p in enumerate(self.prompts) if p.reason is None)


def read_prompts(items: Sequence[Item]) -> Prompts:
    """Tokenise the prompts of all items.

    Raises:
        ValueError: not one item has a prompt that can be found.
    """
    vocabulary: dict[str, int] = {}
    prompts = []
    for item in items:
        ids = tuple(vocabulary.setdefault(w, len(vocabulary) + 1) for w in words(item.prompt))
        prompts.append(Prompt(item, ids, _reason(item, len(ids))))
    if all(p.reason for p in prompts):
        raise ValueError(
            f"none of {len(items)} items can be indexed (the first: {prompts[0].reason}); "
            "check that 'prompt' holds the benchmark's question"
        )
    return Prompts(tuple(prompts), vocabulary)


def _reason(item: Item, tokens: int) -> str | None:
    if not item.prompt.strip():
        return "empty prompt"
    if tokens < MIN_TOKENS:
        return f"prompt of {tokens} tokens; at least {MIN_TOKENS} are needed"
    return None
