"""One row and one entry that share n-grams, and what a rule found there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from decontam.items.entries import Entry
from decontam.policy import EXACT_TOKENS, Label
from decontam.rows.shapes import Segment
from decontam.text._scanner import longest_run as longest_shared
from decontam.text.reading import Reading
from decontam.text.tokens import words

SKIP = 2
"""Mismatches that the longest run may step over."""

ANSWER_WITHIN = 50
"""Tokens around a short prompt within which its answer belongs to it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An n-gram that stands in a segment and in the entry."""

    segment: int
    """Place among the row's segments."""
    at: int
    position: int
    n: int


@dataclass(frozen=True, slots=True)
class Scanned:
    """A row with the tokens of its segments."""

    row: int
    segments: tuple[Segment, ...]
    readings: tuple[Reading, ...]
    """One for each segment."""
    asked: tuple[bool, ...]
    """Whether each segment is one that entries are looked for in."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A row and an entry with at least one shared n-gram."""

    scanned: Scanned
    place: int
    """Of the entry, among all entries."""
    entry: Entry
    hits: tuple[Hit, ...]
    """The n-grams looked up that they share, at every place; empty where the index asks for each
    once."""
    shared: tuple[int, ...] = ()
    """Then these are the positions in the entry of those that the row seems to hold somewhere."""


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
    matched: tuple[int, ...] = ()
    """Positions of the entry that the row holds, for rules that look at all rows together."""


def whole(pair: Pair) -> tuple[int, int] | None:
    """Segment and token position where the whole entry stands, if it may count.

    An entry of fewer than `EXACT_TOKENS` tokens counts only as a whole turn, together with its
    answer, or before all of its options.
    """
    size = len(pair.entry)
    for segment, start in diagonals(pair):
        reading = pair.scanned.readings[segment]
        if start < 0 or tuple(reading.ids(start, start + size)) != pair.entry.ids:
            continue
        if size >= EXACT_TOKENS or len(reading) == size or answered(pair, segment, start):
            return segment, start
        if optioned(pair, segment, start):
            return segment, start
    return None


def diagonals(pair: Pair) -> list[tuple[int, int]]:
    """Segment and place of the entry's first token, for every way the hits lay it on the row."""
    return sorted({(hit.segment, hit.at - hit.position) for hit in pair.hits})


def longest_run(pair: Pair) -> float:
    """Longest run shared along one diagonal, stepping over up to `SKIP` mismatches, over the
    entry's length."""
    ids = np.array(pair.entry.ids, dtype=np.int32)
    longest = 0
    for segment, of_segment in itertools.groupby(diagonals(pair), key=lambda d: d[0]):
        starts = np.array([start for _, start in of_segment], dtype=np.int64)
        begin, end = max(int(starts.min()), 0), int(starts.max()) + len(ids)
        row = np.array(pair.scanned.readings[segment].ids(begin, end), dtype=np.int32)
        longest = max(longest, longest_shared(row, ids, starts - begin, 1, SKIP))
    return longest / len(pair.entry)


def run_of(run: list[str], text: list[str]) -> bool:
    """Whether a text holds a run of tokens."""
    return any(text[k : k + len(run)] == run for k in range(len(text) - len(run) + 1))


def answered(pair: Pair, segment: int, start: int) -> bool:
    """Whether the item's answer stands near the prompt, or in another turn, outside of copies of
    the prompt itself."""
    item = pair.entry.item
    answer, prompt = words(item.answer or ""), words(item.prompt)
    return bool(answer) and any(
        run_of(answer, rest)
        for text in _around(pair.scanned, segment, start, len(prompt))
        for rest in _between(text, prompt)
    )


def optioned(pair: Pair, segment: int, start: int) -> bool:
    """Whether all of the item's options follow the prompt, in any order."""
    options = [words(option) for option in pair.entry.item.options]
    behind = start + len(pair.entry)
    reach = ANSWER_WITHIN + 2 * sum(map(len, options))
    text = pair.scanned.readings[segment].words(behind, behind + reach)
    return len(options) > 1 and all(bool(o) and run_of(o, text) for o in options)


def _around(scanned: Scanned, segment: int, start: int, size: int) -> Iterator[list[str]]:
    for place, reading in enumerate(scanned.readings):
        if place == segment:
            yield reading.words(start - ANSWER_WITHIN, start + size + ANSWER_WITHIN)
        else:
            yield words(reading.text)


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
