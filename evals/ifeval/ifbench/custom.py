"""Constraints that are whole tasks with one prompt each."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from evals.ifeval.ifbench.kind import Kind
from evals.ifeval.ifbench.text import EDGES, bare_words, plain_letters
from evals.ifeval.offline import sentences

CAPITALS = tuple(
    """
    Reykjavik Helsinki Oslo Tallinn Stockholm Riga Moscow Copenhagen Vilnius Minsk Dublin Berlin
    Amsterdam Warsaw London Brussels Prague Luxembourg Paris Vienna Bratislava Budapest Vaduz
    Chisinau Bern Ljubljana Zagreb
    """.split()
)
"""European capitals north of 45 degrees but Kyiv, from north to south: the published key."""

AFRICAN_COUNTRIES = 52
"""So many lines at least; 54 states are recognised, some by several names."""

DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_QUESTION = re.compile(r"\n*Question \d+[.|):;]?\s*")
_OPTION = re.compile(r"[A-Ea-e][.|)]\s*\w")


def letters_reversed(text: str) -> bool:
    """The answer, bald eagle, letter by letter from the end."""
    return "elgae dlab" in text.lower()


def words_reversed(text: str) -> bool:
    """The answer, bald eagle, word by word from the end."""
    return "bald eagle" in " ".join(reversed(bare_words(text.lower())))


def dates(text: str) -> bool:
    """A list of dates YYYY-MM-DD within Napoleon's life, commas between them."""
    return all(_napoleonic(date.strip()) for date in text.split(","))


def _napoleonic(date: str) -> bool:
    found = _DATE.fullmatch(date)
    if not found:
        return False
    year, month, day = map(int, found.groups())
    return 1769 <= year <= 1821 and 1 <= month <= 12 and 1 <= day <= DAYS[month - 1]


def capitals(text: str) -> bool:
    """The capitals from north to south, commas between them."""
    named = (name.strip() for name in plain_letters(text).split(","))
    return tuple(name for name in named if name) == CAPITALS


def progressive_quiz(text: str) -> bool:
    """Four questions of five options and nothing before them, each longer than the one before."""
    if not text.startswith("Question"):
        return False
    questions = [q.strip().split("\n") for q in _QUESTION.split(text) if q.strip()]
    if [sum(map(_is_option, lines)) for lines in questions] != [5] * 4:
        return False
    lengths = [len(_stem(lines)) for lines in questions]
    return all(a < b for a, b in itertools.pairwise(lengths))


def _is_option(line: str) -> bool:
    return bool(_OPTION.match(line.strip()))


def _stem(lines: list[str]) -> str:
    return " ".join(s.strip() for s in itertools.takewhile(lambda s: not _is_option(s), lines))


def multiples(text: str) -> bool:
    """The multiples of 7 from 10 to 50 are the text's only numbers, in order."""
    return re.findall(r"\d+", text) == [str(n) for n in range(14, 51, 7)]


def countries_reversed(text: str) -> bool:
    """From the line that names Zimbabwe on, all lines in reverse order of the alphabet."""
    lines = [line.strip(EDGES) for line in text.split("\n")]
    lines = list(itertools.dropwhile(lambda line: "Zimbabwe" not in line, filter(None, lines)))
    names = [plain_letters(line) for line in lines]
    return len(names) >= AFRICAN_COUNTRIES and names == sorted(names, reverse=True)


def alphabet_story(text: str) -> bool:
    """26 sentences that start with the letters of the alphabet in order."""
    initials = [sentence.lstrip()[:1].lower() for sentence in sentences(text)]
    return initials == list("abcdefghijklmnopqrstuvwxyz")


KINDS: Mapping[str, Kind] = {
    "custom:character_reverse": Kind(letters_reversed),
    "custom:date_format_list": Kind(dates),
    "custom:european_capitals_sort": Kind(capitals),
    "custom:mcq_count_length": Kind(progressive_quiz),
    "custom:multiples": Kind(multiples),
    "custom:reverse_newline": Kind(countries_reversed),
    "custom:sentence_alphabet": Kind(alphabet_story),
    "custom:word_reverse": Kind(words_reversed),
}
