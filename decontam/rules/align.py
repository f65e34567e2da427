"""A prompt laid on a stretch of a row: what agrees, and what stands in its place."""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from decontam.text._scanner import runs
from decontam.text.tokens import OPERATORS, is_quantity

LEAST_RUN = 2
"""A single agreeing token is chance as often as not, unless a longer run stands close by."""

CLOSE = 2
"""Tokens that may stand between a single agreeing token and the run that vouches for it."""

WORK = 4_000_000
"""Pairs of equal tokens that the search for runs may look at: a few hundredths of a second.  Edited
copies of texts of 2,500 tokens need half of it; a repetitive text of as many needs 500 times as
much."""

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
    """Align by longest common runs first (Ratcliff and Obershelp, 1988); where that is more than
    `WORK`, by a longest common subsequence, whose time does not depend on how texts repeat."""
    found: Iterable[Block] | None = _runs(row, prompt)
    if found is None:
        found = ((at, start, 1) for at, start in _subsequence(row, prompt))
    return Alignment(row, prompt, tuple(_joined(found)))


def _runs(row: Sequence[str], prompt: Sequence[str]) -> list[Block] | None:
    """What `SequenceMatcher.get_matching_blocks` finds, before it joins them; None where it would
    take too long."""
    places: dict[str, int] = {}
    numbered = array("i", [places.setdefault(word, len(places)) for word in prompt])
    found = runs(array("i", [places.get(word, -1) for word in row]), numbered, WORK)
    return None if found is None else sorted(found)


def _subsequence(row: Sequence[str], prompt: Sequence[str]) -> list[tuple[int, int]]:
    """Places in row and prompt of a longest common subsequence (Hyyro 2004, "Bit-parallel
    LCS-length computation revisited"): a bit of a state is 0 where one more token of the prompt
    makes the subsequence with the row so far longer."""
    bits: dict[str, int] = {}
    for start, word in enumerate(prompt):
        bits[word] = bits.get(word, 0) | 1 << start
    every = (1 << len(prompt)) - 1

    def add(state: int, word: str) -> int:
        there = state & bits.get(word, 0)
        return (state + there | state - there) & every

    # States are kept at every `step` tokens of the row and made again in between, on the way back.
    step = math.isqrt(len(row)) + 1
    states = itertools.accumulate(row, add, initial=every)
    kept = list(itertools.islice(states, 0, None, step))
    found, start = [], len(prompt)
    for first in reversed(range(0, len(row), step)):
        between = row[first : first + step]
        known = list(itertools.accumulate(between, add, initial=kept[first // step]))
        for k in reversed(range(len(between))):
            start = (~known[k + 1] & (1 << start) - 1).bit_length()
            if start and known[k] >> start - 1 & 1:
                start -= 1
                found.append((first + k, start))
    return found[::-1]


def _joined(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks, those without a token between them on either side as one."""
    last = (0, 0, 0)
    for at, start, size in blocks:
        if (at, start) == (last[0] + last[2], last[1] + last[2]):
            last = (last[0], last[1], last[2] + size)
            continue
        if last[2]:
            yield last
        last = (at, start, size)
    if last[2]:
        yield last


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
