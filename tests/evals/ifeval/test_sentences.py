"""The bundled sentence splitter against sentences labelled by hand."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.ifeval.sentences import sentence_spans, split_sentences

CASES = [
    json.loads(line)
    for line in Path(__file__).with_name("sentences.jsonl").read_text(encoding="utf-8").splitlines()
]
BENCHMARKS = Path(__file__).parents[3] / "docs" / "benchmarks.md"


def test_the_labelled_cases_are_many_distinct_and_whole() -> None:
    assert len(CASES) >= 150
    assert len({case["text"] for case in CASES}) == len(CASES)
    for case in CASES:
        joined = "".join("".join(case["sentences"]).split())
        assert joined == "".join(case["text"].split())


def test_agreement_with_the_labels_is_what_the_documentation_states() -> None:
    same_count = sum(len(split_sentences(c["text"])) == len(c["sentences"]) for c in CASES)
    same_places = sum(split_sentences(c["text"]) == c["sentences"] for c in CASES)
    stated = re.search(
        r"(\d+) of (\d+) labelled cases with the right number of sentences, (\d+) with",
        BENCHMARKS.read_text(encoding="utf-8"),
    )
    assert stated is not None
    assert int(stated[2]) == len(CASES)
    assert same_count >= int(stated[1])
    assert same_places >= int(stated[3])


@pytest.mark.parametrize("about", sorted({case["about"] for case in CASES}))
def test_no_kind_of_case_is_mostly_wrong(about: str) -> None:
    cases = [case for case in CASES if case["about"] == about]
    right = sum(split_sentences(case["text"]) == case["sentences"] for case in cases)
    assert right >= 0.75 * len(cases)


@given(st.text(alphabet=list("aB.?! \n\"')*1-,…’é"), max_size=60))
def test_sentences_are_the_text_in_order_less_white_space(text: str) -> None:
    spans = sentence_spans(text)
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    assert all(text[start:end].strip() for start, end in spans)


@given(st.text(max_size=60))
def test_splitting_never_fails(text: str) -> None:
    assert bool(split_sentences(text)) == bool(text.strip())


def test_a_line_of_a_megabyte_is_split() -> None:
    assert len(split_sentences("word, " * 200_000 + "end. Next")) == 2
    assert len(split_sentences('"' * 200_000)) == 1
    assert len(split_sentences("a.b!" * 100_000)) == 1
