"""Which stretches of a row and of an item agree, for people to see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from decontam.rules.align import Block, align
from decontam.text.tokens import Tokens, tokenize

Pieces = tuple[str, ...]
"""A text cut into pieces, every second of which, from the second on, is shared."""


def shared(train: str, item: str) -> tuple[Pieces, Pieces]:
    """Both texts, cut where their tokens begin or cease to agree.

    Runs of shared tokens include what separates the tokens; the pieces of a text joined are the
    text.
    """
    row, prompt = tokenize(train), tokenize(item)
    blocks = _blocks(row.words, prompt.words)
    return (
        _pieces(train, row, ((at, size) for at, _, size in blocks)),
        _pieces(item, prompt, ((at, size) for _, at, size in blocks)),
    )


def _blocks(row: list[str], prompt: list[str]) -> list[Block]:
    if row == prompt:
        return [(0, 0, len(row))] if row else []
    alignment = align(row, prompt)
    held = alignment.positions()
    return [block for block in alignment.blocks if block[1] in held]


def _pieces(text: str, tokens: Tokens, runs: Iterable[tuple[int, int]]) -> Pieces:
    pieces: list[str] = []
    at = 0
    for first, end in _joined(runs):
        # One character can be several tokens (`½`), and only some of them shared.
        start, stop = max(tokens.starts[first], at), tokens.ends[end - 1]
        if start < stop:
            pieces += [text[at:start], text[start:stop]]
            at = stop
    return (*pieces, text[at:])


def _joined(runs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """First position and end of each run, those without a token between them as one."""
    spans: list[tuple[int, int]] = []
    for first, size in runs:
        begin = spans.pop()[0] if spans and spans[-1][1] == first else first
        spans.append((begin, first + size))
    return iter(spans)
