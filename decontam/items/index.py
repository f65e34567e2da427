"""n-gram -> where it stands in which entries, as arrays that every process can map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from decontam.items.entries import Entries, Ints, Part, Ragged
from decontam.items.information import Bits
from decontam.policy import Policy, UnionMatch, looked_up_alike
from decontam.rows.shapes import ANSWER, QUESTION
from decontam.text._scanner import Scanner
from decontam.text.scanner import Hashes, gram_keys, scanner_alphabet

LOOKED_FOR: Mapping[Part, int] = {"prompt": QUESTION, "passage": QUESTION, "answer": ANSWER}

ARRAYS = (
    "grams", "gram_buckets", "bitmap", "part_bitmap", "short_bitmap", "bounds", "post_entry",
    "post_position",
    "vocabulary", "vocabulary_buckets", "prompt_bounds", "prompt_tokens",
    "bit_bounds", "bit_tokens", "bits", "bit_counts", "least", "parts", "match_n", "totals",
    "gram_sizes",
)  # fmt: skip
"""The arrays that the scanner takes, in its order."""

PART = 3
"""Tokens of the parts of an n-gram that the scanner looks up first, where it has more."""

_BITS_PER_GRAM = 32
_MOST_WORDS, _MOST_PART_WORDS = 1 << 19, 1 << 17
"""The filters stay within 4 and 1 MiB, so that most of them stay in the processor's cache."""

Array = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Grams:
    """n-grams to look up; arrays of one length."""

    entry: Ints
    position: Ints
    """Where the n-gram begins, in tokens."""
    n: Ints


@dataclass(frozen=True, slots=True)
class Screen:
    """Which pairs of a row and an entry leave the scanner; it may only let too much through."""

    windows: bool = False
    """Some stretch of a turn, long enough for the entry, must hold ..."""
    share: float = 0.0
    """... more than this share of the entry's information ..."""
    tokens: float = 0.0
    """... or of its tokens, in n-grams that they share."""
    whole_below: int = 0
    """Entries of fewer tokens are let through."""
    once: bool = False
    """Whether a row's hits are those of the first place of each n-gram in it: what repeats there
    would meet every entry that holds it again and again."""


@dataclass(frozen=True)
class Index:
    """What one policy looks for, ready to be looked up in any text."""

    policy: Policy
    entries: Entries
    arrays: Mapping[str, Array]
    """By the names in `ARRAYS`."""
    sizes: tuple[int, ...]
    """The lengths of the n-grams that are looked up."""
    screen: Screen

    def gram_size(self, entry: int) -> int:
        """The length of the n-grams by which an entry is looked up."""
        return int(self.arrays["gram_sizes"][entry])

    @cached_property
    def asked(self) -> int:
        """What any turn is asked for: bits of `QUESTION` and `ANSWER`."""
        return int(np.bitwise_or.reduce(self.arrays["parts"]))

    def with_policy(self, policy: Policy) -> Index:
        """The same index for a policy that differs in mode, actions or thresholds of a union only.

        Raises:
            ValueError: a threshold is of a benchmark that the index does not hold.
        """
        assert looked_up_alike(policy.rule, self.policy.rule)
        if isinstance(policy.rule, UnionMatch):
            policy.rule.check_benchmarks(item.benchmark for item in self.entries.items)
        return replace(self, policy=policy)

    def scanner(self) -> Scanner:
        """A scanner of this index; not safe to share between threads."""
        s = self.screen
        arrays = tuple(np.ascontiguousarray(self.arrays[name]) for name in ARRAYS)
        return Scanner(
            scanner_alphabet(), arrays, self.sizes,
            s.windows, s.share, s.tokens, s.whole_below, s.once,
        )  # fmt: skip

    def bits(self, entry: int) -> dict[int, float]:
        """Information of each distinct token of an entry, in bits."""
        begin, end = self.arrays["bit_bounds"][entry : entry + 2].tolist()
        tokens = self.arrays["bit_tokens"][begin:end].tolist()
        return dict(zip(tokens, self.arrays["bits"][begin:end].tolist(), strict=True))


