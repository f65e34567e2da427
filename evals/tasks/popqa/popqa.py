"""PopQA (Mallen et al. 2023, arXiv:2212.10511): entity questions over a long tail of popularity."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

Doc = Mapping[str, Any]

# Works of 2023 and later: the data was published in 2022, so that no shot can be one of its items.
SHOTS = (
    ("Who was the director of Past Lives?", "Celine Song"),
    ("Who is the author of Yellowface?", "R. F. Kuang"),
    ("Who was the screenwriter for Anatomy of a Fall?", "Justine Triet"),
    ("Who was the director of Anora?", "Sean Baker"),
    ("Who was the composer of The Brutalist?", "Daniel Blumberg"),
    ("Who is the author of James?", "Percival Everett"),
    ("What genre is The Bee Sting?", "tragicomedy"),
    ("Who was the director of The Substance?", "Coralie Fargeat"),
    ("Who was the screenwriter for American Fiction?", "Cord Jefferson"),
    ("Who is the author of Orbital?", "Samantha Harvey"),
    ("In what country is Anatomy of a Fall set?", "France"),
    ("Who was the composer of The Zone of Interest?", "Mica Levi"),
    ("Who was the director of Conclave?", "Edward Berger"),
    ("Who is the author of Intermezzo?", "Sally Rooney"),
    ("Who was the screenwriter for May December?", "Samy Burch"),
)

ARTICLES = re.compile(r"\b(?:a|an|the)\b")
UNMARKED = str.maketrans("", "", string.punctuation)


def shots() -> list[dict[str, Any]]:
    """Fifteen examples in the dataset's columns."""
    return [{"question": q, "possible_answers": json.dumps([a])} for q, a in SHOTS]


def answers(doc: Doc) -> list[str]:
    """Accepted answers; the dataset holds them as JSON text.

    Raises:
        ValueError: a row accepts no answer.
    """
    held = doc["possible_answers"]
    found = json.loads(held) if isinstance(held, str) else list(held)
    if not found:
        raise ValueError(f"PopQA: no accepted answer to {doc['question']!r}")
    return [str(answer) for answer in found]


def answer(doc: Doc) -> str:
    """The first accepted answer."""
    return answers(doc)[0]


def plain(text: str) -> str:
    """Lower case, without punctuation, articles and doubled spaces (as SQuAD compares)."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(UNMARKED)).split())


def score(doc: Doc, results: Sequence[str]) -> dict[str, float]:
    """`contains` is the published rule: an accepted answer occurs in the response, as it is, in
    lower case or capitalised. `exact_match` wants the first line to be an accepted answer.
    """
    response, accepted = results[0], answers(doc)
    forms = {form for a in accepted for form in (a, a.lower(), a.capitalize())}
    first = plain(response.strip().partition("\n")[0])
    return {
        "contains": float(any(form in response for form in forms)),
        "exact_match": float(first in {plain(a) for a in accepted}),
    }
