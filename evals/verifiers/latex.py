"""Where a solution in LaTeX states its answer."""

from __future__ import annotations

import re
from dataclasses import dataclass

BRACES = re.compile(r"(?P<box>\\{1,2}(?:boxed|fbox)\s*\{)|\\.|(?P<brace>[{}])", re.DOTALL)
UNBRACED = re.compile(r"\\(?:boxed|fbox)\s*(-?[^\s{}$\\.,;]+(?:[.,]\d+)*)")
PHRASE = re.compile(r"final answer is:?", re.IGNORECASE)
CLOSING = "I hope it is correct"
DELIMITER = re.compile(r"\\\\|\\\$|(?P<mark>\$\$|\$|\\\[|\\\]|\\\(|\\\))")
CLOSES = {"$": "$", "$$": "$$", r"\[": r"\]", r"\(": r"\)"}


@dataclass(frozen=True, slots=True)
class Box:
    r"""One `\boxed{}` of a text."""

    content: str
    start: int
    """Position of the backslash."""
    end: int
    """Position after the closing brace."""


def boxes(text: str) -> list[Box]:
    r"""Every `\boxed{}` and `\fbox{}` that is closed, by where it opens; braces may nest."""
    opened: list[re.Match[str]] = []
    found: list[Box] = []
    for token in BRACES.finditer(text):
        if token["box"] or token["brace"] == "{":
            opened.append(token)
        elif token["brace"] and opened:
            opening = opened.pop()
            if opening["box"]:
                content = text[opening.end() : token.start()]
                found.append(Box(content, opening.start(), token.end()))
    return sorted(found, key=lambda box: box.start)


def stated_answer(text: str) -> str | None:
    r"""The answer a solution states, or None.

    The last `\boxed{}` with something in it; else what follows the last "The final answer is", up
    to "I hope it is correct" or the end of the line (Lewkowycz et al. 2022, appendix D); else the
    last formula between `$`, `$$`, `\(` or `\[`.
    """
    filled = [box.content for box in boxes(text) if box.content.strip()]
    if filled:
        return filled[-1]
    unbraced = UNBRACED.findall(text)
    if unbraced:
        return str(unbraced[-1])
    return _after_phrase(text) or last_formula(text)


def last_formula(text: str) -> str | None:
    """What stands between the last two delimiters of mathematics that belong together."""
    marks = [m for m in DELIMITER.finditer(text) if m["mark"]]
    for opening, closing in zip(reversed(marks[:-1]), reversed(marks[1:]), strict=True):
        if CLOSES.get(opening["mark"]) == closing["mark"]:
            formula = text[opening.end() : closing.start()]
            if formula.strip():
                return formula
    return None


def _after_phrase(text: str) -> str | None:
    phrases = list(PHRASE.finditer(text))
    if not phrases:
        return None
    statement = text[phrases[-1].end() :].lstrip()
    ended = statement.find(CLOSING)
    statement = statement[:ended] if ended >= 0 else statement.partition("\n")[0]
    return last_formula(statement) or statement.strip() or None


TRAILING_STOP = re.compile(r"(?<![\\.])[.,;:]\Z")
PERCENT = re.compile(r"\s*\\?%\Z")
SAME = (
    (re.compile(r"\\[dt]frac(?![A-Za-z])"), r"\\frac"),
    (re.compile(r"\\(?:left|right|displaystyle)(?![A-Za-z.])"), ""),
    (re.compile(r"\^\s*\{\s*\\circ\s*\}"), r"^\\circ"),
    (re.compile(r"\\!"), ""),
    (re.compile(r"\\[,;: ]"), " "),
    (re.compile(r"(?<![^\W_])\s+|\s+(?![^\W_])"), ""),
    (re.compile(r"\s+"), " "),
)


def tidy(answer: str) -> str:
    """An answer without the `$` around it, a closing stop and a closing percent sign."""
    answer = answer.strip()
    for opening, closing in CLOSES.items():
        inner = answer[len(opening) : -len(closing)]
        if answer == opening + inner + closing and closing not in inner:
            answer = inner.strip()
    return PERCENT.sub("", TRAILING_STOP.sub("", answer)).strip()


def same_notation(answer: str) -> str:
    """An answer spelled one way: two that come out equal are the same formula."""
    for pattern, replacement in SAME:
        answer = pattern.sub(replacement, answer)
    return answer
