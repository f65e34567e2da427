"""MATH (Hendrycks et al. 2021) with Minerva's prompt and an answer read flexibly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.dataset_rows import dataset_rows
from evals.tulu_sources import MATH_SUBJECTS
from evals.verifiers import verifier

if TYPE_CHECKING:
    from datasets import Dataset


def load(dataset: str, hub: str | None, **_metadata: object) -> Mapping[str, Dataset]:
    """The test problems of the seven subjects as one split with a column for the subject.

    Args:
        dataset: Hub id; its configurations are the subjects.
        hub: Mirror folder that stands in for the Hub.
    """
    from datasets import Dataset

    rows = [
        {
            "id": f"math_flexible/{subject}/{i}",
            "subject": subject,
            "problem": row["problem"],
            "solution": row["solution"],
        }
        for subject in MATH_SUBJECTS
        for i, row in enumerate(dataset_rows(dataset, subject, "test", Path(hub) if hub else None))
    ]
    return {"test": Dataset.from_list(rows)}


def score(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Whether the answer equals the reference solution's, by the verifier RLVR uses."""
    return {"exact_match": float(verifier("math")(results[0], doc["solution"]).correct)}
