"""GSM8K: the answer is a number."""

from __future__ import annotations

import re
from decimal import Decimal

from evals.verifiers.verdict import Verdict

NUMBER = re.compile(r"(?<![\w.])-?\$?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
FINAL = re.compile(r"####\s*(-?\$?[\d,]*\.?\d+)")
STRICT = re.compile(r"####\s*(-?\d+)\s*\Z")


def gsm8k(response: str, reference: str) -> Verdict:
    """The number after the last `####`, or else the last number of the response.

    Args:
        response: The model's text.
        reference: The reference answer: a number, or GSM8K's own text that ends in `#### N`.

    Raises:
        ValueError: the reference holds no number.
    """
    wanted = _last_number(reference)
    if wanted is None:
        raise ValueError(f"GSM8K reference without a number: {reference[-60:]!r}")
    return _compare(_last_number(response), wanted)


def gsm8k_strict(response: str, reference: str) -> Verdict:
    """The response must end in `#### N`; nothing may follow."""
    found = STRICT.search(response)
    return _compare(found.group(1) if found else None, reference)


def _last_number(text: str) -> str | None:
    finals = FINAL.findall(text)
    numbers = finals or NUMBER.findall(text)
    return numbers[-1] if numbers else None


def _compare(found: str | None, wanted: str) -> Verdict:
    if found is None:
        return Verdict(False, None, "no number found")
    correct = _value(found) == _value(wanted)
    return Verdict(correct, found, "equal" if correct else "another number")


def _value(number: str) -> Decimal:
    return Decimal(number.replace(",", "").replace("$", ""))
