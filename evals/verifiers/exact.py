"""The whole response is the answer."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from evals.verifiers.final_text import final_text
from evals.verifiers.verdict import Verdict

LEADING_ARTICLE = re.compile(r"\A(?:a|an|the)\s+(?=\S)", re.IGNORECASE)
ARTICLE = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)
AROUND = {'"': '"', "'": "'", "`": "`", "*": "*", "_": "_", "“": "”", "‘": "’", "«": "»", "„": "“"}
STOPS = ".,;:!?。、"


@dataclass(frozen=True, slots=True)
class Matching:
    """What makes two texts the same."""

    case: Literal["ignore", "keep"] = "ignore"
    """By Unicode's case folding, so that "Straße" is "STRASSE"."""
    whitespace: Literal["collapse", "keep"] = "collapse"
    """Runs become one space and the ends go."""
    punctuation: Literal["outer", "all", "keep"] = "outer"
    """outer: quotes, backquotes and emphasis on both sides of the text, and stops after it; all:
    every character of Unicode's classes P and S, which makes 1.5 the same as 15."""
    articles: Literal["leading", "all", "keep"] = "leading"
    """English a, an, the: before the text, or anywhere, which makes "Vitamin A" "Vitamin"."""


DEFAULT = Matching()
QUASI = Matching(punctuation="all", articles="all")


def exact(response: str, reference: str, *, matching: Matching = DEFAULT) -> Verdict:
    """The response is the reference, apart from what `matching` overlooks.

    Both are first brought to Unicode's form NFC.

    Args:
        response: The model's text; what stands before `</think>` is not read.
        reference: The answer.
        matching: What is overlooked.

    Raises:
        ValueError: nothing of the reference is left to compare.
    """
    wanted = normalised(reference, matching)
    if not wanted:
        raise ValueError(f"reference without a text to compare: {reference!r}")
    found = normalised(final_text(response), matching)
    if not found:
        return Verdict(False, None, "empty")
    return Verdict(found == wanted, found, "equal" if found == wanted else "another text")


def normalised(text: str, matching: Matching = DEFAULT) -> str:
    """A text reduced to what `exact` compares."""
    text = unicodedata.normalize("NFC", text)
    if matching.case == "ignore":
        text = unicodedata.normalize("NFC", text.casefold())
    if matching.whitespace == "collapse":
        text = " ".join(text.split())
    if matching.punctuation == "all":
        text = "".join(c for c in text if unicodedata.category(c)[0] not in "PS")
    if matching.punctuation == "outer":
        text = _without_outer(text)
    if matching.articles == "all":
        text = ARTICLE.sub(" ", text)
    if matching.articles == "leading":
        text = LEADING_ARTICLE.sub("", text)
    return " ".join(text.split()) if matching.whitespace == "collapse" else text


def _without_outer(text: str) -> str:
    """Without the quotes and emphasis around a text and the stops after it, however they nest."""
    start, end = 0, len(text)
    while start < end:
        if end - start > 1 and AROUND.get(text[start]) == text[end - 1]:
            start, end = start + 1, end - 1
        elif text[end - 1] in STOPS and end - start > 1:
            end -= 1
        else:
            break
    return text[start:end]
