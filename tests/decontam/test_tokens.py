"""Tokens: what separates, what counts, and where each one stands in the original."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from decontam.text.normalise import chunks, normalise
from decontam.text.tokens import is_quantity, tokenize, tokenize_any, words

ANY = st.text(max_size=60)
COMBINING = "\u0301\u0345\u0308\u0303\uff9e\u1161\u11a8\u00ad\u200b"
TRICKY = st.text(st.sampled_from(COMBINING + "aeE ﾊ½ﬁŉßẞΐᾳ가ᄀก็你’−-×İ"), max_size=20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Janet’s ducks, 16!", ["janet", "s", "ducks", "16"]),
        ("3x+7 != 3x-7", ["3x", "+", "7", "=", "3x", "-", "7"]),
        (r"\frac{1}{2}", ["\\", "frac", "{", "1", "}", "{", "2", "}"]),
        ("你好 ไทย カ", ["你", "好", "ไ", "ท", "ย", "カ"]),
        ("ＦＵＬＬ\u00a0width", ["full", "width"]),
        ("5 − 3 × 2", ["5", "-", "3", "*", "2"]),
        ("Ja\u00adnet Cafe\u0301", ["janet", "café"]),
        ("हिन्दी straße", ["हिन्दी", "strasse"]),
        ("€5 ≤ ∞", ["€", "5", "≤", "∞"]),
        ("... — “” ?!", []),
    ],
)
def test_tokens_are_runs_of_letters_or_digits_operators_and_unspaced_characters(
    text: str, expected: list[str]
) -> None:
    assert words(text) == expected
    assert tokenize(text).words == expected


@settings(deadline=None)  # the first text that is not ASCII builds the alphabet
@given(st.text(st.characters(max_codepoint=127)))
def test_the_ascii_path_equals_the_general_path(text: str) -> None:
    assert tokenize(text) == tokenize_any(text)
    assert words(text) == tokenize_any(text).words


@settings(deadline=None)  # the first text that is not ASCII builds the alphabet
@given(ANY | TRICKY)
@example("e\u200d\u0301")
@example("ﾊ\u00ad\uff9e")
def test_words_are_the_words_of_tokenize(text: str) -> None:
    assert words(text) == tokenize(text).words


@settings(deadline=None)  # the first text that is not ASCII builds the alphabet
@given(ANY | TRICKY)
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFKC", once)


@settings(deadline=None)  # the first text that is not ASCII builds the alphabet
@given(ANY | TRICKY)
def test_chunks_cover_the_text_and_their_normal_forms_join_to_that_of_the_text(text: str) -> None:
    pieces = list(chunks(text))
    assert "".join(text[start:end] for start, end, _ in pieces) == text
    assert "".join(piece for _, _, piece in pieces) == normalise(text)


@settings(deadline=None)  # the first text that is not ASCII builds the alphabet
@given(ANY | TRICKY)
def test_every_token_is_found_again_in_its_span_of_the_original(text: str) -> None:
    tokens = tokenize(text)
    for word, start, end in zip(tokens.words, tokens.starts, tokens.ends, strict=True):
        assert word in normalise(text[start:end])


def test_spans_are_of_the_original_where_normalisation_changes_lengths() -> None:
    text = "ﬁve ½ CAFE\u0301s"
    tokens = tokenize(text)
    cut = [text[a:b] for a, b in zip(tokens.starts, tokens.ends, strict=True)]
    assert list(zip(tokens.words, cut, strict=True)) == [
        ("five", "ﬁve"), ("1", "½"), ("/", "½"), ("2", "½"), ("cafés", "CAFE\u0301s"),
    ]  # fmt: skip


def test_quantities_are_numbers_and_operators() -> None:
    assert [w for w in words("Add 3x + 7 (apples)") if is_quantity(w)] == ["3x", "+", "7"]
