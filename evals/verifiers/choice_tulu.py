"""Multiple choice as Tulu 3's tasks ask for it: `Therefore, the answer is (B)`."""

from __future__ import annotations

import re

from evals.verifiers.verdict import Verdict

PHRASE = re.compile(r"Therefore, the answer is \(([A-J])\)")
LOOSER = (
    re.compile(r"(?i:therefore,? the answer is):?\s*\**\(?([A-J])\b"),
    re.compile(r"(?i:answer is|answer):?\s*\**\(?([A-J])\b"),
    re.compile(r"\(([A-J])\)"),
)
LETTERS = re.compile(r"[A-Z](?:, [A-Z])*")

EXACT = "equal"
"""Reason of a right answer in the words asked for."""


def choice_tulu(response: str, reference: str) -> Verdict:
    """The letter that a response settles on, the last one named, is one of the reference's.

    Where the words asked for are missing, looser forms count: `the answer is B`, `Answer: **B**`,
    and at last a letter in parentheses.  `choice` reads more forms and knows what is rejected.

    Args:
        response: The model's text, all of it.
        reference: The letter; several, joined by ", ", where a question has several answers.

    Raises:
        ValueError: the reference names no letter.
    """
    if not LETTERS.fullmatch(reference):
        raise ValueError(f"choice_tulu reference: {reference[:60]!r} is no letter such as 'B'")
    exact = PHRASE.findall(response)
    found = exact or next((f for pattern in LOOSER if (f := pattern.findall(response))), [])
    if not found:
        return Verdict(False, None, "no option found")
    if found[-1] not in reference:
        return Verdict(False, found[-1], "another option")
    return Verdict(True, found[-1], EXACT if exact else f"{EXACT}, in other words")
