"""The default rule: the whole prompt, or most of what tells it from its benchmark's other items."""

from __future__ import annotations

import functools
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from decontam.items.entries import Part
from decontam.items.index import Index
from decontam.items.information import template_limit
from decontam.policy import EXACT_TOKENS, Distinctive, Label
from decontam.rules.pair import Finding, Pair, longest_run, run_of, whole
from decontam.rules.stretch import Stretch, Window, holds, stretch, windows
from decontam.text.tokens import words

BACKING = 0.5
"""Share of the options that a row must hold where the prompt does not say which item it is."""

VARIANTS = 3
"""Entries that are aligned with a row for its closest wording only, likeliest first."""

ALONE: Mapping[Part, Label] = {"answer": "answer_only", "passage": "passage_only"}


def finder(rule: Distinctive, index: Index) -> Callable[[Iterable[Pair]], Iterator[Finding]]:
    """What finds the pairs that hold an item, and those that hold its wording, its answer or its
    passage only."""
    matcher = _Matcher(rule, index)

    def distinctive(pairs: Iterable[Pair]) -> Iterator[Finding]:
        for _, of_row in itertools.groupby(pairs, key=lambda pair: pair.scanned.row):
            yield from matcher.row(list(of_row))

    return distinctive


class _Matcher:
    """The rule, with what it knows of the entries."""

    def __init__(self, rule: Distinctive, index: Index) -> None:
        self.rule = rule
        entries, vocabulary = index.entries.entries, index.entries.vocabulary.words
        self.bits = functools.cache(index.bits)
        self.words = functools.cache(lambda place: [vocabulary[t] for t in entries[place].ids])
        prompts = [e for e in entries if e.part == "prompt"]
        self.same = Counter((e.item.benchmark, e.ids) for e in prompts)
        sizes = Counter(e.item.benchmark for e in prompts)
        self.limits = {name: template_limit(size) for name, size in sizes.items()}

    def row(self, pairs: Sequence[Pair]) -> list[Finding]:
        """What one row holds."""
        exact = [f for pair in pairs if (f := _exact(pair))]
        named = {f.pair.place for f in exact}
        rest = [p for p in pairs if p.place not in named and len(p.entry) >= EXACT_TOKENS]
        found = [self._named(f) for f in exact]
        found += self._near(rest, [f for f in found if f.label == "verbatim"])
        return _told(found)

    def _near(self, pairs: Sequence[Pair], exact: Sequence[Finding]) -> list[Finding]:
        """What stands there edited, outside of what stands there whole."""
        lain = [w for p in pairs for w in windows(self.rule, p, self.bits(p.place))]
        lain = [w for w in lain if not any(_explains(f, w) for f in exact)]
        likely = [w for w in lain if w.bound > self.rule.above]
        found = self._best(likely)
        if not exact and all(f.label == "template_variant" for f in found):
            rest = sorted((w for w in lain if w.bound <= self.rule.above), key=_likeliest)
            found += self._best(rest[:VARIANTS])
        return found

    def _best(self, lain: Sequence[Window]) -> list[Finding]:
        """The best stretch of each pair, as a finding."""
        stretches: dict[int, list[Stretch]] = defaultdict(list)
        for window in lain:
            place = window.pair.place
            if s := stretch(self.rule, window, self.bits(place), self.words(place)):
                stretches[place].append(s)
        return [self._finding(place, of_pair) for place, of_pair in stretches.items()]

    def _finding(self, place: int, stretches: Sequence[Stretch]) -> Finding:
        held = [s for s in stretches if holds(self.rule, s, self.bits(place))]
        best = max(held or stretches, key=lambda s: s.share)
        finding = Finding(
            pair=best.window.pair,
            rule="distinctive part",
            label="near" if held else "template_variant",
            segment=best.window.segment,
            train=best.train,
            item=best.item,
            token_match=best.window.token_match,
            ngram_match=best.window.ngram_match,
            longest_match=longest_run(best.window.pair),
            score=best.share,
            weighted=best.share,
            matched=tuple(sorted(best.matched)),
        )
        return self._named(finding)

    def _named(self, found: Finding) -> Finding:
        """A finding under the label that its part of the item, and other items, leave it."""
        entry = found.pair.entry
        if found.label == "template_variant":
            return found
        if entry.part != "prompt":
            return replace(found, label=ALONE[entry.part])
        same = self.same[entry.item.benchmark, entry.ids]
        common = same > self.limits[entry.item.benchmark]
        unclear = common or (same > 1 and len(entry) < self.rule.short)
        return found if not unclear or _backed(found.pair) else replace(found, label=_VARIANT)


_VARIANT: Label = "template_variant"


def _told(found: Sequence[Finding]) -> list[Finding]:
    """What of a row's findings is reported: the items it holds, their answers and passages where
    the item is not held, or else the closest variant of a prompt."""
    prompts = [f for f in found if f.pair.entry.part == "prompt"]
    held = _apart([f for f in prompts if f.label != "template_variant"])
    items = {f.pair.entry.item for f in held}
    alone = [f for f in found if f.label in ALONE.values() and f.pair.entry.item not in items]
    told = held or sorted(prompts, key=lambda f: (-f.score, f.pair.place))[:1]
    return sorted([*told, *alone], key=lambda f: f.pair.place)


def _apart(held: Sequence[Finding]) -> list[Finding]:
    """Findings without those whose stretch holds a sibling better: an item of the same benchmark
    with the same template, whose wording the row has as well."""
    kept: list[Finding] = []
    for finding in sorted(held, key=lambda f: (-f.score, f.pair.place)):
        if not any(_sibling(other, finding) for other in kept):
            kept.append(finding)
    return kept


def _sibling(better: Finding, other: Finding) -> bool:
    if better.pair.entry.item.benchmark != other.pair.entry.item.benchmark:
        return False
    if better.segment != other.segment or better.score <= other.score:
        return False
    (a, b), (c, d) = better.train, other.train
    return 2 * (min(b, d) - max(a, c)) > d - c


def _explains(exact: Finding, window: Window) -> bool:
    """Whether what a window shares with an entry lies within a sibling that stands there whole."""
    one, other = exact.pair.entry, window.pair.entry
    if one.item.benchmark != other.item.benchmark or one.part != other.part:
        return False
    begin, end = window.hits
    return exact.segment == window.segment and exact.train[0] <= begin and end <= exact.train[1]


def _likeliest(window: Window) -> tuple[float, int]:
    return -window.bound, window.pair.place


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
