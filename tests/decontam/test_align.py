"""Texts are aligned by their longest runs, and in bounded work however they repeat."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence
from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decontam.rules import align as module
from decontam.rules.align import Alignment, align, swapped
from decontam.text._scanner import runs

WORDS = st.lists(st.sampled_from("abcde12+"), max_size=40)


def agrees(alignment: Alignment) -> None:
    """Blocks ascend in both texts, hold equal tokens, and are as long as they can be."""
    at = start = 0
    for a, b, size in alignment.blocks:
        assert a >= at
        assert b >= start
        assert size
        assert list(alignment.row[a : a + size]) == list(alignment.prompt[b : b + size])
        assert (a, b) != (at, start) or (a, b) == (0, 0)
        at, start = a + size, b + size


@given(WORDS, WORDS)
def test_short_texts_are_aligned_by_longest_runs(row: list[str], prompt: list[str]) -> None:
    found = align(row, prompt)
    agrees(found)
    blocks = SequenceMatcher(None, row, prompt, autojunk=False).get_matching_blocks()
    assert list(found.blocks) == [tuple(b) for b in blocks if b.size]


def longest(row: Sequence[str], prompt: Sequence[str]) -> int:
    """Length of a longest common subsequence, by its definition."""
    lengths = [0] * (len(prompt) + 1)
    for word in row:
        before = list(lengths)
        for k, other in enumerate(prompt):
            lengths[k + 1] = before[k] + 1 if word == other else max(before[k + 1], lengths[k])
    return lengths[-1]


@given(WORDS, WORDS)
def test_texts_that_take_too_long_are_aligned_by_a_longest_common_subsequence(
    row: list[str], prompt: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WORK", -1)
        found = align(row, prompt)
    agrees(found)
    assert sum(size for _, _, size in found.blocks) == longest(row, prompt)


def pairs_looked_at(row: Sequence[str], prompt: Sequence[str]) -> int:
    """Pairs of equal tokens in every stretch that the search by longest runs goes through."""
    matcher = SequenceMatcher(None, row, prompt, autojunk=False)
    todo, looked_at = [(0, len(row), 0, len(prompt))], 0
    while todo:
        a, b, c, d = todo.pop()
        if a == b or c == d:
            continue
        looked_at += sum(prompt.count(word) for word in row[a:b])
        at, start, size = matcher.find_longest_match(a, b, c, d)
        if size:
            todo += [(a, at, c, start), (at + size, b, start + size, d)]
    return looked_at


@given(WORDS, WORDS, st.integers(0, 40))
def test_the_work_is_bounded(row: list[str], prompt: list[str], work: int) -> None:
    places = {word: k for k, word in enumerate(dict.fromkeys(prompt))}
    numbers = [array("i", [places.get(word, -1) for word in text]) for text in (row, prompt)]
    assert (runs(*numbers, work) is None) == (pairs_looked_at(row, prompt) > work)


REPETITIVE = [
    (["1"] * 5000, ["1"] * 4000 + ["2"]),
    (["a", "b"] * 2500, ["a", "c", "b"] * 1666),
    (["the", "1", "of"] * 1500 + ["x"] + ["the", "1", "of"] * 1500, ["the", "1", "of"] * 3000),
]


@pytest.mark.parametrize(("row", "prompt"), REPETITIVE)
def test_texts_that_repeat_are_aligned_by_a_longest_common_subsequence(
    row: list[str], prompt: list[str]
) -> None:
    places = {word: k for k, word in enumerate(dict.fromkeys(prompt))}
    numbers = [array("i", [places.get(word, -1) for word in text]) for text in (row, prompt)]
    assert runs(*numbers, module.WORK) is None
    agrees(align(row, prompt))


@pytest.mark.parametrize(
    ("row", "prompt"),
    [
        (b"\0" * 3, b""),
        (b"", b"\0" * 5),
        (array("i", [1]), array("i", [0])),
        (array("i", [0]), array("i", [1])),
        (array("i", [0]), array("i", [-1])),
    ],
)
def test_numbers_that_name_no_token_of_the_prompt_are_refused(row: object, prompt: object) -> None:
    with pytest.raises(ValueError, match="token"):
        runs(row, prompt, 10)  # type: ignore[arg-type]


def test_a_long_repetitive_copy_is_recognised_with_its_edits() -> None:
    prompt = (["1", "+"] * 5 + ["="]) * 300
    row = [*["so"] * 50, *prompt, *["end"] * 50]
    row[2000] = "2"
    found = align(row, prompt)
    assert len(found.positions()) == len(prompt) - 1
    assert 0 < swapped(found) < 0.01


def test_an_edited_copy_of_a_long_ordinary_text_is_aligned_by_longest_runs() -> None:
    rng = random.Random(5)
    words, weights = [f"w{k}" for k in range(3000)], [1 / (k + 1) for k in range(3000)]
    prompt = rng.choices(words, weights, k=2000)
    row = [w if rng.random() > 0.1 else rng.choice(words) for w in prompt]
    blocks = SequenceMatcher(None, row, prompt, autojunk=False).get_matching_blocks()
    assert list(align(row, prompt).blocks) == [tuple(b) for b in blocks if b.size]
