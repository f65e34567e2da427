"""Pairs of a window and a prompt that share their shingles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from decontam.similar.banding import Banding, Table, banding
from decontam.similar.settings import Settings
from decontam.similar.shingles import (
    Hasher,
    Hashes,
    Signatures,
    estimate,
    jaccard,
    shingle_hashes,
    shingles,
    window_minima,
)
from decontam.similar.windows import QUARTERS, Span, Text, ladder, rung

PIECE = 32_768
"""Shingles worked on at a time; with 128 permutations their minima take 4 MB."""

OFF_PLACE = 0.7
"""Least share of a pair's similarity that the best window has, which may be an eighth of the prompt
off its place and a quarter too long."""

SHORTEST = 0.85
"""Least tokens of a window over those of the prompt, where the text has more."""


@dataclass(frozen=True, slots=True)
class Shared:
    """An item's prompt that a window of a text shares its shingles with."""

    text: int
    """Place of the text among those asked about."""
    item: int
    """Place of the item among the items."""
    span: Span
    """Tokens of the text."""
    jaccard: float
    """Exact, of the shingle sets."""


@dataclass(frozen=True, slots=True)
class Rung:
    """The items whose prompts are compared with windows of one size."""

    size: int
    """Shingles in a window."""
    least: int
    """Shingles of the shortest prompt."""
    items: tuple[int, ...]
    signatures: Signatures
    table: Table


@dataclass(frozen=True, slots=True)
class Piece:
    """The minima of a text, or of a stretch of a long one."""

    text: int
    low: int
    """Shingle it begins with."""
    shingles: int
    grid: Signatures


@dataclass(frozen=True, slots=True)
class Shingled:
    """An index of prompts by their shingles."""

    settings: Settings
    banding: Banding
    hasher: Hasher
    rungs: tuple[Rung, ...]
    """By ascending size."""
    tokens: Mapping[int, int]
    """Of each item's prompt."""
    sets: Mapping[int, frozenset[str]]

    @classmethod
    def of(cls, prompts: Mapping[int, Text], settings: Settings) -> Shingled:
        """Index prompts by their item's place; each has at least one token."""
        hasher = Hasher.of(settings.permutations, settings.seed)
        choice = banding(settings.jaccard, settings.permutations, settings.miss)
        hashes = {i: shingle_hashes(p.line, settings.shingle) for i, p in prompts.items()}
        sizes = ladder(map(len, hashes.values()))
        groups: dict[int, list[int]] = {size: [] for size in sizes}
        for item, hashed in hashes.items():
            groups[rung(sizes, len(hashed))].append(item)
        return cls(
            settings=settings,
            banding=choice,
            hasher=hasher,
            rungs=tuple(_rung(s, group, hashes, hasher, choice) for s, group in groups.items()),
            tokens={item: len(prompt) for item, prompt in prompts.items()},
            sets={i: shingles(p.line, settings.shingle) for i, p in prompts.items()},
        )

    def find(self, texts: Sequence[Text]) -> list[Shared]:
        """The items that windows of each text share their shingles with, each once a text, at its
        best window."""
        best: dict[tuple[int, int], Shared] = {}
        for text, item, span in sorted(set(self._likely(texts))):
            if (shared := self._verified(texts[text], text, item, span)) is not None:
                held = best.get((text, item), shared)
                best[text, item] = max(held, shared, key=lambda s: s.jaccard)
        return [best[key] for key in sorted(best)]

    def _likely(self, texts: Sequence[Text]) -> Iterator[tuple[int, int, Span]]:
        """Text, item and window of the pairs whose signatures make the threshold possible."""
        for pieces in _batches(self._pieces(texts)):
            for step in self.rungs:
                yield from _matches(texts, pieces, step, self.settings)

    def _pieces(self, texts: Sequence[Text]) -> Iterator[Piece]:
        longest = self.rungs[-1].size if self.rungs else 0
        for number, text in enumerate(texts):
            hashes = shingle_hashes(text.line, self.settings.shingle)
            # a piece reaches as far into the next as the longest window
            for low in range(0, max(len(hashes) - longest, min(len(hashes), 1)), PIECE):
                part = hashes[low : low + PIECE + longest]
                yield Piece(number, low, len(part), self.hasher.grid(part))

    def _verified(self, text: Text, number: int, item: int, span: Span) -> Shared | None:
        """The pair at the best ends near the window, if it is similar enough there."""
        size = self.settings.shingle

        def score(at: Span) -> float:
            return jaccard(shingles(text.part(at), size), self.sets[item])

        best, step = (score(span), span), -(-self.tokens[item] // QUARTERS)
        while step and best[0] >= OFF_PLACE * self.settings.jaccard:
            moves = _moves(best[1], step, self.tokens[item], len(text))
            moved = max(((score(m), m) for m in moves), key=itemgetter(0), default=best)
            best, step = (moved, step) if moved[0] > best[0] else (best, step // 2)
        found, span = best
        return Shared(number, item, span, found) if found >= self.settings.jaccard else None


def _moves(span: Span, step: int, tokens: int, count: int) -> Iterator[Span]:
    """Windows with one end moved or both, but no shorter than most of the prompt: that part of a
    question is alike is no sign that the whole one is."""
    least = min(math.ceil(SHORTEST * tokens), span[1] - span[0])
    for low, high in ((step, 0), (-step, 0), (0, step), (0, -step), (step, step), (-step, -step)):
        moved = max(0, span[0] + low), min(count, span[1] + high)
        if moved[1] - moved[0] >= least and moved != span:
            yield moved


def _batches(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    batch: list[Piece] = []
    held = 0
    for piece in pieces:
        batch.append(piece)
        held += piece.shingles
        if held >= PIECE:
            yield batch
            batch, held = [], 0
    yield batch


def _matches(
    texts: Sequence[Text], pieces: Sequence[Piece], step: Rung, settings: Settings
) -> Iterator[tuple[int, int, Span]]:
    """Candidates whose estimate reaches half the threshold: with the defaults 3.7 standard errors
    below it, so that 1 in 10,000 pairs that banding found is lost again."""
    long = [p for p in pieces if p.shingles >= settings.jaccard * step.least]
    if not long:
        return
    minima = [window_minima(piece.grid, step.size) for piece in long]
    owners = np.repeat(np.arange(len(long)), [len(m) for m in minima])
    places = np.concatenate([np.arange(len(m)) for m in minima]) * (step.size // QUARTERS)
    for window, entry in _close(np.concatenate(minima), step, settings.jaccard / 2):
        piece, low = long[owners[window]], int(places[window])
        begin = piece.low + low
        end = begin + min(step.size, piece.shingles - low) + settings.shingle - 1
        yield piece.text, step.items[entry], texts[piece.text].tokens((begin, end))


def _close(windows: Signatures, step: Rung, least: float) -> Iterator[tuple[int, int]]:
    pairs: NDArray[np.int64] = step.table.candidates(windows)
    close = estimate(windows[pairs[:, 0]], step.signatures[pairs[:, 1]]) >= least
    yield from pairs[close].tolist()


def _rung(
    size: int, items: Sequence[int], hashes: Mapping[int, Hashes], hasher: Hasher, choice: Banding
) -> Rung:
    signatures = np.stack([hasher.signature(hashes[item]) for item in items])
    least = min(len(hashes[item]) for item in items)
    return Rung(size, least, tuple(items), signatures, Table.of(signatures, choice))
