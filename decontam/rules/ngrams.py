"""The n-gram rules of published work: Tulu 3, GPT-3, Llama 3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from decontam.items.entries import Entries
from decontam.items.index import Grams
from decontam.policy import SharedNgram, TokenMatch, UnionMatch
from decontam.rules.pair import Finding, Hit, Pair, longest_run, whole


def ngram_grams(entries: Entries, n: int) -> Grams:
    """Every n-gram of every prompt; a prompt shorter than n is one gram of its own length."""
    found = [(place, len(entry)) for place, entry in entries.indexed()]
    places = np.array([place for place, _ in found], dtype=np.int64)
    sizes = np.array([size for _, size in found], dtype=np.int64)
    counts = np.maximum(sizes - n, 0) + 1
    first = np.repeat(np.cumsum(counts) - counts, counts)
    return Grams(
        entry=np.repeat(places, counts),
        position=np.arange(len(first)) - first,
        n=np.repeat(np.minimum(sizes, n), counts),
    )


def least_hits(entries: Entries, rule: TokenMatch) -> list[int]:
    """Hits without which a row cannot cover enough of each prompt."""
    return [int(rule.above * len(e) / rule.n) + 1 if len(e) >= rule.n else 1
            for e in entries.entries]  # fmt: skip


def token_matches(rule: TokenMatch, pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Pairs whose token-match is above the rule's threshold."""
    for pair in pairs:
        if _counts(pair, rule.n) and len(covered(pair)) > rule.above * len(pair.entry):
            yield finding(pair, "token-match", len(covered(pair)) / len(pair.entry))


def shared_ngrams(rule: SharedNgram, pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Pairs that share any n-gram."""
    for pair in pairs:
        if _counts(pair, rule.n):
            yield finding(pair, "shared n-gram", 1.0)


def contributions(rule: UnionMatch, pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Pairs that share any n-gram, with what each covers: whether they count is known when all rows
    have been seen."""
    for pair in pairs:
        if _counts(pair, rule.n):
            positions = tuple(sorted(covered(pair)))
            yield finding(pair, "union token-match", len(positions) / len(pair.entry), positions)


def covered(pair: Pair, segment: int | None = None) -> set[int]:
    """Positions of the prompt's tokens inside shared n-grams, of one segment or of the row."""
    hits = (h for h in pair.hits if segment is None or h.segment == segment)
    return {k for hit in hits for k in range(hit.position, hit.position + hit.n)}


def finding(pair: Pair, rule: str, score: float, matched: tuple[int, ...] = ()) -> Finding:
    """Measure a pair; the span shown is the densest stretch of the turn that shares most."""
    exact, size = whole(pair), len(pair.entry)
    segments = sorted({h.segment for h in pair.hits})
    segment = max(segments, key=lambda s: len(covered(pair, s)))
    train, item = _span([h for h in pair.hits if h.segment == segment], size)
    if exact is not None:
        segment, start = exact
        train, item = (start, start + size), (0, size)
    positions = {h.position for h in pair.hits}
    return Finding(
        pair=pair,
        rule=rule,
        label="near" if exact is None else "verbatim",
        segment=segment,
        train=train,
        item=item,
        token_match=len(covered(pair)) / size,
        ngram_match=len(positions) / (size - pair.hits[0].n + 1),
        longest_match=longest_run(pair),
        score=score,
        matched=matched,
    )


def _counts(pair: Pair, n: int) -> bool:
    """Whether the hits are evidence: for a prompt shorter than n, whether it stands there whole."""
    return len(pair.entry) >= n or whole(pair) is not None


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


def _span(hits: list[Hit], size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    best = max(clusters(hits, size), key=lambda group: len({h.position for h in group}))
    train = min(h.at for h in best), max(h.at + h.n for h in best)
    return train, (min(h.position for h in best), max(h.position + h.n for h in best))
