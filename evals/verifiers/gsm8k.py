"""GSM8K: the answer is a number."""

from __future__ import annotations

import re

from evals.verifiers.final_text import final_text
from evals.verifiers.latex import Box, boxes
from evals.verifiers.numbers import Number, numbers, plain_fractions
from evals.verifiers.verdict import Verdict

STRICT = re.compile(r"####\s*(-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)\s*\Z")
TULU_NUMBER = re.compile(r"(?:[+-]?\d*\.)?\d+")
DIGIT_COMMA = re.compile(r"(\d),(\d)")
MARKER = re.compile(
    r"####"
    r"|<answer>"
    r"|(?<!if the )(?<!whether the )\banswer\b[\s*_]*"
    r"(?:is|was|equals|=|:|would\sbe|will\sbe|should\sbe|comes\sto)(?![A-Za-z])",
    re.IGNORECASE,
)
FILLER = re.compile(
    r"(?:[\s:*_~≈=({\[$€£¥₹]|\\(?![dt]?frac)(?:text|mathbf|boxed|approx)?|[A-Za-z]\w{0,15}\s*="
    r"|\b(?:approximately|about|exactly|equal to|just|only|simply|roughly|a total of)\b)*",
    re.IGNORECASE,
)
"""What may stand between a marker and its number."""
BEGINS_NUMBER = re.compile(r"[-−+]?\s*(?:\\?[$€£¥₹₩]\s*)?(?:\\[dt]?frac|[.\d])")
HEADING = re.compile(r"[.):][ \t]+[A-Za-z]")
CLAUSE_END = re.compile(
    r"[.!?](?=\s|\Z)|\n|[;,](?=\s)|\b(?:because|since|as|so|which|where|and|but)\b", re.IGNORECASE
)
REACH = 400
"""Characters after a marker in which its number must stand."""
OPERATOR = re.compile(r"[\s$)\]}*]*(?:[-−+*/×÷x]|\\times|\\cdot|\\div)[\s$([{*]*")
OTHERWISE = re.compile(r"[\s$*]*(?:\bor\b|,|\\text\{\s*or\s*\})[\s$*]*", re.IGNORECASE)
TAKEN_BACK = re.compile(
    r"\b(?:wait|actually|correction|mistake|incorrect|wrong|re-?check|recalculate)\b", re.IGNORECASE
)


def gsm8k(response: str, reference: str) -> Verdict:
    """The number the response gives as its answer equals the reference's.

    It is the number after the last `####`, `\\boxed{` or "answer is", unless the response takes it
    back; else the last number of the response.  `evals.verifiers.numbers` says what counts as a
    number; values are compared exactly, and units, currency and percent signs do not matter.

    Args:
        response: The model's text; what stands before `</think>` is not read.
        reference: One number, or GSM8K's own text that ends in `#### N`.

    Raises:
        ValueError: the reference holds no number, or several.
    """
    wanted = _reference_number(reference)
    text = plain_fractions(final_text(response))
    stated = _stated(text)
    if len(stated) > 1:
        return Verdict(False, " or ".join(n.text for n in stated), "more than one number")
    found = stated or numbers(text)[-1:]
    if not found:
        return Verdict(False, None, "no number found")
    correct = found[0].value == wanted.value
    return Verdict(correct, found[0].text, "equal" if correct else "another number")


def gsm8k_strict(response: str, reference: str) -> Verdict:
    """The response must end in `#### N`, as GSM8K writes numbers; nothing may follow."""
    wanted = _reference_number(reference)
    found = STRICT.search(response)
    if not found:
        return Verdict(False, None, "no number found")
    correct = numbers(found[1])[0].value == wanted.value
    return Verdict(correct, found[1], "equal" if correct else "another number")


def gsm8k_tulu(response: str, reference: str) -> Verdict:
    """The last number of the response is the reference, letter for letter.

    The verifier of Tulu 3's published recipe (Lambert et al. 2024, section 6; open-instruct,
    `GSM8KVerifier`), with its ways: a comma between two digits goes, one pass; only a decimal keeps
    its sign; "18.00" is not "18"; a response without digits is compared whole.

    Args:
        response: The model's text, all of it.
        reference: The number as text, or GSM8K's own text that ends in `#### N`.
    """
    wanted = reference.rpartition("####")[2].strip() if "####" in reference else reference
    wanted = DIGIT_COMMA.sub(r"\1\2", wanted)
    found = TULU_NUMBER.findall(DIGIT_COMMA.sub(r"\1\2", response))
    extracted = found[-1] if found else response
    if extracted.lower() == wanted.lower():
        return Verdict(True, extracted, "equal")
    return Verdict(False, *((extracted, "another text") if found else (None, "no number found")))


def _reference_number(reference: str) -> Number:
    found = numbers(plain_fractions(reference.rpartition("####")[2]))
    if len(found) != 1:
        problem = "more than one number" if found else "without a number"
        raise ValueError(f"GSM8K reference {problem}: {reference[-60:]!r}")
    return found[0]


def _stated(text: str) -> list[Number]:
    """The number that the last marker announces; several where it leaves a choice."""
    marks: list[tuple[int, re.Match[str] | Box]] = [(m.start(), m) for m in MARKER.finditer(text)]
    marks += [(box.start, box) for box in boxes(text)]
    for _, mark in sorted(marks, key=lambda at: at[0], reverse=True):
        if isinstance(mark, Box):
            found, end = _result(mark.content), mark.end
        else:
            found, end = _announced(text[mark.end() : mark.end() + REACH], mark[0]), mark.end()
        if found:
            return [] if TAKEN_BACK.search(text, end) else found
    return []


def _announced(following: str, marker: str) -> list[Number]:
    """The number right after a marker, in its clause."""
    filler = FILLER.match(following)
    begins = following[filler.end() :] if filler else following
    if not BEGINS_NUMBER.match(begins):
        return []
    ends = CLAUSE_END.search(begins)
    clause = begins[: ends.start()] if ends else begins
    first = numbers(clause)[:1]
    if not first or first[0].start > 0:
        return []
    if marker == "####" and HEADING.match(begins, first[0].end):
        return []
    return _result(clause)


def _result(expression: str) -> list[Number]:
    """The value an expression comes to: of `3 + 15 = 18` and `18 = 3 + 15` it is 18."""
    for part in reversed(expression.split("=")):
        found = numbers(part)[:2]
        between = part[found[0].end : found[1].start] if len(found) == 2 else ""
        if found and not OPERATOR.fullmatch(between):
            return found if OTHERWISE.fullmatch(between) else found[:1]
    return []
