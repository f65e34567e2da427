"""Rows, items, policy -> what the rows hold of the items."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping

from decontam.evidence import Match, match
from decontam.index import Grams, Index
from decontam.items import read_items
from decontam.match import ngram_grams, shared_ngrams, token_matches, union_matches
from decontam.near import distinctive, seed_grams
from decontam.pair import Finding, Pair
from decontam.policy import Distinctive, Policy, SharedNgram, TokenMatch, UnionMatch, resolve
from decontam.prompts import Prompts, read_prompts
from decontam.report import Report
from decontam.rows import read_row
from decontam.scan import pairs


def check(
    rows: Iterable[Mapping[str, object]],
    items: Iterable[Mapping[str, object]],
    policy: str | Policy = "default",
) -> Report:
    """Say which rows hold which benchmark items, on what evidence.

    Args:
        rows: Training rows: `messages`, `prompt`/`response`, `prompt`/`chosen`/`rejected`, Alpaca,
            ShareGPT or plain `text`.
        items: Benchmark items with `benchmark`, `id`, `prompt` and optionally `answer`.
        policy: A name in `PRESETS`, or a policy.

    Raises:
        ValueError: no rows, no items, no item that can be indexed, a row or item that cannot be
            read, a row without text to scan, or an unknown policy.
    """
    started = time.perf_counter()
    policy = resolve(policy)
    prompts = read_prompts(read_items(items))
    docs = [read_row(number, row) for number, row in enumerate(rows)]
    if not docs:
        raise ValueError("no rows to check; pass at least one training row")
    index = Index([p.ids for p in prompts.prompts], _grams(policy, prompts))
    found = _findings(policy, prompts, pairs(docs, policy.mode, prompts, index))
    matches = sorted((match(f, f.label in policy.flags) for f in found), key=Match.order)
    return Report.of(policy, docs, prompts, matches, time.perf_counter() - started)


def _grams(policy: Policy, prompts: Prompts) -> Grams:
    rule = policy.rule
    return (
        seed_grams(prompts, rule) if isinstance(rule, Distinctive) else ngram_grams(prompts, rule.n)
    )


def _findings(policy: Policy, prompts: Prompts, shared: Iterator[Pair]) -> Iterator[Finding]:
    match policy.rule:
        case TokenMatch() as rule:
            return token_matches(rule, shared)
        case SharedNgram() as rule:
            return shared_ngrams(rule, shared)
        case UnionMatch() as rule:
            return union_matches(rule, shared)
        case Distinctive() as rule:
            return distinctive(rule, prompts, shared)
