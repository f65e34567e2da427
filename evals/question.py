"""A prompt template -> the question in it, apart from its frame, its passage and its options."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """Templates of an item's parts."""

    text: str
    passage: str | None = None
    options: tuple[str, ...] = ()


_OPTION = re.compile(r"\s*\(?[A-Z][.):]\)?\s*(\{\{.*\}\})\s*")
_PASSAGE = re.compile(
    r"\s*(?:[^{}]*:)?\s*"
    r"(\{\{\s*(?:passage|context|article|story|support|paragraph)\b[^{}]*\}\})\s*"
)
_LABEL = re.compile(r"^[^{}]*:\s*(?=\{\{)")
_CUE = re.compile(r"(?<=\}\})\s[^{}]*:\s*$")


def question_in(template: str) -> Question:
    """Take a template of lm-eval apart, line by line.

    Lines without an expression are frame ("Answer:"), as is what stands before or behind a line's
    expressions and ends in a colon. A template with control blocks, or with an expression over
    several lines, is kept whole: what is frame in it cannot be told.

    Args:
        template: Jinja source, `doc_to_text`.
    """
    lines = [line for line in template.splitlines() if "{{" in line]
    if "{%" in template or any(line.count("{{") != line.count("}}") for line in lines):
        return Question(template)
    options = [m[1] for line in lines if (m := _OPTION.fullmatch(line))]
    passages = [m[1] for line in lines if (m := _PASSAGE.fullmatch(line))]
    rest = [ln for ln in lines if not _OPTION.fullmatch(ln) and not _PASSAGE.fullmatch(ln)]
    if not rest:
        return Question(template)
    text = "\n".join(_CUE.sub("", _LABEL.sub("", line)) for line in rest)
    return Question(text.strip(), "\n".join(passages) or None, tuple(options))
