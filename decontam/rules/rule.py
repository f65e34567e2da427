"""From a policy to the index it looks things up in, and from pairs to what it finds."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from decontam.items.entries import Entries, read_entries
from decontam.items.index import Index, Screen, build
from decontam.items.item import Item
from decontam.policy import (
    EXACT_TOKENS,
    Decon,
    Distinctive,
    Policy,
    SharedNgram,
    TokenMatch,
    UnionMatch,
)
from decontam.rules import decon, near, ngrams, seeds
from decontam.rules.overlap import Overlap, Overlaps
from decontam.rules.pair import Finding, Pair
from decontam.rules.stretch import drift, match_n
from decontam.rules.weightless import without_weightless

Find = Callable[[Iterable[Pair]], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Method:
    """How a kind of rule works."""

    prepare: Callable[[Policy, Sequence[Item]], Index]
    finder: Callable[[Index], Find]


def prepare(policy: Policy, items: Sequence[Item]) -> Index:
    """Index what a policy looks for.

    Raises:
        ValueError: not one item can be indexed.
    """
    return METHODS[type(policy.rule)].prepare(policy, items)


def finder(index: Index) -> Find:
    """What says what the index's policy makes of pairs, which come row by row."""
    return METHODS[type(index.policy.rule)].finder(index)


def _by_ngrams(policy: Policy, entries: Entries, n: int, least: Sequence[int]) -> Index:
    return build(policy, entries, ngrams.ngram_grams(entries, n), {}, least, Screen(once=True))


def _prepare_token_match(policy: Policy, items: Sequence[Item]) -> Index:
    rule: Any = policy.rule
    entries = read_entries(items)
    return _by_ngrams(policy, entries, rule.n, ngrams.least_hits(entries, rule))


def _prepare_any(policy: Policy, items: Sequence[Item]) -> Index:
    rule: Any = policy.rule
    return _by_ngrams(policy, read_entries(items), rule.n, [1] * len(items))


def _prepare_union(policy: Policy, items: Sequence[Item]) -> Index:
    rule: Any = policy.rule
    rule.check_benchmarks(item.benchmark for item in items)
    return _prepare_any(policy, items)


def _prepare_distinctive(policy: Policy, items: Sequence[Item]) -> Index:
    rule: Any = policy.rule
    entries = read_entries(items, rule.long_answer, rule.passages)
    screen = Screen(True, rule.reworded, rule.token_match, EXACT_TOKENS)
    return build(
        policy,
        entries,
        seeds.seed_grams(entries, rule),
        seeds.weigh(entries),
        [1] * len(entries.entries),
        screen,
        [match_n(rule, len(e)) for e in entries.entries],
    )


def _prepare_decon(policy: Policy, items: Sequence[Item]) -> Index:
    rule: Any = policy.rule
    read = read_entries(items, unfit=lambda item: decon.not_indexed(rule, item))
    entries = without_weightless(rule, read)
    return _by_ngrams(policy, entries, rule.n, decon.least_hits(entries, rule))


def _find(rule: Callable[[Any, Iterable[Overlap]], Iterator[Finding]]) -> Callable[[Index], Find]:
    """For rules that need to know nothing but what a row and an entry share."""
    return lambda index: _of_overlaps(index, functools.partial(rule, index.policy.rule))


def _of_overlaps(index: Index, find: Callable[[Iterable[Overlap]], Iterator[Finding]]) -> Find:
    rule: Any = index.policy.rule
    overlaps = Overlaps(index, rule.n, lambda size: 2 * drift(size))
    return lambda pairs: find(filter(None, map(overlaps, pairs)))


def _find_decon(index: Index) -> Find:
    rule: Any = index.policy.rule
    return _of_overlaps(index, decon.finder(rule, index.entries))


def _find_distinctive(index: Index) -> Find:
    rule: Any = index.policy.rule
    return near.finder(rule, index)


METHODS: Mapping[type, Method] = MappingProxyType(
    {
        TokenMatch: Method(_prepare_token_match, _find(ngrams.token_matches)),
        SharedNgram: Method(_prepare_any, _find(ngrams.shared_ngrams)),
        UnionMatch: Method(_prepare_union, _find(ngrams.contributions)),
        Decon: Method(_prepare_decon, _find_decon),
        Distinctive: Method(_prepare_distinctive, _find_distinctive),
    }
)
