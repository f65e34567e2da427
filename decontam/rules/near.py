"""The default rule: the whole prompt, or most of what tells it from its benchmark's other items."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from decontam.items.entries import Entries, Part
from decontam.items.index import Grams, Index
from decontam.items.information import Bits, Group
from decontam.policy import EXACT_TOKENS, Distinctive, Label
from decontam.rules.align import Alignment, align, swapped
from decontam.rules.ngrams import clusters, drift
from decontam.rules.pair import Finding, Hit, Pair, longest_run, run_of, whole
from decontam.text.tokens import is_quantity, words

LONG, SEED, SHORT_SEED = 8, 5, 4
"""n of the token-match that is reported, and of the n-grams that are looked up, for long and for
short entries."""

BACKING = 0.5
"""Share of the options that a row must hold where several items have the same prompt."""

ALONE: Mapping[Part, Label] = {"answer": "answer_only", "passage": "passage_only"}


@dataclass(frozen=True, slots=True)
class Stretch:
    """An entry laid on one stretch of a row."""

    segment: int
    offset: int
    """Token position in the segment where the stretch begins."""
    alignment: Alignment
    matched: frozenset[int]
    """Positions of the entry that the stretch holds, in runs or in shared n-grams."""
    share: float
    """Share of the entry's information that they carry."""
    token_match: float
    ngram_match: float


def weigh(entries: Entries) -> dict[int, Bits]:
    """The information of every entry's tokens, by its place."""
    bits: dict[int, Bits] = {}
    for places in entries.groups():
        found = _group(entries, places).bits()
        cuts = np.searchsorted(found.text, np.arange(1, len(places)))
        columns = (np.split(c, cuts) for c in (found.text, found.token, found.bits, found.count))
        bits |= {k: Bits(*parts) for k, *parts in zip(places, *columns, strict=True)}
    return bits


