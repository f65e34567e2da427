"""One match, with the evidence cut from both texts."""

from __future__ import annotations

from dataclasses import dataclass

from decontam.pair import Finding
from decontam.policy import Label
from decontam.tokens import tokenize


@dataclass(frozen=True, slots=True)
class Match:
    """One row holds one item.  Offsets are code points of the original texts, the end excluded."""

    row: int
    turn: int
    """Number of the turn within the row, from 0, that holds most of the evidence."""
    benchmark: str
    item: str
    label: Label
    flagged: bool
    """Whether the policy flags the row for it."""
    rule: str
    score: float
    """What the rule compared with its threshold: token-match; its union over all rows for Llama 3's
    rule; the share of information for the default's."""
    token_match: float
    """Share of the prompt's tokens inside n-grams shared with the row."""
    ngram_match: float
    """Share of the prompt's n-grams that the row shares."""
    longest_match: float
    """Longest shared run, stepping over at most two mismatches, over the prompt's length."""
    weighted: float | None
    """Share of the prompt's information that the row holds; None for rules that weigh nothing."""
    train_start: int
    train_end: int
    train_text: str
    """The evidence: the turn's text from `train_start` to `train_end`."""
    item_start: int
    item_end: int
    item_text: str

    def order(self) -> tuple[int, str, str]:
        """What matches are sorted by: row, benchmark, item."""
        return self.row, self.benchmark, self.item


def match(finding: Finding, flagged: bool) -> Match:
    """Turn a finding's token positions into offsets and texts."""
    segment = finding.pair.scanned.segments[finding.segment]
    item = finding.pair.prompt.item
    train_start, train_end = _span(segment.text, *finding.train)
    item_start, item_end = _span(item.prompt, *finding.item)
    return Match(
        row=segment.row,
        turn=segment.turn,
        benchmark=item.benchmark,
        item=item.id,
        label=finding.label,
        flagged=flagged,
        rule=finding.rule,
        score=finding.score,
        token_match=finding.token_match,
        ngram_match=finding.ngram_match,
        longest_match=finding.longest_match,
        weighted=finding.weighted,
        train_start=train_start,
        train_end=train_end,
        train_text=segment.text[train_start:train_end],
        item_start=item_start,
        item_end=item_end,
        item_text=item.prompt[item_start:item_end],
    )


def _span(text: str, first: int, end: int) -> tuple[int, int]:
    tokens = tokenize(text)
    return tokens.starts[first], tokens.ends[end - 1]
