"""What holds of every answer: any way to write the right one is right, another one is wrong."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.verifiers import VERIFIERS, verifier
from evals.verifiers.exact import QUASI, Matching, exact, normalised
from evals.verifiers.latex import boxes, same_notation, tidy
from evals.verifiers.numbers import numbers

steady = settings(deadline=None)

WHOLE = st.integers(-10_000_000, 10_000_000)
LETTERS = st.sampled_from("ABCDEFGH")
PLAIN_WORDS = st.text("bcdefghjklmnopqrstuvwxyz", min_size=1, max_size=8)
SENTENCES = st.sampled_from(
    ["She has {}", "The answer is {}.", "#### {}", "So we get {} apples", r"\boxed{{{}}}", "{}",
     "3 + 4 is 7.\nThe total comes to {}", "Answer: **{}**", "x = {}", "${}$", "({})",
     "The answer is {}. Step 5", "<think>1</think>{}"]
)  # fmt: skip
SPELLINGS = st.sampled_from(
    [str, "{:,}".format, "{}.00".format, "{:.1f}".format, lambda n: f"{n:,}".replace(",", "{,}"),
     lambda n: str(n).replace("-", "−"), lambda n: f"{n:,}".replace(",", "\u202f")]
)  # fmt: skip


@steady
@given(WHOLE, SPELLINGS, SENTENCES)
def test_a_number_is_right_however_it_is_written(number: int, spell: object, sentence: str) -> None:
    written = sentence.format(spell(number))  # type: ignore[operator]
    assert verifier("gsm8k")(written, str(number)).correct, written


@steady
@given(WHOLE, WHOLE, SPELLINGS, SENTENCES)
def test_another_number_is_wrong_however_it_is_written(
    number: int, other: int, spell: object, sentence: str
) -> None:
    written = sentence.format(spell(number))  # type: ignore[operator]
    assert verifier("gsm8k")(written, str(other)).correct is (number == other), written


@steady
@given(st.fractions(max_denominator=999).filter(lambda f: abs(f) < 10**6))
def test_fractions_are_read_exactly(value: Fraction) -> None:
    slash = f"{value.numerator}/{value.denominator}"
    sign = "-" if value < 0 else ""
    latex = rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"
    assert [n.value for n in numbers(slash)] == [value]
    assert [n.value for n in numbers(latex)] == [value]


@steady
@given(st.decimals(-(10**9), 10**9, places=3), st.integers(-20, 20))
def test_scientific_notation_is_read_exactly(mantissa: object, power: int) -> None:
    wanted = Fraction(str(mantissa)) * Fraction(10) ** power
    assert [n.value for n in numbers(f"{mantissa}e{power}")] == [wanted]
    assert [n.value for n in numbers(rf"{mantissa} \times 10^{{{power}}}")] == [wanted]


@steady
@given(st.text())
def test_numbers_are_found_where_they_say(text: str) -> None:
    found = numbers(text)
    assert all(text[n.start : n.end] == n.text for n in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


def tulu(response: str, reference: str) -> bool:
    """The published behaviour, one character after another."""
    text, i = "", 0
    while i < len(response):
        triple = response[i : i + 3]
        if (
            len(triple) == 3
            and triple[0].isdecimal()
            and triple[1] == ","
            and triple[2].isdecimal()
        ):
            text, i = text + triple[0] + triple[2], i + 3
        else:
            text, i = text + response[i], i + 1
    found, i = None, 0
    while i < len(text):
        end = i + (text[i] in "+-")
        while end < len(text) and text[end].isdecimal():
            end += 1
        if end + 1 < len(text) and text[end] == "." and text[end + 1].isdecimal():
            end += 1
        elif text[i] in "+-" or end == i:
            i += 1
            continue
        while end < len(text) and text[end].isdecimal():
            end += 1
        found, i = text[i:end], end
    return (text if found is None else found).lower() == reference.lower()


@settings(deadline=None, max_examples=400)
@given(st.text("0123459.,+- a$%", max_size=12), st.text("0123459.-", min_size=1, max_size=4))
def test_the_published_gsm8k_verifier_is_followed_letter_for_letter(
    response: str, reference: str
) -> None:
    assert verifier("gsm8k_tulu")(response, reference).correct is tulu(response, reference)


@steady
@given(WHOLE, st.sampled_from([r"\boxed{{{}}}", "so $x = 1$ and ${}$", r"\[ {} \]",
    "Final Answer: The final answer is ${}$. I hope it is correct."]))  # fmt: skip
def test_a_whole_number_is_right_in_each_of_the_three_places(number: int, place: str) -> None:
    assert verifier("math")(place.format(number), str(number)).correct
    assert not verifier("math")(place.format(number + 1), str(number)).correct


@steady
@given(st.recursive(st.text("ab12 +", max_size=4), lambda inner: st.builds("{{{}}}".format, inner)))
def test_a_box_holds_all_between_its_braces(content: str) -> None:
    (box,) = boxes(rf"a }} \boxed{{{content}}} }}")
    assert box.content == content


@steady
@given(st.text(r"\boxed{}fb$ 1", max_size=60))
def test_any_text_has_its_boxes_read_without_error(text: str) -> None:
    for box in boxes(text):
        assert re.match(r"\\{1,2}(boxed|fbox)", text[box.start :])
        assert text[: box.end].endswith(box.content + "}")


@steady
@given(st.text(max_size=40))
def test_one_spelling_is_spelled_once(text: str) -> None:
    once = same_notation(tidy(text))
    assert same_notation(once) == once


@steady
@given(LETTERS, LETTERS, st.sampled_from(
    ["The answer is ({}).", "**{}**", "{}", "({})", "Answer: {}", "Therefore, the answer is {}.",
     "Option {} is correct.", r"\boxed{{{}}}", "{}. Paris", "I'd go with {}.",
     "#### {}"]))  # fmt: skip
def test_a_letter_is_read_in_every_usual_form(letter: str, other: str, form: str) -> None:
    assert verifier("choice")(form.format(letter), letter).correct
    assert verifier("choice")(form.format(letter), other).correct is (letter == other)


@steady
@given(st.lists(PLAIN_WORDS, min_size=1, max_size=12))
def test_prose_names_no_option(words: list[str]) -> None:
    prose = "A " + " ".join(words) + " and I agree"
    assert verifier("choice")(prose, "A").extracted is None


@steady
@given(
    PLAIN_WORDS, PLAIN_WORDS, st.sampled_from(["{}", " {}\n", "{}.", "**{}**", '"{}."', "The {}"])
)
def test_a_text_is_exact_apart_from_its_dress(word: str, other: str, dress: str) -> None:
    assert exact(dress.format(word.upper()), word).correct
    assert exact(dress.format(word), other).correct is (word == other)


@steady
@given(st.text(max_size=40))
def test_what_is_reduced_stays_reduced_where_nothing_nests(text: str) -> None:
    keep = Matching(punctuation="keep", articles="keep")
    assert normalised(normalised(text, keep), keep) == normalised(text, keep)


@steady
@given(st.text("aAtheThe an.,-'\"!$x5 ", max_size=30))
def test_quasi_exact_match_is_squads_normalisation(text: str) -> None:
    from transformers.data.metrics.squad_metrics import normalize_answer

    assert normalised(text, QUASI) == normalize_answer(text)


@pytest.mark.parametrize("name", ["gsm8k", "gsm8k_tulu", "math", "choice", "choice_tulu", "exact"])
@settings(deadline=None, max_examples=150)
@given(response=st.text("1 -,.$%/\\{}boxedAB()*#\nIis answer", max_size=80))
def test_no_response_is_an_error(name: str, response: str) -> None:
    verdict = VERIFIERS[name](response, "B" if name.startswith("choice") else "7")
    assert isinstance(verdict.correct, bool)