def seed_grams(entries: Entries, rule: Distinctive) -> Grams:
    """The n-grams worth looking up: those that are not template, and each entry's rarest.

    This spares work; what is evidence is decided by the information of the tokens.
    """
    found = [part for places in entries.groups() for part in _seeds(entries, places, rule)]
    return Grams(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _seeds(
    entries: Entries, places: Sequence[int], rule: Distinctive
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    group = _group(entries, places)
    bounds, owners = group.distinct.bounds, group.distinct.owners
    sizes = np.array([_seed(size, rule) for size in np.diff(bounds).tolist()], dtype=np.int64)
    for n in np.unique(sizes).tolist():
        counts = group.counts(n)
        at = np.flatnonzero((sizes[owners] == n) & (counts > 0))
        rarest = np.full(group.size, np.iinfo(np.int64).max)
        np.minimum.at(rarest, owners[at], counts[at])
        at = at[counts[at] <= np.maximum(group.limit, rarest[owners[at]])]
        begins = np.searchsorted(owners[at], np.arange(group.size + 1))
        for place, own in zip(places, group.places, strict=True):
            mine = at[begins[own] : begins[own + 1]] - bounds[own]
            yield np.full(len(mine), place), mine, np.full(len(mine), n)


def distinctive(rule: Distinctive, index: Index, pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Pairs that hold an item, and pairs that hold its wording, its answer or its passage only."""
    matcher = _Matcher(rule, index)
    for _, of_row in itertools.groupby(pairs, key=lambda pair: pair.scanned.row):
        yield from _told([f for pair in of_row if (f := matcher.find(pair))])


class _Matcher:
    """The rule, with what it knows of the entries."""

    def __init__(self, rule: Distinctive, index: Index) -> None:
        self.rule = rule
        entries, vocabulary = index.entries.entries, index.entries.vocabulary.words
        self.bits = functools.cache(index.bits)
        self.words = functools.cache(lambda place: [vocabulary[t] for t in entries[place].ids])
        self.prompts = Counter((e.item.benchmark, e.ids) for e in entries if e.part == "prompt")

    def find(self, pair: Pair) -> Finding | None:
        found = _exact(pair) or self._near(pair)
        if found is None or found.label == "template_variant":
            return found
        if pair.entry.part != "prompt":
            return replace(found, label=ALONE[pair.entry.part])
        shared = self.prompts[pair.entry.item.benchmark, pair.entry.ids] > 1
        return replace(found, label="template_variant") if shared and not _backed(pair) else found

    def _near(self, pair: Pair) -> Finding | None:
        if len(pair.entry) < EXACT_TOKENS:
            return None
        bits, text = self.bits(pair.place), self.words(pair.place)
        windows = _windows(pair)
        stretches = [s for hits in windows if (s := _stretch(self.rule, pair, hits, bits, text))]
        if not stretches:
            return None
        held = [s for s in stretches if _holds(self.rule, s, pair.entry.ids, bits)]
        best = max(held or stretches, key=lambda s: s.share)
        blocks = best.alignment.blocks
        return Finding(
            pair=pair,
            rule="distinctive part",
            label="near" if held else "template_variant",
            segment=best.segment,
            train=(best.offset + blocks[0][0], best.offset + blocks[-1][0] + blocks[-1][2]),
            item=(blocks[0][1], blocks[-1][1] + blocks[-1][2]),
            token_match=best.token_match,
            ngram_match=best.ngram_match,
            longest_match=longest_run(pair),
            score=best.share,
            weighted=best.share,
            matched=tuple(sorted(best.matched)),
        )


def _told(found: list[Finding]) -> list[Finding]:
    """What of a row's findings is reported: the items it holds, their answers and passages where
    the item is not held, or else the closest variant of a prompt."""
    prompts = [f for f in found if f.pair.entry.part == "prompt"]
    held = [f for f in prompts if f.label != "template_variant"]
    items = {f.pair.entry.item for f in held}
    alone = [f for f in found if f.label in ALONE.values() and f.pair.entry.item not in items]
    told = held or sorted(prompts, key=lambda f: (-f.score, f.pair.place))[:1]
    return sorted([*told, *alone], key=lambda f: f.pair.place)


def _group(entries: Entries, places: Sequence[int]) -> Group:
    return Group([entries.entries[k].ids for k in places], entries.vocabulary.hashes)


def _seed(size: int, rule: Distinctive) -> int:
    return min(size, SEED if size >= rule.short else SHORT_SEED)


def _exact(pair: Pair) -> Finding | None:
    place = whole(pair)
    if place is None:
        return None
    segment, start = place
    size = len(pair.entry)
    return Finding(
        pair, "exact", "verbatim", segment, (start, start + size), (0, size),
        token_match=1.0, ngram_match=1.0, longest_match=1.0, score=1.0, weighted=1.0,
    )  # fmt: skip


def _backed(pair: Pair) -> bool:
    """Whether the row says which of the items with this prompt it holds: by the passage, by half of
    the options, or by the answer; items that have none of these are the same item."""
    item = pair.entry.item
    texts = [words(segment.text) for segment in pair.scanned.segments]

    def there(part: str) -> bool:
        return any(run_of(words(part), text) for text in texts)

    if item.passage:
        return there(item.passage)
    if item.options:
        return sum(map(there, item.options)) >= BACKING * len(item.options)
    return there(item.answer) if item.answer else True


def _windows(pair: Pair) -> Iterator[list[Hit]]:
    for segment in sorted({h.segment for h in pair.hits}):
        yield from clusters([h for h in pair.hits if h.segment == segment], len(pair.entry))


def _stretch(
    rule: Distinctive, pair: Pair, hits: list[Hit], bits: Mapping[int, float], text: list[str]
) -> Stretch | None:
    """The stretch around some hits, if it could hold the entry or its wording."""
    ids, reading = pair.entry.ids, pair.scanned.readings[hits[0].segment]
    slack = drift(len(ids))
    begin = max(min(h.at - h.position for h in hits) - slack, 0)
    end = max(h.at - h.position for h in hits) + len(ids) + slack
    window = reading.ids(begin, end)
    covered, shared = _shared(ids, window, LONG if len(ids) >= rule.short else SHORT_SEED)
    token_match = len(covered) / len(ids)
    if _share(bits, window) <= rule.reworded and token_match <= rule.token_match:
        return None
    alignment = align(reading.words(begin, end), text)
    matched = frozenset(alignment.positions() | covered)
    share = _share(bits, (ids[k] for k in matched))
    if share <= rule.reworded and token_match <= rule.token_match:
        return None
    return Stretch(hits[0].segment, begin, alignment, matched, share, token_match, shared)


def _share(bits: Mapping[int, float], tokens: Iterable[int]) -> float:
    """Share of an entry's information that these tokens carry; 0 where it has none."""
    present, total = set(tokens), sum(bits.values())
    return sum(b for token, b in bits.items() if token in present) / total if total else 0.0


def _shared(ids: Sequence[int], window: Sequence[int], n: int) -> tuple[set[int], float]:
    """Positions of the entry inside n-grams that stand in the window, and the n-grams' share."""
    there = set(_ngrams(window, n))
    starts = [at for at, gram in enumerate(_ngrams(ids, n)) if gram in there]
    return {k for at in starts for k in range(at, at + n)}, len(starts) / (len(ids) - n + 1)


def _ngrams(ids: Sequence[int], n: int) -> Iterator[tuple[int, ...]]:
    return zip(*(ids[k:] for k in range(n)), strict=False)


def _holds(
    rule: Distinctive, stretch: Stretch, ids: Sequence[int], bits: Mapping[int, float]
) -> bool:
    """Whether the stretch holds the item itself: no other numbers, nothing distinctive missing."""
    if stretch.share <= rule.above or swapped(stretch.alignment) >= rule.swapped:
        return False
    if stretch.share * sum(bits.values()) >= rule.enough:
        return True
    present, text = {ids[k] for k in stretch.matched}, stretch.alignment.prompt
    return (
        sum(b for token, b in bits.items() if token not in present) < rule.missing
        and len(stretch.matched) >= rule.coverage * len(ids)
        and all(k in stretch.matched for k, word in enumerate(text) if is_quantity(word))
    )
