"""Which stretches of a row and of an item agree, for people to see."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from decontam.rules.align import align
from decontam.text.tokens import Tokens, tokenize

Pieces = tuple[str, ...]
"""A text cut into pieces, every second of which, from the second on, is shared."""

Runs = list[tuple[int, int]]
"""First position and end of runs of tokens, in order."""


@functools.lru_cache(maxsize=1024)
def shared(train: str, item: str) -> tuple[Pieces, Pieces]:
    """Both texts, cut where their tokens begin or cease to agree.

    Runs of shared tokens include what separates the tokens; the pieces of a text joined are the
    text.  Common wording is asked about again and again, so answers are kept.
    """
    row, prompt = tokenize(train), tokenize(item)
    in_row, in_prompt = _runs(row.words, prompt.words)
    return _pieces(train, row, in_row), _pieces(item, prompt, in_prompt)


def _runs(row: Sequence[str], prompt: Sequence[str]) -> tuple[Runs, Runs]:
    if row == prompt:
        whole = [(0, len(row))] if row else []
        return whole, whole
    alignment = align(row, prompt)
    held = alignment.positions()
    blocks = [block for block in alignment.blocks if block[1] in held]
    return [(at, at + size) for at, _, size in blocks], [(at, at + size) for _, at, size in blocks]


def _pieces(text: str, tokens: Tokens, runs: Runs) -> Pieces:
    pieces: list[str] = []
    at = 0
    for first, end in _joined(runs):
        # One character can be several tokens (`½`), and only some of them shared.
        start, stop = max(tokens.starts[first], at), tokens.ends[end - 1]
        if start < stop:
            pieces += [text[at:start], text[start:stop]]
            at = stop
    return (*pieces, text[at:])


def _joined(runs: Runs) -> Iterator[tuple[int, int]]:
    """The runs, those that overlap or have no token between them as one."""
    joined: Runs = []
    for first, end in runs:
        begin = joined.pop()[0] if joined and joined[-1][1] >= first else first
        joined.append((begin, end))
    return iter(joined)
