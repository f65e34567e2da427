"""One row and one item that share n-grams, and what a rule found there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from decontam.policy import EXACT_TOKENS, Label
from decontam.prompts import Prompt
from decontam.rows import Segment
from decontam.tokens import words

SKIP = 2
"""Mismatches that the longest run may step over."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An n-gram that stands in a segment and in the prompt."""

    segment: int
    """Place among the segments scanned."""
    at: int
    position: int
    n: int


@dataclass(frozen=True, slots=True)
class Scanned:
    """The part of a row that was looked at."""

    row: int
    segments: tuple[Segment, ...]
    ids: tuple[Sequence[int], ...]
    """Token ids of each segment."""
    texts: tuple[str, ...]
    """All texts of the row, scanned or not: where an answer may stand."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A row and an item with at least one shared n-gram."""

    scanned: Scanned
    item: int
    prompt: Prompt
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says about a pair.  Spans are token positions, the end excluded."""

    pair: Pair
    rule: str
    label: Label
    segment: int
    train: tuple[int, int]
    item: tuple[int, int]
    token_match: float
    ngram_match: float
    longest_match: float
    score: float
    """What the rule compared with its threshold."""
    weighted: float | None = None


def whole(pair: Pair) -> tuple[int, int] | None:
    """Segment and token position where the whole prompt stands, if it may count.

    A prompt of fewer than `EXACT_TOKENS` tokens counts only as a whole turn or together with its
    answer.
    """
    size = len(pair.prompt)
    for segment, start in diagonals(pair):
        ids = pair.scanned.ids[segment]
        if start < 0 or tuple(ids[start : start + size]) != pair.prompt.ids:
            continue
        if size >= EXACT_TOKENS or len(ids) == size or _answered(pair):
            return segment, start
    return None


def diagonals(pair: Pair) -> list[tuple[int, int]]:
    """Segment and place of the prompt's first token, for every way the hits lay it on the row."""
    return sorted({(hit.segment, hit.at - hit.position) for hit in pair.hits})


def longest_run(pair: Pair) -> float:
    """Longest run shared along one diagonal, stepping over up to `SKIP` mismatches, over the
    prompt's length."""
    runs = (_run(list(_agreement(pair, *diagonal))) for diagonal in diagonals(pair))
    return max(runs, default=0) / len(pair.prompt)


def _answered(pair: Pair) -> bool:
    """Whether the row holds the item's answer as a run of tokens, outside the prompt itself."""
    item = pair.prompt.item
    answer, prompt = words(item.answer or ""), words(item.prompt)
    return bool(answer) and any(
        _run_of(answer, rest)
        for text in pair.scanned.texts
        for rest in _between(words(text), prompt)
    )


def _between(text: list[str], prompt: list[str]) -> Iterator[list[str]]:
    """The text's tokens before, between and after copies of the prompt."""
    begin = at = 0
    while at < len(text):
        if text[at : at + len(prompt)] == prompt:
            yield text[begin:at]
            begin = at = at + len(prompt)
        else:
            at += 1
    yield text[begin:]


def _run_of(run: list[str], text: list[str]) -> bool:
    return any(text[k : k + len(run)] == run for k in range(len(text) - len(run) + 1))


def _agreement(pair: Pair, segment: int, start: int) -> Iterator[bool]:
    ids = pair.scanned.ids[segment]
    for k, token in enumerate(pair.prompt.ids):
        yield 0 <= start + k < len(ids) and ids[start + k] == token


def _run(same: list[bool]) -> int:
    """Length of the longest stretch that begins and ends True and holds at most `SKIP` False."""
    best = begin = 0
    hits = [i for i, agrees in enumerate(same) if agrees]
    for end, last in enumerate(hits):
        while last - hits[begin] + 1 - (end - begin + 1) > SKIP:
            begin += 1
        best = max(best, last - hits[begin] + 1)
    return best
