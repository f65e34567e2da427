"""From a policy to the index it looks things up in, and from pairs to what it finds."""

from __future__ import annotations

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
from decontam.rules.pair import Finding, Pair
from decontam.rules.stretch import match_n


@dataclass(frozen=True, slots=True)
class Method:
    """How a kind of rule works."""

    prepare: Callable[[Policy, Sequence[Item]], Index]
    find: Callable[[Index, Iterable[Pair]], Iterator[Finding]]


def prepare(policy: Policy, items: Sequence[Item]) -> Index:
    """Index what a policy looks for.

    Raises:
        ValueError: not one item can be indexed.
    """
    return METHODS[type(policy.rule)].prepare(policy, items)


def find(index: Index, pairs: Iterable[Pair]) -> Iterator[Finding]:
    """What the index's policy says of pairs, which come row by row."""
    return METHODS[type(index.policy.rule)].find(index, pairs)


def _by_ngrams(policy: Policy, entries: Entries, n: int, least: Sequence[int]) -> Index:
    return build(policy, entries, ngrams.ngram_grams(entries, n), {}, least, Screen())


def _prepare_token_match(policy: Policy, items: Sequence[Item]) -> Index:
    rule: Any = policy.rule
    entries = read_entries(items)
    return _by_ngrams(policy, entries, rule.n, ngrams.least_hits(entries, rule))


def _prepare_any(policy: Policy, items: Sequence[Item]) -> Index:
    rule: Any = policy.rule
    return _by_ngrams(policy, read_entries(items), rule.n, [1] * len(items))


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
    entries = read_entries(items, unfit=lambda item: decon.not_indexed(rule, item))
    return _by_ngrams(policy, entries, rule.n, [1] * len(items))


def _rule(index: Index) -> Any:
    return index.policy.rule


METHODS: Mapping[type, Method] = MappingProxyType(
    {
        TokenMatch: Method(
            _prepare_token_match, lambda i, pairs: ngrams.token_matches(_rule(i), pairs)
        ),
        SharedNgram: Method(_prepare_any, lambda i, pairs: ngrams.shared_ngrams(_rule(i).n, pairs)),
        UnionMatch: Method(_prepare_any, lambda i, pairs: ngrams.contributions(_rule(i), pairs)),
        Decon: Method(
            _prepare_decon, lambda i, pairs: decon.decon_matches(_rule(i), i.entries, pairs)
        ),
        Distinctive: Method(
            _prepare_distinctive, lambda i, pairs: near.distinctive(_rule(i), i, pairs)
        ),
    }
)
