"""AGIEval's English multiple choice with a chain of thought: prompts and scoring."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from evals.tasks.tulu3.choices import MORE, framed, graded

Doc = Mapping[str, Any]

CUE = re.compile(r"\s*A: Among A through [A-Z], the answer is\s*\Z")
LETTER = re.compile(r"\A\s*\(([A-Z])\)\s*")


def passage_and_question(query: str) -> str:
    """A row's query without the cue to answer with a letter at once."""
    return CUE.sub("", query).strip()


def prompt(doc: Doc) -> str:
    """A row as a prompt; its query holds passage, question and options."""
    return framed(passage_and_question(doc["query"]), MORE, 2)


def right_letters(doc: Doc) -> set[str]:
    """The letters that are right; a few rows have several.

    A choice's own mark, `(B)`, counts where it has one; the letters of a row may skip.
    """
    marks = [LETTER.match(str(choice)) for choice in doc["choices"]]
    return {(m[1] if (m := marks[i]) else ascii_uppercase[i]) for i in doc["gold"]}


def answer(doc: Doc) -> str:
    """The letters that are right, joined by commas."""
    return ", ".join(sorted(right_letters(doc)))


def score(doc: Doc, results: Sequence[str]) -> dict[str, float]:
    """Whether the letter is right, and whether it is right and in the words asked for."""
    return graded(results[0], answer(doc))
