"""Columns that a dataset leaves empty, and that a mirror may therefore have dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset

MGSM = "juletxara/mgsm"


def with_mgsm_answer(dataset: Dataset) -> Dataset:
    """MGSM with its column `answer`, which is null in all rows but the shots.

    lm-eval's templates ask whether it is null: without the column their prompts lose "Question:".
    """
    if "answer" in dataset.column_names:
        return dataset
    return dataset.add_column("answer", [None] * len(dataset))
