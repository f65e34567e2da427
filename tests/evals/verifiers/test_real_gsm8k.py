"""GSM8K's own solutions, read back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evals.verifiers import verifier

SHARED = Path(os.environ.get("ASSAY_SHARED", "../shared"))
FILES = sorted((SHARED / "hub/openai/gsm8k/main").glob("*.parquet"))


pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not FILES, reason="no openai/gsm8k below ASSAY_SHARED"),
]


def solutions_not_right_by_themselves(name: str) -> list[str]:
    import pandas as pd

    answers = pd.concat([pd.read_parquet(file) for file in FILES])["answer"]
    assert len(answers) == 8792
    return [str(a) for a in answers if not verifier(name)(a, a).correct]


@pytest.mark.parametrize("name", ["gsm8k", "gsm8k_strict"])
def test_every_solution_of_gsm8k_is_right_by_itself(name: str) -> None:
    assert solutions_not_right_by_themselves(name) == []


def test_the_published_verifier_fails_the_solutions_below_zero() -> None:
    wrong = solutions_not_right_by_themselves("gsm8k_tulu")
    assert len(wrong) == 5
    assert all(answer.rpartition("####")[2].strip().startswith("-") for answer in wrong)
