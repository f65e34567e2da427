"""An entry laid on a stretch of a row: how much of what makes it itself stands there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from decontam.policy import Distinctive
from decontam.rules.align import Alignment, align, swapped
from decontam.rules.pair import Hit, Pair
from decontam.text.tokens import is_quantity

LONG, SHORT = 8, 4
"""n of the token-match, for long and for short entries."""

Weights = Mapping[int, float]
"""Token -> information in bits."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a row that could hold an entry, by the tokens that stand there."""

    pair: Pair
    segment: int
    begin: int
    end: int
    hits: tuple[int, int]
    """Where in the segment the shared n-grams begin and end."""
    covered: frozenset[int]
    """Positions of the entry inside n-grams that it shares."""
    token_match: float
    ngram_match: float
    bound: float
    """Share of the entry's information that its tokens carry, in any order: alignment can only find
    less."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """An entry aligned with a window."""

    window: Window
    alignment: Alignment
    matched: frozenset[int]
    """Positions of the entry that the window holds, in runs or in shared n-grams."""
    share: float
    """Share of the entry's information that they carry."""

    @property
    def train(self) -> tuple[int, int]:
        """Token positions in the segment."""
        first, last = self.alignment.blocks[0], self.alignment.blocks[-1]
        return self.window.begin + first[0], self.window.begin + last[0] + last[2]

    @property
    def item(self) -> tuple[int, int]:
        """Token positions in the entry."""
        first, last = self.alignment.blocks[0], self.alignment.blocks[-1]
        return first[1], last[1] + last[2]


def match_n(rule: Distinctive, size: int) -> int:
    """n of the token-match of an entry of so many tokens."""
    return LONG if size >= rule.short else SHORT


def windows(rule: Distinctive, pair: Pair, bits: Weights) -> Iterator[Window]:
    """The stretches around shared n-grams that could hold the entry or its wording."""
    for segment in sorted({h.segment for h in pair.hits}):
        for hits in clusters([h for h in pair.hits if h.segment == segment], len(pair.entry)):
            window = _window(rule, pair, hits, bits)
            if window.bound > rule.reworded or window.token_match > rule.token_match:
                yield window


def stretch(
    rule: Distinctive, window: Window, bits: Weights, text: Sequence[str]
) -> Stretch | None:
    """Align an entry with a window, if that leaves enough.

    Args:
        rule: What is enough.
        window: Where.
        bits: Information of the entry's tokens.
        text: The entry's tokens.
    """
    ids, reading = window.pair.entry.ids, window.pair.scanned.readings[window.segment]
    alignment = align(reading.words(window.begin, window.end), text)
    matched = frozenset(alignment.positions() | window.covered)
    held = share(bits, (ids[k] for k in matched))
    if held <= rule.reworded and window.token_match <= rule.token_match:
        return None
    return Stretch(window, alignment, matched, held) if alignment.blocks else None


def holds(rule: Distinctive, found: Stretch, bits: Weights) -> bool:
    """Whether a stretch holds the item itself: no other numbers, nothing distinctive missing."""
    ids, text, held = found.window.pair.entry.ids, found.alignment.prompt, found.share
    if held <= rule.above or len(found.matched) < rule.standing * len(ids):
        return False
    if swapped(found.alignment) >= rule.swapped:
        return False
    if held * sum(bits.values()) >= rule.enough:
        return True
    present = {ids[k] for k in found.matched}
    return (
        found.window.token_match > rule.token_match
        and sum(b for token, b in bits.items() if token not in present) < rule.missing
        and len(found.matched) >= rule.coverage * len(ids)
        and all(k in found.matched for k, word in enumerate(text) if is_quantity(word))
    )


def clusters(hits: list[Hit], size: int) -> list[list[Hit]]:
    """Hits that may come from one copy of the prompt: their diagonals lie close together."""
    slack = drift(size)
    ordered = sorted(hits, key=lambda h: (h.at - h.position, h.at))
    groups = [[ordered[0]]]
    for hit in ordered[1:]:
        first = groups[-1][0]
        if hit.at - hit.position - (first.at - first.position) > 2 * slack:
            groups.append([])
        groups[-1].append(hit)
    return groups


def drift(size: int) -> int:
    """Tokens that edits may have put into or taken out of a copy of a prompt of `size` tokens."""
    return max(8, size // 4)


def share(bits: Weights, tokens: Iterable[int]) -> float:
    """Share of an entry's information that these tokens carry; 0 where it has none."""
    present, total = set(tokens), sum(bits.values())
    return sum(b for token, b in bits.items() if token in present) / total if total else 0.0


def _window(rule: Distinctive, pair: Pair, hits: list[Hit], bits: Weights) -> Window:
    ids, reading = pair.entry.ids, pair.scanned.readings[hits[0].segment]
    slack = drift(len(ids))
    begin = max(min(h.at - h.position for h in hits) - slack, 0)
    end = min(max(h.at - h.position for h in hits) + len(ids) + slack, len(reading))
    there = reading.ids(begin, end)
    covered, shared = _shared(ids, there, match_n(rule, len(ids)))
    return Window(
        pair=pair,
        segment=hits[0].segment,
        begin=begin,
        end=end,
        hits=(min(h.at for h in hits), max(h.at + h.n for h in hits)),
        covered=frozenset(covered),
        token_match=len(covered) / len(ids),
        ngram_match=shared,
        bound=share(bits, there),
    )


def _shared(ids: Sequence[int], window: Sequence[int], n: int) -> tuple[set[int], float]:
    """Positions of the entry inside n-grams that stand in the window, and the n-grams' share."""
    there = set(_ngrams(window, n))
    starts = [at for at, gram in enumerate(_ngrams(ids, n)) if gram in there]
    return {k for at in starts for k in range(at, at + n)}, len(starts) / (len(ids) - n + 1)


def _ngrams(ids: Sequence[int], n: int) -> Iterator[tuple[int, ...]]:
    return zip(*(ids[k:] for k in range(n)), strict=False)
