"""A prompt template -> the question in it, apart from its frame, its passage and its options."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase


@dataclass(frozen=True, slots=True)
class Question:
    """Templates of an item's parts."""

    text: str
    passage: str | None = None
    options: tuple[str, ...] = ()


_OPTION = re.compile(r"\s*\(?([A-Z])[.):]\)?\s*(\{\{.*\}\})\s*")
_PASSAGE = re.compile(
    r"\s*(?:[^{}]*:)?\s*"
    r"(\{\{\s*(?:passage|context|article|story|support|paragraph)\b[^{}]*\}\})\s*"
)
_LABEL = re.compile(r"^[^{}]*:\s*(?=\{\{)")
_CUE = re.compile(r"(?<=\}\})\s[^{}]*:\s*$")


def question_in(template: str) -> Question:
    """Take a template of lm-eval apart, line by line.

    Lines without an expression are frame ("Answer:"), as is what stands before or behind a line's
    expressions and ends in a colon.

    Args:
        template: Jinja source, `doc_to_text`.

    Raises:
        ValueError: it has control blocks, or an expression over several lines, so that question
            and frame cannot be told apart.
    """
    lines = [line for line in template.splitlines() if "{{" in line]
    if "{%" in template or any(line.count("{{") != line.count("}}") for line in lines):
        raise ValueError("question and frame cannot be told apart in its template")
    options = _options(lines)
    lines = [line for line in lines if not options or not _OPTION.fullmatch(line)]
    passages = [m[1] for line in lines if (m := _PASSAGE.fullmatch(line))]
    rest = [line for line in lines if not _PASSAGE.fullmatch(line)]
    text = "\n".join(_CUE.sub("", _LABEL.sub("", line)) for line in rest)
    if not rest:
        return Question("\n".join(passages) or template, options=options)
    return Question(text.strip(), "\n".join(passages) or None, options)


def _options(lines: Sequence[str]) -> tuple[str, ...]:
    """Two lines or more that begin with A, B and so on; a lone "Q:" is a label."""
    found = [m for line in lines if (m := _OPTION.fullmatch(line))]
    lettered = len(found) > 1 and ascii_uppercase.startswith("".join(m[1] for m in found))
    return tuple(m[2] for m in found) if lettered else ()
