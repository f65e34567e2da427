"""A sentence splitter that needs no data, for places where nltk's `punkt_tab` is not to be had.

It decides as Punkt's second stage does (Kiss and Strunk 2006, Unsupervised Multilingual Sentence
Boundary Detection, section 4), with lists of English abbreviations and sentence openers in the
place of parameters learnt from a corpus.  As in Punkt, `?` and `!` always end a sentence, a line
break alone never does, and the numeral of a list item that starts with a capital stands by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from evals.ifeval.abbreviations import (
    AS_WRITTEN,
    CONNECTIVES,
    NUMBERED,
    OPENERS,
    SHORTENED,
    TITLES,
)

_CHUNK = re.compile(r"\S+")
_NOT_IN_WORDS = "][(){}\"';:*@?!\u2018\u2019\u201c\u201d\u00ab\u00bb"
_END_IN_CHUNK = re.compile(rf"[.?!](?=[{re.escape(_NOT_IN_WORDS)}])")
_CLOSING = re.compile(r"[\"')\]}\u2018\u2019\u201c\u201d\u00ab\u00bb]+(?=\s|--|\Z)")
_NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*\Z")
_ACRONYM = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]\Z")
_CONTRACTION = re.compile(r"\w['\u2019]\w+\.\Z")
_LETTERS = re.compile(r"[^\W\d_]+")
_AROUND_WORDS = "\"'()[]{}*_\u2018\u2019\u201c\u201d\u00ab\u00bb"
_ENUMERATORS = frozenset("ABCDEFGH")
"""Letters that number items; later ones are more often initials of a name."""
_INDENT = 40
"""Characters that may stand before an item's letter in its line."""


def split_sentences(text: str) -> list[str]:
    """The sentences of an English text, without the white space between them."""
    return [text[start:end] for start, end in sentence_spans(text)]


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Where each sentence starts and ends, as offsets into `text`."""
    spans, start = [], _skip_space(text, 0)
    for end in _boundaries(text):
        if end <= start:
            continue
        closing = _CLOSING.match(text, _skip_space(text, end))
        end = closing.end() if closing else end
        spans.append((start, end))
        start = _skip_space(text, end)
    return [*spans, (start, len(text.rstrip()))] if start < len(text.rstrip()) else spans


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _boundaries(text: str) -> Iterator[int]:
    """Offsets just behind the marks that end a sentence and have something after them."""
    chunks = list(_CHUNK.finditer(text))
    followers = [*(chunk.group() for chunk in chunks[1:]), ""]
    for chunk, follower in zip(chunks, followers, strict=False):
        mark = _last_mark(chunk.group(), last=not follower)
        if mark is None:
            continue
        before, rest = chunk.group()[: mark + 1], chunk.group()[mark + 1 :]
        if _ends_sentence(before, rest + follower) or (
            not rest and _is_enumerator(text, chunk.start(), before, follower)
        ):
            yield chunk.start() + mark + 1


def _last_mark(chunk: str, *, last: bool) -> int | None:
    """The last mark in a chunk behind which a sentence may end."""
    if chunk[-1] in ".?!" and not last:
        return len(chunk) - 1
    marks = [m.start() for m in _END_IN_CHUNK.finditer(chunk)]
    return marks[-1] if marks else None


def _is_enumerator(text: str, at: int, before: str, after: str) -> bool:
    """Whether a line starts with a letter that numbers it, as in `A. First`."""
    if before[:-1] not in _ENUMERATORS or not after[:1].isupper() or after[1:2] == ".":
        return False
    ahead = "\n" + text[:at] if at < _INDENT else text[at - _INDENT : at]
    return re.search(r"\n[ \t*+>-]*\Z", ahead) is not None


def _ends_sentence(before: str, after: str) -> bool:
    """Whether the mark that `before` ends with ends a sentence, given the text behind it."""
    if before[-1] != "." or "?" in before or "!" in before or _CONTRACTION.search(before):
        return True
    start = 1 + max(before.rfind(character) for character in _NOT_IN_WORDS)
    token = before[start:-1].lstrip("-,#&`")
    if not token:
        return True
    following = after.lstrip(_AROUND_WORDS)
    if token.endswith("."):
        return following[:1].isupper()
    return _period_ends_sentence(token, following, after)


def _period_ends_sentence(token: str, following: str, after: str) -> bool:
    """The same for a word and its full stop; `following` is `after` without quotes and brackets."""
    if _NUMBER.match(token):
        return not (after[:1].islower() or after[:1] in ",;:.")
    lower = token.lower().rsplit("-", 1)[-1]
    if lower in TITLES or lower in CONNECTIVES:
        return False
    if lower in NUMBERED:
        return not following[:1].isdigit()
    single = len(token) == 1 and token.isalpha()
    if single or lower in SHORTENED or token in AS_WRITTEN or _ACRONYM.match(token):
        return _opens_sentence(following) or (lower == "etc" and following[:1].isupper())
    return True


def _opens_sentence(following: str) -> bool:
    word = _LETTERS.match(following)
    return word is not None and word.group()[0].isupper() and word.group().lower() in OPENERS
