"""Pairs of a window and a prompt that share their shingles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from decontam.similar.banding import Banding, Table, banding
from decontam.similar.settings import Settings
from decontam.similar.shingles import (
    Hasher,
    Signatures,
    estimate,
    jaccard,
    shingles,
    window_minima,
)
from decontam.similar.windows import PIECE, QUARTERS, Text, cut, ladder, rung

Span = tuple[int, int]
"""Tokens of a text, the end excluded."""


@dataclass(frozen=True, slots=True)
class Shared:
    """An item's prompt that a window of a text shares its shingles with."""

    item: int
    """Place of the item among the items."""
    span: Span
    jaccard: float
    """Exact, of the shingle sets."""


@dataclass(frozen=True, slots=True)
class Rung:
    """The items whose prompts are compared with windows of one size."""

    size: int
    items: tuple[int, ...]
    signatures: Signatures
    table: Table


@dataclass(frozen=True, slots=True)
class Shingled:
    """An index of prompts by their shingles."""

    settings: Settings
    banding: Banding
    hasher: Hasher
    rungs: tuple[Rung, ...]
    lengths: Mapping[int, int]
    """Tokens of each item's prompt."""
    sets: Mapping[int, frozenset[str]]

    @classmethod
    def of(cls, prompts: Mapping[int, Text], settings: Settings) -> Shingled:
        """Index prompts by their item's place."""
        hasher = Hasher.of(settings.shingle, settings.permutations, settings.seed)
        choice = banding(settings.jaccard, settings.permutations, settings.miss)
        sizes = ladder(map(len, prompts.values()))
        groups: dict[int, list[int]] = {size: [] for size in sizes}
        for item, prompt in prompts.items():
            groups[rung(sizes, len(prompt))].append(item)
        return cls(
            settings=settings,
            banding=choice,
            hasher=hasher,
            rungs=tuple(_rung(size, group, prompts, hasher, choice) for size, group in
                        groups.items()),
            lengths={item: len(prompt) for item, prompt in prompts.items()},
            sets={i: shingles(p.line, settings.shingle) for i, p in prompts.items()},
        )  # fmt: skip

    def find(self, text: Text) -> list[Shared]:
        """The items that windows of a text share their shingles with, each once, at its best
        window."""
        best: dict[int, Shared] = {}
        for item, span in sorted(set(self._likely(text))):
            if (shared := self._verified(text, item, span)) is not None:
                best[item] = max(best.get(item, shared), shared, key=lambda s: s.jaccard)
        return [best[item] for item in sorted(best)]

    def _likely(self, text: Text) -> Iterator[tuple[int, Span]]:
        """Items and windows whose signatures make the threshold possible."""
        longest = self.rungs[-1].size if self.rungs else 0
        for first, end in cut(len(text), PIECE + longest, PIECE):
            tokens = self.hasher.tokens(text, first, end)
            for step in self.rungs:
                for item, (low, high) in _matches(tokens, step, self.settings.jaccard / 2):
                    yield item, (first + low, first + high)

    def _verified(self, text: Text, item: int, span: Span) -> Shared | None:
        """The pair at the best ends near the window, if it is similar enough there."""
        size = self.settings.shingle

        def score(at: Span) -> float:
            return jaccard(shingles(text.part(*at), size), self.sets[item])

        found = score(span)
        step = -(-self.lengths[item] // QUARTERS)
        while step and found >= self.settings.jaccard / 2:
            moved = max(_moves(span, step, len(text)), key=score, default=span)
            better = score(moved)
            span, found, step = (
                (moved, better, step) if better > found else (span, found, step // 2)
            )
        return Shared(item, span, found) if found >= self.settings.jaccard else None


def _moves(span: Span, step: int, count: int) -> Iterator[Span]:
    """Windows with one end moved, or both."""
    first, end = span
    for low, high in ((step, 0), (-step, 0), (0, step), (0, -step), (step, step), (-step, -step)):
        moved = max(0, first + low), min(count, end + high)
        if moved[0] < moved[1] and moved != span:
            yield moved


def _matches(tokens: Signatures, step: Rung, least: float) -> Iterator[tuple[int, Span]]:
    """Candidates whose estimate reaches `least`: half the threshold is five standard errors below
    it, so this loses none that banding found."""
    windows = window_minima(tokens, step.size)
    pairs = step.table.candidates(windows)
    close = estimate(windows[pairs[:, 0]], step.signatures[pairs[:, 1]]) >= least
    spans = cut(len(tokens), step.size, step.size // QUARTERS)
    for window, entry in pairs[close].tolist():
        yield step.items[entry], spans[window]


def _rung(
    size: int, items: Sequence[int], prompts: Mapping[int, Text], hasher: Hasher, choice: Banding
) -> Rung:
    signatures = np.concatenate([hasher.whole(prompts[item]) for item in items])
    return Rung(size, tuple(items), signatures, Table.of(signatures, choice))
