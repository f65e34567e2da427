"""DeepMind Mathematics (Saxton et al. 2019, arXiv:1904.01557): 56 kinds of generated problems.

The prompt is that of the published setting (OLMES `deepmind_math:0shot_cot::tulu3`, Apache-2.0).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.dataset_rows import dataset_rows
from evals.tulu_sources import DEEPMIND_MATH, DEEPMIND_MATH_ROWS, deepmind_text

if TYPE_CHECKING:
    from datasets import Dataset

Doc = Mapping[str, Any]

BEFORE = "Solve the following math problem efficiently:\n"
AFTER = """

Show your work and conclude with the exact phrasing "Therefore, the final answer is [answer]. I \
hope it is correct." where [answer] is just the final number or expression that solves the \
problem. E.g., if the answer is 6, conclude with "Therefore, the final answer is 6. I hope it is \
correct."
Note the formatting for the following answer types:
- If the answer is a list (e.g., when there are two solutions to an equation), unless otherwise \
specified, present the solutions in a list separated by commas ordering them from the smallest to \
biggest  e.g.: 2, 10
- Powers should be written with **, for instance x to the power of 2 should be written as x**2
- Use * for multiplication, e.g.: 2*x"""

PHRASE = re.compile(r"(?i)the final answer is:?\s*(.*?)\.?\s*I hope it is correct", re.DOTALL)
LOOSER = re.compile(r"(?i)final answer is:?[ \t]*([^\n]+)")
DRESS = re.compile(r"\\\(|\\\)|\\\[|\\\]|\$|\*\*(?=\s*\Z)|\A\s*\*\*|`|\s")


def load(dataset: str, hub: str | None, **_metadata: object) -> Mapping[str, Dataset]:
    """The first hundred test problems of each kind, as one split with a column for the kind.

    Args:
        dataset: Hub id; its configurations are the kinds.
        hub: Mirror folder that stands in for the Hub.
    """
    from datasets import Dataset

    rows = [
        {
            "id": f"deepmind_math/{kind}/{i}",
            "kind": kind,
            "question": deepmind_text(row["question"]),
            "answer": deepmind_text(row["answer"]),
        }
        for kind in DEEPMIND_MATH
        for i, row in enumerate(
            dataset_rows(dataset, kind, "test", Path(hub) if hub else None)[:DEEPMIND_MATH_ROWS]
        )
    ]
    return {"test": Dataset.from_list(rows)}


def prompt(doc: Doc) -> str:
    """The problem between the instruction and the form of the answer."""
    return f"{BEFORE}{doc['question']}{AFTER}"


def final_answer(response: str) -> str | None:
    """What a response says last in the form asked for, or after "final answer is"."""
    found = PHRASE.findall(response) or LOOSER.findall(response)
    return found[-1].strip() if found else None


def same(found: str, wanted: str) -> bool:
    """Equal as text without spaces and mark-up, or as numbers; lists part by part."""
    left, right = (DRESS.sub("", text.strip().rstrip(".")).rstrip(".") for text in (found, wanted))
    if left.lower() == right.lower():
        return True
    parts = left.split(","), right.split(",")
    if len(parts[0]) != len(parts[1]):
        return False
    return all(a is not None and a == b for a, b in zip(*map(_numbers, parts), strict=True))


def _numbers(texts: Sequence[str]) -> list[Fraction | None]:
    return [_number(text) for text in texts]


def _number(text: str) -> Fraction | None:
    if not re.fullmatch(r"[-+]?\d+(?:\.\d+)?(?:/\d*[1-9]\d*)?", text):
        return None
    above, _, below = text.partition("/")
    return Fraction(above) / Fraction(below or "1")


def score(doc: Doc, results: Sequence[str]) -> dict[str, float]:
    """Whether the final answer is the reference's."""
    found = final_answer(results[0])
    return {"exact_match": float(found is not None and same(found, doc["answer"]))}
