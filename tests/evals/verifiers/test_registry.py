"""The registry, the strict forms, and references that are none."""

from __future__ import annotations

import pytest

from evals.verifiers import VERIFIERS, verifier


@pytest.mark.parametrize(
    ("response", "correct"),
    [("1 + 1 = 2. #### 2", True), ("#### 2", True), ("#### 2 or so", False), ("2", False),
     ("#### 3", False), ("#### 2\n", True), ("", False)],
)  # fmt: skip
def test_strict_gsm8k_wants_the_final_form_and_nothing_after_it(
    response: str, correct: bool
) -> None:
    assert verifier("gsm8k_strict")(response, "2").correct is correct


@pytest.mark.parametrize(
    ("response", "correct"),
    [(r"so \boxed{7}", True), (r"\boxed{7}.", True), (r"\boxed{7} maybe", False), ("7", False),
     (r"\boxed{8}", False), (r"\boxed{ 7 }", True)],
)  # fmt: skip
def test_strict_boxed_wants_the_box_last(response: str, correct: bool) -> None:
    assert verifier("boxed_strict")(response, "7").correct is correct


def test_an_unknown_verifier_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'gsm8k'"):
        verifier("gsm8")


def test_every_verifier_is_named_after_its_function() -> None:
    assert {name: check.__name__ for name, check in VERIFIERS.items()} == {n: n for n in VERIFIERS}


@pytest.mark.parametrize(
    ("name", "reference", "message"),
    [
        ("gsm8k", "eighteen", "without a number"),
        ("gsm8k", "", "without a number"),
        ("gsm8k", "18 or 20", "more than one number"),
        ("gsm8k_strict", "eighteen", "without a number"),
        ("math", "", "without an answer"),
        ("math", "$ $", "without an answer"),
        ("math", r"\boxed{}.", "without an answer"),
        ("choice", "Paris", "is no letter"),
        ("choice", "", "is no letter"),
        ("choice", "{", "is no JSON"),
        ("choice", '{"answer": "B"}', "has no 'options'"),
        ("choice", '{"options": ["x"]}', "has no 'answer'"),
        ("choice", '{"answer": "C", "options": ["x", "y"]}', "'C' is none of A, B"),
        ("choice_tulu", "Paris", "is no letter"),
        ("choice_tulu", "", "is no letter"),
        ("exact", " ", "without a text"),
    ],
)
def test_a_reference_that_is_none_is_an_error(name: str, reference: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        verifier(name)("18", reference)


@pytest.mark.parametrize("name", ["gsm8k", "gsm8k_tulu", "math", "choice", "choice_tulu", "exact"])
@pytest.mark.parametrize(
    "piece", ["#### ", "answer is ", "\\boxed{", "(", "{", "if the answer is a "]
)
def test_a_response_that_repeats_itself_is_read_in_linear_time(name: str, piece: str) -> None:
    response = piece * (60_000 // len(piece))
    assert not verifier(name)(response, "B" if name.startswith("choice") else "7").correct
