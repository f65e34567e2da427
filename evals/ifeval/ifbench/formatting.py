"""Constraints on the form of a text."""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Mapping

from evals.ifeval.ifbench.kind import Kind
from evals.ifeval.ifbench.text import EDGES, without_punctuation
from evals.ifeval.offline import sentences, tokens

CLOSERS = {"(": ")", "[": "]", "{": "}"}
_LETTERED = re.compile(r"\W*a\W*b\W*c", re.IGNORECASE)
_NOT_QUOTE = string.digits + string.punctuation.replace('"', "")
TEMPLATE = ("My Answer:", "My Conclusion:", "Future Outlook:")


def emoji_ends(text: str) -> bool:
    """Every sentence ends in an emoji, or the next one starts with the emoji that ends it."""
    bare = [without_punctuation(s).strip() for s in sentences(text)]
    followers = [*bare[1:], "."]
    pairs = zip(bare, followers, strict=True)
    return all(
        s and (_has_emoji(s[-2:]) or (f and _has_emoji(f[:1])))  # a variation selector may be last
        for s, f in pairs
    )


def _has_emoji(characters: str) -> bool:
    from emoji import is_emoji

    return any(map(is_emoji, characters))


def stairs(text: str) -> bool:
    """Each line that is not blank is indented further than the one before."""
    depths = [len(line) - len(line.lstrip(" ")) for line in text.split("\n") if line.strip()]
    return all(a < b for a, b in itertools.pairwise(depths))


def marked_list(text: str, *, marker: str) -> bool:
    """The marker of list items stands in the text twice or more."""
    return text.count(marker) >= 2


def word_per_line(text: str) -> bool:
    """As many lines as words."""
    bare = without_punctuation(text).strip()
    return sum(line != "" for line in bare.split("\n")) == len(bare.split())


def sentences_then_bullets(text: str) -> bool:
    """Lines with two sentences or more, at most one blank line, then two or more `*` bullets."""
    lines = [line.strip() for line in text.split("\n")]
    first = next((i for i, line in enumerate(lines) if line.startswith("*")), len(lines))
    above, bullets = lines[:first], lines[first:]
    if "" in above[:-1] or not all(line.startswith("*") for line in bullets):
        return False
    return sum(len(sentences(line)) for line in above) >= 2 and len(bullets) >= 2


def no_whitespace(text: str) -> bool:
    """No white space at all."""
    return not any(character.isspace() for character in text)


def one_option(text: str, *, options: str) -> bool:
    """The text is one of the options; those marked `a)`, `b)` to the letter, others loosely."""
    separator = next(s for s in ("/", "or", ",") if s in options or s == ",")
    allowed = [option.strip() for option in options.split(separator)]
    if _LETTERED.match(options):
        return text in allowed
    return text.strip(EDGES).lower() in [option.strip(EDGES).lower() for option in allowed]


def template(text: str) -> bool:
    """The three headings of the template stand in the text."""
    return all(heading in text for heading in TEMPLATE)


def nested_brackets(text: str) -> bool:
    """Brackets of any of three kinds nest five deep, and the innermost closes with its own kind."""
    awaited: list[str] = []
    for character in text:
        if character in CLOSERS:
            awaited.append(CLOSERS[character])
        elif character in CLOSERS.values():
            if not awaited or awaited[-1] != character:
                awaited.clear()
            elif len(awaited) >= 5:
                return True
            else:
                awaited.pop()
    return False


def quotes_explained(text: str) -> bool:
    """No quote directly follows another, and the text does not end in one."""
    dense = "".join(text.replace("'\"'", "").split())
    return '""' not in dense and not dense.rstrip(_NOT_QUOTE).endswith('"')


def nested_quotes(text: str) -> bool:
    """Straight quotes, double in single or the other way, nest three deep and close again."""
    awaited: list[str] = []
    deepest = 0
    for character in text:
        if awaited and awaited[-1] == character:
            awaited.pop()
            if deepest - len(awaited) >= 3:
                return True
        elif character in "\"'":
            awaited.append(character)
            deepest = max(deepest, len(awaited))
    return False


def sub_bullets(text: str) -> bool:
    """Behind each `*` there is a `-` before the next one."""
    return all("-" in part for part in text.split("*")[1:])


def italic_thesis(text: str) -> bool:
    """Somewhere there is HTML in italics, not empty, and plain text behind it."""
    opening = next((tag for tag in ("<i>", "<em>") if tag in text), None)
    if opening is None:
        return False
    inside = text.partition(opening)[2]
    closing = next((tag for tag in ("</i>", "</em>") if tag in inside), None)
    if closing is None:
        return False
    thesis, _, rest = inside.partition(closing)
    return bool(thesis.strip()) and bool(rest.strip())


def title_case(text: str) -> bool:
    """No word is all in lower case, or capital but for its first letter."""
    return not any(_untitled(word) for word in tokens(text) if word != "n't")


def _untitled(word: str) -> bool:
    return word[0].islower() and (len(word) == 1 or word[1:].islower() or word[1:].isupper())


KINDS: Mapping[str, Kind] = {
    "format:emoji": Kind(emoji_ends),
    "format:line_indent": Kind(stairs),
    "format:list": Kind(marked_list, {"sep": "marker"}),
    "format:newline": Kind(word_per_line),
    "format:no_bullets_bullets": Kind(sentences_then_bullets),
    "format:no_whitespace": Kind(no_whitespace),
    "format:options": Kind(one_option, {"options": "options"}),
    "format:output_template": Kind(template),
    "format:parentheses": Kind(nested_brackets),
    "format:quote_unquote": Kind(quotes_explained),
    "format:quotes": Kind(nested_quotes),
    "format:sub-bullets": Kind(sub_bullets),
    "format:thesis": Kind(italic_thesis),
    "format:title_case": Kind(title_case),
}
