"""MATH: the answer stands in `\\boxed{}`, in Minerva's phrase or in the last formula."""

from __future__ import annotations

import os
import re
from pathlib import Path

from evals.verifiers.final_text import final_text
from evals.verifiers.latex import boxes, same_notation, stated_answer, tidy
from evals.verifiers.pool import Pool
from evals.verifiers.verdict import Verdict
from evals.verifiers.worker import Limits

BOXED_AT_END = re.compile(r"\\boxed\{([^{}]*)\}\.?\s*\Z")
INTEGER = re.compile(r"([+-]?)0*([0-9]+)")
LIMITS = Limits()
WORKERS = Pool(Path(__file__).with_name("math_worker.py"), min(4, len(os.sched_getaffinity(0))))


def math(response: str, reference: str, *, limits: Limits = LIMITS) -> Verdict:
    r"""The answer the response states equals the reference's, as mathematics.

    The answer is the last closed `\boxed{}`; else what follows the last "The final answer is"; else
    the last formula between `$` or `\[ \]`.  Answers spelled alike and whole numbers are compared
    here; anything else by math-verify in a worker process, which is killed at the limits.

    Args:
        response: The model's text; what stands before `</think>` is not read.
        reference: The answer in LaTeX, or a solution with its answer in `\boxed{}`.
        limits: What one comparison may use.

    Raises:
        ValueError: the reference is empty.
        ImportError: math-verify is not installed.
    """
    wanted = _reference_answer(reference)
    stated = stated_answer(final_text(response))
    answer = tidy(stated) if stated is not None else ""
    if not answer:
        return Verdict(False, None, r"no \boxed{}, no final answer, no formula")
    if same_notation(answer) == same_notation(wanted):
        return Verdict(True, answer, "equal as text")
    whole = INTEGER.fullmatch(answer), INTEGER.fullmatch(wanted)
    if whole[0] and whole[1]:
        equal = _signed(whole[0]) == _signed(whole[1])
        return Verdict(equal, answer, "equal" if equal else "another answer")
    return _compare(wanted, answer, limits)


def boxed_strict(response: str, reference: str) -> Verdict:
    """The response must end in `\\boxed{ANSWER}`, compared as text; nothing may follow."""
    found = BOXED_AT_END.search(response)
    if not found:
        return Verdict(False, None, "does not end in \\boxed{}")
    answer = found.group(1).strip()
    correct = answer == reference.strip()
    return Verdict(correct, answer, "equal" if correct else "another answer")


def _compare(wanted: str, answer: str, limits: Limits) -> Verdict:
    reply = WORKERS.call({"reference": wanted, "answer": answer}, limits)
    if reply.value is None:
        return Verdict(False, answer, reply.stopped)
    return Verdict(reply.value["equal"], answer, reply.value["reason"])


def _reference_answer(reference: str) -> str:
    boxed = [box.content for box in boxes(reference)]
    answer = tidy(next(filter(str.strip, reversed(boxed)), "") if boxed else reference)
    if not answer:
        raise ValueError(f"MATH reference without an answer: {reference[-60:]!r}")
    return answer


def _signed(whole: re.Match[str]) -> str:
    """A whole number's one spelling; text, since Python reads no more than 4,300 digits."""
    sign, digits = whole.groups()
    return f"-{digits}" if sign == "-" and digits != "0" else digits
