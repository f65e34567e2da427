"""Verifiers."""

from __future__ import annotations

import pytest

from evals.verifiers import verifier

GSM8K = [
    ("The answer is 18.", "18", True),
    ("#### 18", "#### 18", True),
    ("18.00", "18", True),
    ("$1,234", "1234", True),
    ("1,234,567", "1234567", True),
    ("It costs $18. #### 18\nStep 2", "18", True),
    ("-5", "-5", True),
    ("5", "-5", False),
    ("12 + 6 = 18", "18", True),
    ("18 apples and 3 pears", "18", False),
    ("", "18", False),
    ("no number here", "18", False),
    ("#### 17\n#### 18", "18", True),
    ("17", "working <<3*6=18>>18\n#### 18", False),
    ("0.5", "0.50", True),
]


@pytest.mark.parametrize(("response", "reference", "correct"), GSM8K)
def test_gsm8k_reads_the_final_number(response: str, reference: str, correct: bool) -> None:
    assert verifier("gsm8k")(response, reference).correct is correct


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


def test_a_reference_without_a_number_is_an_error() -> None:
    with pytest.raises(ValueError, match="without a number"):
        verifier("gsm8k")("18", "eighteen")
