"""Rows cut into overlapping windows about as long as the prompts looked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from decontam.tokens import tokenize

QUARTERS = 4
"""Windows overlap by three quarters, so a copy of a prompt misses one by an eighth at most."""

PIECE = 16_384
"""Tokens worked on at a time: what bounds the memory that one long text takes."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text as normalised words in one line, whose tokens know where they stand."""

    original: str
    line: str
    """The normalised tokens with one space between: no case, line ends, markup or punctuation."""
    at: tuple[int, ...]
    """Place in `line` where each token begins, and one past the end."""
    starts: Sequence[int]
    ends: Sequence[int]
    """Offsets in `original`, in characters."""

    def __len__(self) -> int:
        """Its tokens."""
        return len(self.starts)

    def part(self, first: int, end: int) -> str:
        """The line from token `first` to before token `end`."""
        return self.line[self.at[first] : self.at[end] - 1]

    def span(self, first: int, end: int) -> tuple[int, int]:
        """Offsets in the original text of the tokens from `first` to before `end`."""
        return self.starts[first], self.ends[end - 1]


def read_text(original: str) -> Text:
    """Tokenise a text (`decontam.tokens`) and lay its tokens on one line."""
    tokens = tokenize(original)
    at = [0]
    for word in tokens.words:
        at.append(at[-1] + len(word) + 1)
    return Text(original, " ".join(tokens.words), tuple(at), tokens.starts, tokens.ends)


def ladder(lengths: Iterable[int]) -> tuple[int, ...]:
    """Window sizes in tokens, each about a quarter longer than the one before it, such that every
    length has a size that holds it; only sizes that are some length's own."""
    wanted = sorted(set(lengths))
    sizes, size = [], QUARTERS
    for length in wanted:
        while size < length:
            size = QUARTERS * max(size // QUARTERS + 1, round(1.25 * size / QUARTERS))
        sizes.append(size)
    return tuple(sorted(set(sizes)))


def rung(sizes: Sequence[int], length: int) -> int:
    """The smallest size that holds a length."""
    return min(size for size in sizes if size >= length)


def cut(count: int, size: int, stride: int) -> list[tuple[int, int]]:
    """Token ranges of `size`, `stride` apart, over `count` tokens; the last one ends with the text
    and may be shorter."""
    last = max(0, -(-(count - size) // stride))
    return [(k * stride, min(k * stride + size, count)) for k in range(last + 1)] if count else []
