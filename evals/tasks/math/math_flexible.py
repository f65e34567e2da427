"""MATH (Hendrycks et al. 2021) with Minerva's prompt and an answer read flexibly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evals.tulu_sources import MATH_SUBJECTS
from evals.verifiers import verifier

if TYPE_CHECKING:
    from datasets import Dataset


def load(path: str, **_metadata: object) -> Mapping[str, Dataset]:
    """The test problems of the seven subjects as one split with a column for the subject.

    Args:
        path: Hub id, or a folder laid out like it with one configuration per subject.
    """
    from datasets import Dataset, load_dataset

    rows = [
        {"subject": subject, "problem": row["problem"], "solution": row["solution"]}
        for subject in MATH_SUBJECTS
        for row in load_dataset(path, subject, split="test")
    ]
    return {"test": Dataset.from_list(rows)}


def score(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Whether the answer equals the reference solution's, by the verifier RLVR uses."""
    return {"exact_match": float(verifier("math")(results[0], doc["solution"]).correct)}
