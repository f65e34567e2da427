"""Writing prompts with constraints that a program can check."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence

from evals.mini.lexicon import KEYWORDS, NAMES, QUALITIES, TOPICS
from evals.mini.problem import CAREFUL, CARELESS, Problem

FRAMES = (
    "Write about {t} for {n}.",
    "Tell {n} about {t}.",
    "Describe {t} to {n}.",
    "Say a few words on {t} for {n}.",
    "Make a note on {t} for {n}.",
    "Comment on {t} for {n}.",
)

Constraint = Sequence[str | int]
"""A kind and its arguments, e.g. `["times", "river", 3]`."""

PHRASES: Mapping[str, str] = {
    "start": 'Start with "{0}".',
    "end": 'End with "{0}".',
    "include": 'Use the word "{0}".',
    "times": 'Say "{0}" {1} times.',
    "sentences": "Use {0} sentences.",
    "upper": "Use capital letters only.",
}

PAIRS = tuple(itertools.combinations(PHRASES, 2))
UNSEEN_PAIRS = (("start", "end"), ("include", "sentences"), ("times", "upper"))
SEEN_PAIRS = tuple(p for p in PAIRS if p not in UNSEEN_PAIRS)
"""Combinations training data has; the shifted benchmark is made of the others."""


def words(text: str) -> list[str]:
    """Lower-case words of a text, punctuation dropped."""
    return re.findall(r"[a-z]+", text.lower())


CHECKS: Mapping[str, Callable[..., bool]] = {
    "start": lambda text, word: words(text)[:1] == [word],
    "end": lambda text, word: words(text)[-1:] == [word],
    "include": lambda text, word: word in words(text),
    "times": lambda text, word, n: words(text).count(word) == n,
    "sentences": lambda text, n: len(re.findall(r"[.!?](?:\s|$)", text)) == n,
    "upper": lambda text: text.upper() == text and bool(words(text)),
}


def satisfied(text: str, constraint: Constraint) -> bool:
    """Whether a response obeys one constraint."""
    kind, *arguments = constraint
    return CHECKS[str(kind)](text, *arguments)


def constrained(rng: random.Random, *, shifted: bool = False) -> Problem:
    """Draw a writing prompt with two constraints, one of them named last and easily forgotten.

    Args:
        rng: Source of randomness.
        shifted: Use combinations of constraints that training data never has.
    """
    frame = rng.randrange(len(FRAMES))
    topic, name = rng.choice(TOPICS), rng.choice(NAMES)
    kinds = list(rng.choice(UNSEEN_PAIRS if shifted else SEEN_PAIRS))
    rng.shuffle(kinds)
    keywords = rng.sample(KEYWORDS, 2)
    both = [_constraint(rng, kind, word) for kind, word in zip(kinds, keywords, strict=True)]
    phrases = [PHRASES[str(k)].format(*arguments) for k, *arguments in both]
    careless = _response(rng, topic, both[:1])
    while satisfied(careless, both[1]):
        careless = _response(rng, topic, both[:1])
    return Problem(
        skill="constraints",
        frame=frame,
        prompt=" ".join([FRAMES[frame].format(t=topic, n=name), *phrases]),
        core=" ".join([topic, name, *sorted(phrases)]),
        reference=json.dumps(both),
        careful=_response(rng, topic, both),
        careless=careless,
        slip=careless,
        carelessness=(CAREFUL + CARELESS)[frame],
    )


def _constraint(rng: random.Random, kind: str, word: str) -> list[str | int]:
    match kind:
        case "times":
            return [kind, word, rng.randint(2, 3)]
        case "sentences":
            return [kind, rng.randint(2, 3)]
        case "upper":
            return [kind]
        case _:
            return [kind, word]


def _response(rng: random.Random, topic: str, constraints: Sequence[Constraint]) -> str:
    """A text about the topic that obeys the constraints; without any, one plain sentence."""
    wanted = {str(kind): arguments for kind, *arguments in constraints}
    count = int(wanted["sentences"][0]) if "sentences" in wanted else 1
    qualities = rng.sample(QUALITIES, count)
    sentences = [f"{topic} are {q}" for q in qualities]
    if "times" in wanted:
        word, n = wanted["times"]
        sentences[0] += " and " + " ".join([str(word)] * int(n))
    if "include" in wanted:
        sentences[0] += f" with {wanted['include'][0]}"
    if "start" in wanted:
        sentences[0] = f"{wanted['start'][0]} and {sentences[0]}"
    if "end" in wanted:
        sentences[-1] += f" and {wanted['end'][0]}"
    text = " ".join(s[0].upper() + s[1:] + "." for s in sentences)
    return text.upper() if "upper" in wanted else text
