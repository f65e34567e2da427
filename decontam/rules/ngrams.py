"""The n-gram rules of published work: Tulu 3, GPT-3, Llama 3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from decontam.items.entries import Entries
from decontam.items.index import Grams
from decontam.policy import SharedNgram, TokenMatch, UnionMatch
from decontam.rules.overlap import Overlap, first_places
from decontam.rules.pair import Finding


def ngram_grams(entries: Entries, n: int) -> Grams:
    """The distinct n-grams of every prompt, each where it first stands there; a prompt shorter than
    n is one gram of its own length."""
    found = [(place, min(n, len(entry)), entry.ids) for place, entry in entries.indexed()]
    begins = [sorted(set(first_places(ids, size))) for _, size, ids in found]
    counts = np.array([len(at) for at in begins], dtype=np.int64)
    return Grams(
        entry=np.repeat(np.array([place for place, _, _ in found], dtype=np.int64), counts),
        position=np.concatenate([np.array(at, dtype=np.int64) for at in begins]),
        n=np.repeat(np.array([size for _, size, _ in found], dtype=np.int64), counts),
    )


def least_hits(entries: Entries, rule: TokenMatch) -> list[int]:
    """Distinct n-grams without which a row cannot cover enough of each prompt."""
    return [_least(e.ids, rule) if len(e) >= rule.n else 1 for e in entries.entries]


def _least(ids: tuple[int, ...], rule: TokenMatch) -> int:
    """By what each n-gram covers where nothing else covers it, most first."""
    first = np.array(first_places(ids, rule.n), dtype=np.int64)
    order = np.argsort(first, kind="stable")
    again = np.append(np.diff(first[order]) == 0, False)
    covers = np.where(again, np.minimum(np.diff(order, append=0), rule.n), rule.n)
    most = np.cumsum(np.sort(np.bincount(first[order], covers))[::-1])
    return int(np.searchsorted(most, rule.above * len(ids), side="right")) + 1


def token_matches(rule: TokenMatch, overlaps: Iterable[Overlap]) -> Iterator[Finding]:
    """Pairs whose token-match is above the rule's threshold."""
    for overlap in overlaps:
        size = len(overlap.pair.entry)
        if _counts(overlap, rule.n) and overlap.tokens > rule.above * size:
            yield finding(overlap, "token-match", overlap.tokens / size)


def shared_ngrams(rule: SharedNgram, overlaps: Iterable[Overlap]) -> Iterator[Finding]:
    """Pairs that share any n-gram."""
    for overlap in overlaps:
        if _counts(overlap, rule.n):
            yield finding(overlap, "shared n-gram", 1.0)


def contributions(rule: UnionMatch, overlaps: Iterable[Overlap]) -> Iterator[Finding]:
    """Pairs that share any n-gram, with what each covers: whether they count is known when all rows
    have been seen."""
    for overlap in overlaps:
        if _counts(overlap, rule.n):
            matched = tuple(k for k, covered in enumerate(overlap.covered) if covered)
            share = len(matched) / len(overlap.pair.entry)
            yield finding(overlap, "union token-match", share, matched)


def finding(overlap: Overlap, rule: str, score: float, matched: tuple[int, ...] = ()) -> Finding:
    """Measure a pair; the span shown is the densest stretch of the turn that shares most."""
    exact, size = overlap.whole, len(overlap.pair.entry)
    segment, train, item = overlap.segment, overlap.train, overlap.item
    if exact is not None:
        segment, start = exact
        train, item = (start, start + size), (0, size)
    return Finding(
        pair=overlap.pair,
        rule=rule,
        label="near" if exact is None else "verbatim",
        segment=segment,
        train=train,
        item=item,
        token_match=overlap.tokens / size,
        ngram_match=overlap.ngram_match,
        longest_match=overlap.longest_match,
        score=score,
        matched=matched,
    )


def _counts(overlap: Overlap, n: int) -> bool:
    """Whether what is shared is evidence: for a prompt shorter than n, whether it stands there
    whole."""
    return len(overlap.pair.entry) >= n or overlap.whole is not None
