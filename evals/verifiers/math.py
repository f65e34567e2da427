"""MATH: the answer stands in `\\boxed{}`."""

from __future__ import annotations

import re

from evals.verifiers.verdict import Verdict

BOXED_AT_END = re.compile(r"\\boxed\{([^{}]*)\}\.?\s*\Z")


def boxed_strict(response: str, reference: str) -> Verdict:
    """The response must end in `\\boxed{ANSWER}`, compared as text; nothing may follow."""
    found = BOXED_AT_END.search(response)
    if not found:
        return Verdict(False, None, "does not end in \\boxed{}")
    answer = found.group(1).strip()
    correct = answer == reference.strip()
    return Verdict(correct, answer, "equal" if correct else "another answer")