def build(
    policy: Policy,
    entries: Entries,
    grams: Grams,
    bits: Mapping[int, Bits],
    least: Sequence[int],
    screen: Screen,
    match_n: Sequence[int] = (),
) -> Index:
    """Make an index.

    Args:
        policy: What it serves.
        entries: What is looked for.
        grams: Which of their n-grams are looked up.
        bits: Information of the tokens by entry; empty where the rule weighs nothing.
        least: For each entry the least number of hits in a row that the rule could flag.
        screen: What leaves the scanner.
        match_n: For each entry the n of its token-match, where the screen has windows.
    """
    prompts = Ragged.of([e.ids for e in entries.entries])
    hashes = entries.vocabulary.hashes[prompts.values]
    keys = _keys(hashes, prompts.bounds, grams)
    order = np.argsort(keys, kind="stable")
    first = np.flatnonzero(np.append(True, np.diff(keys[order]) != 0))
    distinct = keys[order][first]
    arrays: dict[str, Array] = {
        "grams": distinct,
        "gram_buckets": _buckets(distinct),
        "bitmap": _bitmap(distinct),
        "part_bitmap": _bitmap(_parts(hashes, prompts.bounds, grams), _MOST_PART_WORDS),
        "short_bitmap": _bitmap(_firsts(hashes, prompts.bounds, grams)),
        "bounds": np.append(first, len(keys)).astype(np.uint32),
        "post_entry": grams.entry[order].astype(np.uint32),
        "post_position": grams.position[order].astype(np.uint32),
        "vocabulary": entries.vocabulary.hashes,
        "vocabulary_buckets": _buckets(entries.vocabulary.hashes),
        "prompt_bounds": prompts.bounds.astype(np.uint32),
        "prompt_tokens": prompts.values.astype(np.uint32),
        "least": np.array(least, dtype=np.uint32),
        "parts": np.array([LOOKED_FOR[e.part] for e in entries.entries], dtype=np.uint8),
        "match_n": np.array(match_n or [0] * len(entries.entries), dtype=np.uint32),
        "gram_sizes": _gram_sizes(len(entries.entries), grams),
        **_weights(len(entries.entries), bits),
    }
    return Index(policy, entries, arrays, tuple(np.unique(grams.n).tolist()), screen)


def _keys(hashes: Hashes, bounds: Ints, grams: Grams) -> Hashes:
    keys = np.zeros(len(grams.n), dtype=np.uint64)
    for n in np.unique(grams.n).tolist():
        of_n = grams.n == n
        keys[of_n] = gram_keys(hashes, n)[bounds[grams.entry[of_n]] + grams.position[of_n]]
    return keys


def _parts(hashes: Hashes, bounds: Ints, grams: Grams) -> Hashes:
    """Keys of the `PART`-grams of the n-grams that are longer."""
    begins = bounds[grams.entry] + grams.position
    longer = [begins[grams.n >= PART + k] + k for k in range(1, _most(grams) - PART + 1)]
    at: Ints = np.unique(np.concatenate([begins[grams.n > PART], *longer]))
    keys: Hashes = gram_keys(hashes, PART)[at]
    return keys


def _firsts(hashes: Hashes, bounds: Ints, grams: Grams) -> Hashes:
    """Keys of the first two tokens of the n-grams that have no parts, or of their only one."""
    begins = bounds[grams.entry] + grams.position
    alone, others = grams.n == 1, (grams.n > 1) & (grams.n <= PART)
    keys: Hashes = np.concatenate(
        [gram_keys(hashes, n)[np.unique(begins[of])] for n, of in ((1, alone), (2, others))]
    )
    return keys


def _most(grams: Grams) -> int:
    return int(grams.n.max(initial=0))


def _gram_sizes(entries: int, grams: Grams) -> Array:
    sizes = np.zeros(entries, dtype=np.uint32)
    sizes[grams.entry] = grams.n
    return sizes


def _buckets(keys: Hashes) -> NDArray[np.uint32]:
    """Where in the sorted keys each run of leading bits begins, about one key to a run."""
    bits = max(1, (max(len(keys), 2) - 1).bit_length())
    counts = np.bincount((keys >> np.uint64(64 - bits)).astype(np.int64), minlength=1 << bits)
    return np.concatenate(([0], np.cumsum(counts))).astype(np.uint32)


def _bitmap(keys: Hashes, most: int = _MOST_WORDS) -> Hashes:
    """A Bloom filter: two bits of one word for each key."""
    words = 2
    while words * 64 < len(keys) * _BITS_PER_GRAM and words < most:
        words *= 2
    one, shift = np.uint64(1), np.uint64(64 - (words.bit_length() - 1))
    bits = one << (keys & np.uint64(63)) | one << (keys >> np.uint64(6) & np.uint64(63))
    bitmap = np.zeros(words, dtype=np.uint64)
    np.bitwise_or.at(bitmap, (keys >> shift).astype(np.int64), bits)
    return bitmap


def _weights(entries: int, bits: Mapping[int, Bits]) -> dict[str, Array]:
    found = [bits.get(k) for k in range(entries)]
    lengths = [len(b.token) if b else 0 for b in found]
    held = [b for b in found if b]

    def joined(name: str, kind: type[np.generic]) -> Array:
        return np.concatenate([np.zeros(0), *(getattr(b, name) for b in held)]).astype(kind)

    return {
        "totals": np.array([b.bits.sum() if b else 0.0 for b in found]),
        "bit_bounds": np.concatenate(([0], np.cumsum(lengths))).astype(np.uint32),
        "bit_tokens": joined("token", np.uint32),
        "bits": joined("bits", np.float64),
        "bit_counts": joined("count", np.uint32),
    }
