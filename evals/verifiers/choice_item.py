"""A multiple-choice question's letters, their texts and the right one."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evals.verifiers.exact import normalised

LETTER = re.compile(r"[(\[]?([A-Za-z])[)\]]?\.?")


@dataclass(frozen=True, slots=True)
class ChoiceItem:
    """What a reference of `choice` says."""

    answer: str
    letters: str
    """Those an answer may name: the options' own, or A to Z where the options are not known."""
    options: Mapping[str, str]
    """Letter to text; empty where they are not known."""

    def called(self, text: str) -> str | None:
        """The letter of the option whose text this is."""
        wanted = normalised(text)
        return next((k for k, t in self.options.items() if normalised(t) == wanted), None)

    def opening(self, text: str) -> str | None:
        """The letter of the longest option with which the text begins."""
        begins = text.casefold()
        found = [
            (len(option), letter)
            for letter, option in self.options.items()
            if len(option) > 1 and re.match(rf"{re.escape(option.casefold())}(?!\w)", begins)
        ]
        return max(found)[1] if found else None

    def mentioned(self, text: str) -> dict[str, int]:
        """Where options are named in a text, without those that are part of another's name."""
        spans = {
            letter: found[-1].span()
            for letter, option in self.options.items()
            if option.strip()
            and (found := list(re.finditer(rf"(?<!\w){re.escape(option)}(?!\w)", text, re.I)))
        }
        return {
            letter: start
            for letter, (start, end) in spans.items()
            if not any(
                a <= start and end <= b and (a, b) != (start, end) for a, b in spans.values()
            )
        }


def choice_item(reference: str) -> ChoiceItem:
    """Read a letter, or JSON with `answer` and `options` (a list, or letter to text).

    Raises:
        ValueError: it is neither, or no option has the answer's letter.
    """
    if reference.lstrip().startswith("{"):
        return _with_options(_object(reference))
    return ChoiceItem(_letter(reference), string.ascii_uppercase, {})


def _object(reference: str) -> Mapping[str, Any]:
    try:
        stated: Mapping[str, Any] = json.loads(reference)
    except json.JSONDecodeError as error:
        raise ValueError(f"choice reference is no JSON: {reference[:60]!r} ({error})") from error
    missing = [key for key in ("answer", "options") if key not in stated]
    if missing:
        raise ValueError(f"choice reference has no {missing[0]!r}: {reference[:60]!r}")
    return stated


def _with_options(stated: Mapping[str, Any]) -> ChoiceItem:
    answer, options = _letter(str(stated["answer"])), stated["options"]
    if isinstance(options, list):
        options = dict(zip(string.ascii_uppercase, options, strict=False))
    texts = {_letter(str(letter)): str(text) for letter, text in options.items()}
    if answer not in texts:
        raise ValueError(f"choice reference: answer {answer!r} is none of {', '.join(texts)}")
    return ChoiceItem(answer, "".join(texts), texts)


def _letter(text: str) -> str:
    found = LETTER.fullmatch(text.strip())
    if not found:
        raise ValueError(f"choice reference: {text[:60]!r} is no letter such as 'B'")
    return found[1].upper()
