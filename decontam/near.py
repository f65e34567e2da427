"""The default rule: the whole prompt, or most of what tells it from its benchmark's other items."""

from __future__ import annotations

import functools
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from decontam.align import Alignment, align, swapped
from decontam.index import Grams
from decontam.information import Gram, Information, ngrams, template_limit
from decontam.match import clusters, drift
from decontam.pair import Finding, Hit, Pair, longest_run, whole
from decontam.policy import EXACT_TOKENS, Distinctive
from decontam.prompts import Prompt, Prompts
from decontam.tokens import is_quantity, words

LONG, SEED, SHORT_SEED = 8, 5, 4
"""n of the token-match that is reported, and of the n-grams that are looked up, for long and for
short prompts."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A prompt laid on one stretch of a row."""

    segment: int
    offset: int
    """Token position in the segment where the stretch begins."""
    alignment: Alignment
    matched: frozenset[int]
    """Positions of the prompt that the stretch holds, in runs or in shared n-grams."""
    share: float
    """Share of the prompt's information that they carry."""
    token_match: float
    ngram_match: float


def seed_grams(prompts: Prompts, rule: Distinctive) -> Grams:
    """The n-grams worth looking up: those that are not template, and each prompt's rarest.

    This spares work; what is evidence is decided by the information of the tokens.
    """
    grams: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for benchmark in _by_benchmark(prompts).values():
        counts: Counter[Gram] = Counter()
        for ids in {p.ids for _, p in benchmark}:
            counts.update(set(ngrams(ids, _seed(len(ids), rule))))
        limit = template_limit(len({p.ids for _, p in benchmark}))
        for item, prompt in benchmark:
            n = _seed(len(prompt), rule)
            found = [counts[gram] for gram in ngrams(prompt.ids, n)]
            keep = max(limit, min(found))
            grams[n] += [(item, at) for at, count in enumerate(found) if count <= keep]
    return grams


def distinctive(rule: Distinctive, prompts: Prompts, pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Pairs that hold an item, and pairs that hold its wording only."""
    counted = {b: Information(p.ids for _, p in ps) for b, ps in _by_benchmark(prompts).items()}

    @functools.cache
    def bits(item: int) -> dict[int, float]:
        prompt = prompts.prompts[item]
        return counted[prompt.item.benchmark].bits(prompt.ids)

    for _, of_row in itertools.groupby(pairs, key=lambda pair: pair.scanned.row):
        found = (_exact(pair) or _near(rule, pair, bits(pair.item)) for pair in of_row)
        yield from _told([f for f in found if f])


def _told(found: list[Finding]) -> list[Finding]:
    """What of a row's findings is reported: the items it holds, or else the closest variant."""
    held = [f for f in found if f.label != "template_variant"]
    return held or sorted(found, key=lambda f: (-f.score, f.pair.item))[:1]


def _by_benchmark(prompts: Prompts) -> dict[str, list[tuple[int, Prompt]]]:
    groups: dict[str, list[tuple[int, Prompt]]] = defaultdict(list)
    for item, prompt in prompts.indexed():
        groups[prompt.item.benchmark].append((item, prompt))
    return groups


def _seed(size: int, rule: Distinctive) -> int:
    return min(size, SEED if size >= rule.short else SHORT_SEED)


def _exact(pair: Pair) -> Finding | None:
    place = whole(pair)
    if place is None:
        return None
    segment, start = place
    size = len(pair.prompt)
    return Finding(
        pair, "exact", "verbatim", segment, (start, start + size), (0, size),
        token_match=1.0, ngram_match=1.0, longest_match=1.0, score=1.0, weighted=1.0,
    )  # fmt: skip


def _near(rule: Distinctive, pair: Pair, bits: Mapping[int, float]) -> Finding | None:
    if len(pair.prompt) < EXACT_TOKENS:
        return None
    stretches = [s for hits in _windows(pair) if (s := _stretch(rule, pair, hits, bits))]
    if not stretches:
        return None
    held = [s for s in stretches if _holds(rule, s, pair.prompt.ids, bits)]
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
    )


def _windows(pair: Pair) -> Iterator[list[Hit]]:
    for segment in sorted({h.segment for h in pair.hits}):
        yield from clusters([h for h in pair.hits if h.segment == segment], len(pair.prompt))


def _stretch(
    rule: Distinctive, pair: Pair, hits: list[Hit], bits: Mapping[int, float]
) -> Stretch | None:
    """The stretch around some hits, if it could hold the item or its wording."""
    prompt, segment = pair.prompt.ids, hits[0].segment
    slack, ids = drift(len(prompt)), pair.scanned.ids[segment]
    begin = max(min(h.at - h.position for h in hits) - slack, 0)
    end = max(h.at - h.position for h in hits) + len(prompt) + slack
    window = ids[begin:end]
    covered, shared = _shared(prompt, window, LONG if len(prompt) >= rule.short else SHORT_SEED)
    token_match = len(covered) / len(prompt)
    if _share(bits, window) <= rule.reworded and token_match <= rule.token_match:
        return None
    text = _words(pair.scanned.segments[segment].text)[begin:end]
    alignment = align(text, _words(pair.prompt.item.prompt))
    matched = frozenset(alignment.positions() | covered)
    share = _share(bits, (prompt[k] for k in matched))
    if share <= rule.reworded and token_match <= rule.token_match:
        return None
    return Stretch(segment, begin, alignment, matched, share, token_match, shared)


def _share(bits: Mapping[int, float], tokens: Iterable[int]) -> float:
    """Share of a prompt's information that these tokens carry; 0 where it has none."""
    present, total = set(tokens), sum(bits.values())
    return sum(b for token, b in bits.items() if token in present) / total if total else 0.0


def _shared(prompt: Gram, window: Sequence[int], n: int) -> tuple[set[int], float]:
    """Positions of the prompt inside n-grams that stand in the window, and the n-grams' share."""
    there = set(ngrams(window, n))
    starts = [at for at, gram in enumerate(ngrams(prompt, n)) if gram in there]
    return {k for at in starts for k in range(at, at + n)}, len(starts) / (len(prompt) - n + 1)


def _holds(rule: Distinctive, stretch: Stretch, prompt: Gram, bits: Mapping[int, float]) -> bool:
    """Whether the stretch holds the item itself: no other numbers, nothing distinctive missing."""
    if stretch.share <= rule.above or swapped(stretch.alignment) >= rule.swapped:
        return False
    if stretch.share * sum(bits.values()) >= rule.enough:
        return True
    present, text = {prompt[k] for k in stretch.matched}, stretch.alignment.prompt
    return (
        sum(b for token, b in bits.items() if token not in present) < rule.missing
        and len(stretch.matched) >= rule.coverage * len(prompt)
        and all(k in stretch.matched for k, word in enumerate(text) if is_quantity(word))
    )


@functools.lru_cache(maxsize=64)
def _words(text: str) -> tuple[str, ...]:
    return tuple(words(text))
