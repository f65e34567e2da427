"""One match, with the evidence cut from both texts."""

from __future__ import annotations

import functools
from array import array
from dataclasses import dataclass

from decontam.policy import Label, Policy
from decontam.rules.pair import Finding
from decontam.text.tokens import tokenize

CONTEXT = 200
"""Code points of either text that are kept on both sides of the evidence."""


@dataclass(frozen=True, slots=True)
class Match:
    """One row holds one item.  Offsets are code points of the original texts, the end excluded."""

    file: str
    """Name of the row's file within the input; empty for rows that were passed as records."""
    row: int
    """Number of the row in its file, from 0."""
    turn: int
    """Number of the turn within the row, from 0, that holds most of the evidence."""
    benchmark: str
    item: str
    label: Label
    flagged: bool
    """Whether the policy flags the row for it."""
    allowed: bool
    """Whether an allow-list says that it is none; then it flags nothing."""
    rule: str
    score: float
    """What the rule compared with its threshold: token-match; its union over all rows for Llama 3's
    rule; the share of information for the default's; the weighted components for decon's."""
    token_match: float
    """Share of the prompt's tokens inside n-grams shared with the row."""
    ngram_match: float
    """Share of the prompt's n-grams that the row shares."""
    longest_match: float
    """Longest shared run, stepping over at most two mismatches, over the prompt's length."""
    weighted: float | None
    """Share of the prompt's information that the row holds, for decon's rule of the weight of its
    n-grams; None for rules that weigh nothing."""
    train_start: int
    train_end: int
    train_text: str
    """The evidence: the turn's text from `train_start` to `train_end`."""
    train_before: str
    train_after: str
    """What stands around the evidence, up to `CONTEXT` code points."""
    item_start: int
    item_end: int
    """In the item's prompt, answer or passage, whichever the label says."""
    item_text: str
    item_before: str
    item_after: str

    @property
    def order(self) -> tuple[str, int, str, str]:
        """What matches are sorted by."""
        return self.file, self.row, self.benchmark, self.item


def match(finding: Finding, policy: Policy, file: str = "") -> Match:
    """Turn a finding's token positions into offsets and texts."""
    segment = finding.pair.scanned.segments[finding.segment]
    reading, entry = finding.pair.scanned.readings[finding.segment], finding.pair.entry
    train_start, train_end = reading.span(*finding.train)
    starts, ends = _places(entry.text)
    item_start, item_end = starts[finding.item[0]], ends[finding.item[1] - 1]
    train_before, train_text, train_after = _cut(segment.text, train_start, train_end)
    item_before, item_text, item_after = _cut(entry.text, item_start, item_end)
    return Match(
        file=file,
        row=segment.row,
        turn=segment.turn,
        benchmark=entry.item.benchmark,
        item=entry.item.id,
        label=finding.label,
        flagged=policy.action(finding.label) != "report",
        allowed=False,
        rule=finding.rule,
        score=finding.score,
        token_match=finding.token_match,
        ngram_match=finding.ngram_match,
        longest_match=finding.longest_match,
        weighted=finding.weighted,
        train_start=train_start,
        train_end=train_end,
        train_text=train_text,
        train_before=train_before,
        train_after=train_after,
        item_start=item_start,
        item_end=item_end,
        item_text=item_text,
        item_before=item_before,
        item_after=item_after,
    )


@functools.lru_cache(maxsize=4096)
def _places(text: str) -> tuple[array[int], array[int]]:
    """Where the tokens of an item start and end; rows share wording with the same items."""
    tokens = tokenize(text)
    return array("q", tokens.starts), array("q", tokens.ends)


def _cut(text: str, start: int, end: int) -> tuple[str, str, str]:
    return text[max(start - CONTEXT, 0) : start], text[start:end], text[end : end + CONTEXT]
