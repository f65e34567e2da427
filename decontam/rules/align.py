"""A prompt laid on a stretch of a row: what agrees, and what stands in its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from decontam.text.tokens import OPERATORS, is_quantity

LEAST_RUN = 2
"""A single agreeing token is chance as often as not, unless a longer run stands close by."""

CLOSE = 2
"""Tokens that may stand between a single agreeing token and the run that vouches for it."""

Block = tuple[int, int, int]
"""Start in the row, start in the prompt, tokens."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """Runs of equal tokens that a row and a prompt share in the same order."""

    row: Sequence[str]
    prompt: Sequence[str]
    blocks: tuple[Block, ...]

    def positions(self) -> set[int]:
        """Positions of the prompt inside runs of at least `LEAST_RUN` tokens or close to one."""
        runs = [b for b in self.blocks if b[2] >= LEAST_RUN]
        kept = (b for b in self.blocks if b[2] >= LEAST_RUN or any(_close(b, r) for r in runs))
        return {k for _, start, size in kept for k in range(start, start + size)}

    def gaps(self) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
        """What stands between the runs: tokens of the prompt, and of the row in their place.

        Before the first run and after the last the row's side is as long as the prompt's.
        """
        if not self.blocks:
            return
        at, start, _ = self.blocks[0]
        yield self.prompt[:start], self.row[max(at - start, 0) : at]
        for (a, p, size), (b, q, _) in zip(self.blocks, self.blocks[1:], strict=False):
            yield self.prompt[p + size : q], self.row[a + size : b]
        at, start, size = self.blocks[-1]
        left = len(self.prompt) - start - size
        yield self.prompt[start + size :], self.row[at + size : at + size + left]


def align(row: Sequence[str], prompt: Sequence[str]) -> Alignment:
    """Align by longest common runs first (Ratcliff and Obershelp, 1988)."""
    blocks = SequenceMatcher(None, row, prompt, autojunk=False).get_matching_blocks()
    return Alignment(row, prompt, tuple((b.a, b.b, b.size) for b in blocks if b.size))


def _close(single: Block, run: Block) -> bool:
    """Whether a single token stands at most `CLOSE` tokens from a run in both texts."""
    return all(
        single[side] - run[side] - run[2] <= CLOSE
        if single[side] > run[side]
        else run[side] - single[side] - 1 <= CLOSE
        for side in (0, 1)
    )


def swapped(alignment: Alignment) -> float:
    """Share of the prompt's numbers and operators that have another one in their place.

    Numbers written with other separators (`1,000` and `1000`) are the same; operators count where
    the row has as many tokens in their place, so that comment marks and markup do not.
    """
    total = sum(map(is_quantity, alignment.prompt))
    replaced = sum(_replaced(*gap) for gap in alignment.gaps())
    return replaced / total if total else 0.0


def _replaced(expected: Sequence[str], found: Sequence[str]) -> int:
    wanted = [w for w in expected if is_quantity(w)]
    if len(expected) != len(found):
        wanted = [w for w in wanted if w not in OPERATORS]
        found = [w for w in found if w not in OPERATORS]
    there = [w for w in found if is_quantity(w)]
    differ = wanted and there and "".join(wanted) != "".join(there)
    return len(wanted) if differ else 0
