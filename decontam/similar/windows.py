"""Texts laid on one line, and the windows they are looked at through."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from decontam.text.tokens import tokenize

QUARTERS = 4
"""Windows overlap by three quarters, so a copy of a prompt misses one by an eighth at most."""

GRID = 4
"""Characters between the places where a window may begin; minima are kept for each."""

Span = tuple[int, int]
"""First and end, the end excluded."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text as normalised words in one line, whose tokens know where they stand."""

    original: str
    line: str
    """The normalised tokens with one space between: no case, line ends, markup or punctuation."""
    at: tuple[int, ...]
    """Place in `line` where each token begins, and two past its end: where another would."""
    starts: Sequence[int]
    ends: Sequence[int]
    """Offsets in `original`, in characters."""

    def __len__(self) -> int:
        """Its tokens."""
        return len(self.starts)

    def part(self, tokens: Span) -> str:
        """The line from the first token to before the end."""
        return self.line[self.at[tokens[0]] : self.at[tokens[1]] - 1]

    def span(self, tokens: Span) -> Span:
        """Offsets in the original text, in characters, of a range of tokens."""
        return self.starts[tokens[0]], self.ends[tokens[1] - 1]

    def around(self, tokens: Span) -> str:
        """The original text of a range of tokens with the punctuation on both sides, which says
        something to a language model: a question is one by its mark."""
        low = self.ends[tokens[0] - 1] if tokens[0] else 0
        high = self.starts[tokens[1]] if tokens[1] < len(self) else len(self.original)
        return self.original[low:high].strip()

    def tokens(self, characters: Span) -> Span:
        """The tokens that stand whole in a range of the line; one token if none does."""
        first = min(bisect_left(self.at, characters[0]), len(self) - 1)
        return first, max(bisect_right(self.at, characters[1] + 1) - 1, first + 1)


def read_text(original: str) -> Text:
    """Tokenise a text (`decontam.text.tokens`) and lay its tokens on one line."""
    tokens = tokenize(original)
    at = [0]
    for word in tokens.words:
        at.append(at[-1] + len(word) + 1)
    return Text(original, " ".join(tokens.words), tuple(at), tokens.starts, tokens.ends)


def ladder(lengths: Iterable[int]) -> tuple[int, ...]:
    """Window sizes, each about a quarter longer than the one before, such that every length has a
    size that holds it; only sizes that some length needs.  All are multiples of
    `QUARTERS * GRID`."""
    unit = QUARTERS * GRID
    sizes, size = set[int](), unit
    for length in sorted(set(lengths)):
        while size < length:
            size = unit * max(size // unit + 1, round(1.25 * size / unit))
        sizes.add(size)
    return tuple(sorted(sizes))


def doublings(lengths: Iterable[int]) -> tuple[int, ...]:
    """Few window sizes for what is costly to look at: the shortest length, doubled until the
    longest fits."""
    known = sorted(lengths)
    sizes = known[:1]
    while sizes and sizes[-1] < known[-1]:
        sizes.append(2 * sizes[-1])
    return tuple(sizes)


def halves(text: Text, sizes: Iterable[int]) -> list[Span]:
    """Token ranges of about so many characters that overlap by half and cover the text, each
    once."""
    length = len(text.line)
    found = {
        text.tokens((low, min(low + size, length)))
        for size in sizes
        for low in range(0, max(length - size, 0) + (size + 1) // 2, max(1, size // 2))
    }
    return sorted(found)


def rung(sizes: Sequence[int], length: int) -> int:
    """The smallest of the ascending sizes that holds a length."""
    return sizes[bisect_left(sizes, length)]
