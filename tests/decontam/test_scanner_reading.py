"""The scanner reads the tokens of a text, and where they stand, in any text there is."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from decontam.items.entries import Entries, Vocabulary, read_entries
from decontam.items.item import Item
from decontam.policy import Policy, SharedNgram
from decontam.rules.rule import prepare
from decontam.text.reading import Reading
from decontam.text.scanner import token_hashes
from decontam.text.tokens import tokenize, words

MARKS = "\u0301\u0308\u0327\u0338\u0345\u0303\u3099\uff9e\uff9f\u1161\u11a8\u00ad\u200b\u200d\ufe0f"
ODD = (
    "aZ09=<>+ ,.’“…×÷½ﬁßİŉΐǰ가ᄀ你ไカﾊेि⇔∃´¨\U0001d400\U00020000\U0001f600\U000e0101\n\0\x7f" + MARKS
)
TEXT = st.text(max_size=150) | st.text(st.sampled_from(ODD), max_size=150)
CHARACTER = st.characters(exclude_categories=["Cs"]) | st.sampled_from(ODD)
BLOCK = 64


def hashes_of_words(text: str) -> list[int]:
    return [int(token_hashes(word)[0]) for word in words(text)]


def hashed(text: str) -> list[int]:
    return token_hashes(text).tolist()


@settings(deadline=None, max_examples=400)  # the first text that is not ASCII builds the alphabet
@given(TEXT | st.lists(TEXT, max_size=4).map("".join))
def test_the_hashes_of_a_text_are_the_hashes_of_its_words(text: str) -> None:
    assert hashed(text) == hashes_of_words(text)


@settings(deadline=None, max_examples=400)
@given(
    st.integers(0, 2 * BLOCK + 4),
    st.sampled_from(["x", " ", "=", "x ", "“", "x=", "ab, "]),
    st.text(CHARACTER, min_size=1, max_size=4),
    st.text(st.characters(max_codepoint=127), max_size=140),
)
@example(BLOCK - 1, " ", "=\u0338", " and so on")
@example(BLOCK - 1, "x ", "<\u0338", "")
def test_a_character_is_the_same_at_every_place_of_a_block(
    offset: int, filler: str, character: str, rest: str
) -> None:
    text = (filler * (offset + 1))[:offset] + character + rest
    assert hashed(text) == hashes_of_words(text)


@pytest.mark.parametrize("base", "aZ0= <>+“×½é你ﾊ가")
def test_what_combines_across_the_border_of_a_block_stays_together(base: str) -> None:
    for offset, mark, filler in itertools.product(range(60, 67), MARKS, "x ="):
        for text in (filler * offset + base + mark + "y", filler * offset + base + mark):
            assert hashed(text) == hashes_of_words(text), (offset, mark, filler)


@pytest.mark.parametrize("length", [1, 7, 8, 9, 63, 64, 65, 71, 72, 73, 127, 128, 129, 200, 1000])
def test_long_runs_of_letters_are_one_token_wherever_they_begin(length: int) -> None:
    for offset, after in itertools.product(
        [*range(9), *range(55, 73)], ["", " ", "é", "\u0301", "“", "="]
    ):
        text = "," * offset + "Ab9" * (length // 3) + "Q" * (length % 3) + after
        assert hashed(text) == hashes_of_words(text), (offset, after)


def test_every_code_point_reads_the_same_alone_and_among_letters() -> None:
    dull = [
        *range(0x3400, 0xA000),
        *range(0xAC00, 0xD800),
        *range(0xE000, 0xF900),
        *range(0x20000, 0x110000),
    ]
    # Of ideographs, syllables, private use and empty planes every 97th stands for the rest.
    skipped = {p for p in dull if p % 97} | set(range(0xD800, 0xE000))
    chosen = [chr(p) for p in range(0x110000) if p not in skipped]
    for text in ("".join(chosen[k : k + 300]) for k in range(0, len(chosen), 300)):
        for form in (text, " ".join(text), "a" + "a b".join(text)):
            assert hashed(form) == hashes_of_words(form)


def test_random_texts_of_all_lengths_read_the_same() -> None:
    rng = random.Random(1)
    for _ in range(3000):
        alphabet = rng.choice([ODD, "ab =", "abcdefgh ’“", ODD + "a" * 60, "xyz0" + MARKS])
        text = "".join(rng.choices(alphabet, k=rng.randrange(300)))
        assert hashed(text) == hashes_of_words(text), text


KNOWN = "1/2 cup of flour, ﬁve cafés - 가 你好 a1 21"
SCANNER = prepare(Policy("test", SharedNgram(2)), [Item("b", "1", KNOWN)]).scanner()


@settings(deadline=None, max_examples=400)
@given(TEXT)
@example("a½")
@example("½½b ½ a½½ 2½")
def test_read_says_where_tokenize_says_and_which_tokens_the_vocabulary_holds(text: str) -> None:
    reading, tokens = Reading(SCANNER, text), tokenize(text)
    assert len(reading) == len(tokens.words)
    assert [reading.span(k, k + 1) for k in range(len(reading))] == list(
        zip(tokens.starts, tokens.ends, strict=True)
    )
    hashes = sorted(set(hashes_of_words(KNOWN)))
    expected = [hashes.index(h) if h in hashes else -1 for h in hashed(text)]
    assert reading.ids(0, len(reading)) == expected


@settings(deadline=None, max_examples=400)
@given(TEXT | st.text(st.sampled_from("½⅓ab1 ⁄ﬁ㎏\u0301가"), max_size=12), st.data())
@example("a½", None)
@example("a½½ ½b", None)
def test_any_stretch_of_a_reading_has_the_words_and_the_span_of_tokenize(
    text: str, data: st.DataObject | None
) -> None:
    reading, tokens = Reading(SCANNER, text), tokenize(text)
    size = len(tokens.words)
    if data is None:
        stretches = [(b, e) for b in range(size + 1) for e in range(b, size + 2)]
    else:
        place = st.integers(0, size + 1)
        stretches = data.draw(st.lists(st.tuples(place, place), min_size=1, max_size=8))
    for begin, end in stretches:
        assert reading.words(begin, end) == tokens.words[begin:end]
        if begin < min(end, size):
            last = min(end, size) - 1
            assert reading.span(begin, last + 1) == (tokens.starts[begin], tokens.ends[last])


def test_a_vocabulary_gives_each_word_its_place_and_others_none() -> None:
    entries: Entries = read_entries([Item("b", "1", "b a"), Item("b", "2", "c a b")])
    vocabulary: Vocabulary = entries.vocabulary
    assert sorted(vocabulary.words) == ["a", "b", "c"]
    assert np.all(np.diff(vocabulary.hashes.astype(object)) > 0)
    assert [hashed(w)[0] for w in vocabulary.words] == vocabulary.hashes.tolist()
    assert vocabulary.encode(["x", *vocabulary.words]) == [-1, 0, 1, 2]
