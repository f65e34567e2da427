"""IFEval's constraints through the verifier, where responses are easily misjudged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evals.verifiers import verifier

AT_LEAST, LESS = "at least", "less than"
CASES: list[tuple[str, dict[str, Any], str, bool]] = [
    ("keywords:existence", {"keywords": ["Sea", "sky"]}, "The SEA and the sky.", True),
    ("keywords:existence", {"keywords": ["sea"]}, "A season.", True),
    ("keywords:existence", {"keywords": ["sea", "sky"]}, "The sea.", False),
    ("keywords:forbidden_words", {"forbidden_words": ["sea"]}, "A season.", True),
    ("keywords:forbidden_words", {"forbidden_words": ["sea"]}, "The Sea!", False),
    (
        "keywords:frequency",
        {"keyword": "so", "frequency": 2, "relation": AT_LEAST},
        "So also",
        True,
    ),
    ("keywords:frequency", {"keyword": "so", "frequency": 2, "relation": LESS}, "So so", False),
    (
        "keywords:letter_frequency",
        {"letter": "e", "let_frequency": 2, "let_relation": AT_LEAST},
        "Eel",
        True,
    ),
    (
        "keywords:letter_frequency",
        {"letter": "e", "let_frequency": 2, "let_relation": LESS},
        "Eel",
        False,
    ),
    (
        "language:response_language",
        {"language": "de"},
        "Das ist ein ganz normaler deutscher Satz.",
        True,
    ),
    ("language:response_language", {"language": "de"}, "This is a plain English sentence.", False),
    ("language:response_language", {"language": "hi"}, "यह एक साधारण हिंदी वाक्य है।", True),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": LESS},
        "One. Two.",
        False,
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": LESS},
        "- a\n- b\n- c",
        True,
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 3, "relation": AT_LEAST},
        "Go! Why? So.",
        True,
    ),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "One\n***\nTwo", True),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        "***\nOne\n***\nTwo\n***",
        True,
    ),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "One\n***\n***\nTwo", False),
    ("length_constraints:number_words", {"num_words": 3, "relation": AT_LEAST}, "don't go", True),
    ("length_constraints:number_words", {"num_words": 3, "relation": LESS}, "go now!", True),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "then"},
        'First.\n\n"Then, go.',
        True,
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "then"},
        "First.\nThen go.",
        False,
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] and [b]", True),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] and (b)", False),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.S."},
        "Bye.\n\np. s. One more.",
        True,
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.P.S"},
        "Bye.\nP.S. One more.",
        False,
    ),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n- b", True),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n* b\n* c", False),
    ("detectable_format:number_bullet_lists", {"num_bullets": 1}, "**bold**", False),
    ("detectable_format:constrained_response", {}, "Well. My answer is maybe.", True),
    ("detectable_format:constrained_response", {}, "my answer is yes", False),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*a* and *b*", True),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "**a**", False),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 1}, "* a\n* b", False),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        "Section 1\na\nSection 2\nb",
        True,
    ),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "SECTION", "num_sections": 1},
        "Section 1\na",
        False,
    ),
    ("detectable_format:json_format", {}, '```json\n{"a": [1, 2]}\n```', True),
    ("detectable_format:json_format", {}, "{'a': 1}", False),
    ("detectable_format:title", {}, "<<A Title>>\nText", True),
    ("detectable_format:title", {}, "<<>>\nText", False),
    ("combination:two_responses", {}, "One\n******\nTwo", True),
    ("combination:two_responses", {}, "One\n******\nOne", False),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say it."}, " say it. It.", True),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say it."}, "Sure: Say it.", False),
    ("startend:end_checker", {"end_phrase": "The End."}, 'So. "the end."', True),
    ("startend:end_checker", {"end_phrase": "The End."}, "The end. Bye", False),
    ("startend:quotation", {}, ' "All of it." ', True),
    ("startend:quotation", {}, '"', False),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": AT_LEAST},
        "NASA and U.S. flags",
        True,
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": LESS},
        "A NASA-ESA plan",
        False,
    ),
    ("change_case:english_capital", {}, "THIS IS ALL IN CAPITALS, YOU SEE.", True),
    ("change_case:english_capital", {}, "THIS IS not ALL IN CAPITALS.", False),
    ("change_case:english_lowercase", {}, "this is all in small letters, you see.", True),
    ("change_case:english_lowercase", {}, "This is not all in small letters.", False),
    ("punctuation:no_comma", {}, "None here; none there.", True),
    ("punctuation:no_comma", {}, "One, two.", False),
    ("punctuation:no_comma", {}, "", False),
]


def reference(*pairs: tuple[str, dict[str, Any]]) -> str:
    names, arguments = zip(*pairs, strict=True)
    return json.dumps({"instruction_id_list": names, "kwargs": arguments, "prompt": "Go."})


@pytest.mark.parametrize(("name", "arguments", "response", "expected"), CASES)
def test_tricky_responses(
    name: str, arguments: dict[str, Any], response: str, expected: bool
) -> None:
    verdict = verifier("ifeval_strict")(response, reference((name, arguments)))
    assert verdict.correct is expected
    assert verdict.reason == ("all hold" if expected else f"broken: {name}")


@pytest.mark.parametrize(
    ("response", "strict", "loose"),
    [
        ("Sure!\nnone here", True, True),
        ("Sure, here it is:\nnone here", False, True),
        ("none here\nI hope, this helps.", False, True),
        ("Sure, yes:\nnone here\nBye, now.", False, True),
        ("One, two\nthree, four\nfive, six", False, False),
    ],
)
def test_loose_forgives_a_first_and_a_last_line(response: str, strict: bool, loose: bool) -> None:
    no_comma = reference(("punctuation:no_comma", {}))
    assert verifier("ifeval_strict")(response, no_comma).correct is strict
    assert verifier("ifeval")(response, no_comma).correct is loose


def test_the_reason_names_what_is_broken() -> None:
    both = reference(("punctuation:no_comma", {}), ("startend:quotation", {}))
    assert verifier("ifeval")("plain", both).reason == "broken: startend:quotation"


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("punctuation:no_colon", {}), "unknown IFEval instruction 'punctuation:no_colon'"),
        (("punctuation:no_comma", {"n": 1}), "IFEval instruction punctuation:no_comma: .*'n'"),
    ],
)
def test_constraints_that_are_none_are_told(pair: tuple[str, dict[str, Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        verifier("ifeval")("yes", reference(pair))
