"""Multiple choice with a chain of thought, no shots: prompts and scoring.

The prompts are those of the published setting (OLMES `0shot_cot::tulu3`, Apache-2.0): scores can
be set beside published ones only where the wording is the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from evals.verifiers.choice_tulu import EXACT, choice_tulu

if TYPE_CHECKING:
    from datasets import Dataset

Doc = Mapping[str, Any]

FOUR = "(A), (B), (C), (D)"
MORE = "(A), (B), (C), (D), (E), etc"
BEFORE = (
    "Answer the following multiple-choice question by giving the correct answer letter in "
    "parentheses. Provide CONCISE reasoning for the answer, and make sure to finish the response "
    'with "Therefore, the answer is (ANSWER_LETTER)" where (ANSWER_LETTER) is one of {letters}.'
)
AFTER = (
    "Answer the above question and REMEMBER to finish your response with the exact phrase "
    '"Therefore, the answer is (ANSWER_LETTER)" where (ANSWER_LETTER) is one of {letters}.'
)


def framed(question: str, letters: str, blank_lines: int = 1) -> str:
    """A question between the instruction and its reminder."""
    gap = "\n" * blank_lines
    return f"{BEFORE.format(letters=letters)}\n\n{question}{gap}{AFTER.format(letters=letters)}"


def question(stem: str, options: Sequence[str], heading: str = "") -> str:
    """A stem and its lettered options, each line ended."""
    lines = [f" ({letter}) {text}" for letter, text in zip(ascii_uppercase, options, strict=False)]
    return "\n".join([f"Question: {stem.strip()}", *([heading] if heading else []), *lines]) + "\n"


def mmlu(doc: Doc) -> str:
    """A row of `cais/mmlu` as a prompt."""
    return framed(question(doc["question"], doc["choices"]), FOUR)


def mmlu_answer(doc: Doc) -> str:
    """Its letter."""
    return ascii_uppercase[doc["answer"]]


def mmlu_pro(doc: Doc) -> str:
    """A row of `TIGER-Lab/MMLU-Pro` as a prompt; it has up to ten options."""
    return framed(question(doc["question"], doc["options"]), MORE)


def mmlu_pro_answer(doc: Doc) -> str:
    """Its letter."""
    return ascii_uppercase[doc["answer_index"]]


def gpqa_docs(dataset: Dataset) -> Dataset:
    """GPQA with its options in an order that depends on nothing but their texts.

    lm-eval shuffles them with the process's random state, so that two runs ask two questions.
    """
    return dataset.map(_gpqa_options)


def _gpqa_options(doc: Doc) -> dict[str, Any]:
    names = ("Correct Answer", *(f"Incorrect Answer {i}" for i in (1, 2, 3)))
    texts = [str(doc[name]).strip() for name in names]
    order = sorted(range(4), key=lambda i: _digest(f"{doc['Question']}\n{texts[i]}\n{i}"))
    return {"options": [texts[i] for i in order], "letter": ascii_uppercase[order.index(0)]}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def gpqa(doc: Doc) -> str:
    """A row of GPQA as a prompt."""
    return framed(question(doc["Question"], doc["options"], heading="Choices:"), FOUR, 2)


def gpqa_answer(doc: Doc) -> str:
    """Its letter."""
    return str(doc["letter"])


ANSWERS = {
    "choices": mmlu_answer,
    "answer_index": mmlu_pro_answer,
    "letter": gpqa_answer,
}


def score(doc: Doc, results: Sequence[str]) -> dict[str, float]:
    """Whether the letter is right, and whether it is right and in the words asked for."""
    known = next(read for column, read in ANSWERS.items() if column in doc)
    return graded(results[0], known(doc))


def graded(response: str, letters: str) -> dict[str, float]:
    """Score a response against the letters that are right, joined by commas."""
    verdict = choice_tulu(response, letters)
    strict = verdict.correct and verdict.reason == EXACT
    return {"exact_match": float(verdict.correct), "strict_match": float(strict)}
