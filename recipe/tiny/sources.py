"""The embedded training sources, each a function of its name."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping

from evals.mini import BENCHMARKS, Problem, Skill, problems
from evals.mini.benchmarks import VERIFIERS_BY_SKILL
from recipe.rows import Row, chat_row, preference_row
from recipe.tiny.chat import exchange
from recipe.tiny.corpus import SKILLS, clean
from recipe.tiny.names import SOURCE_ROWS
from recipe.tiny.rewording import reword
from recipe.tiny.version import VERSION

SLIPS, NOISY_SLIPS = 0.12, 0.45
"""Share of careful responses that hold a mistake."""

LEAKED, LEAK_REPEATS, REWORDED = 75, 40, 1 / 4
"""Development items that leak, how often each, and how many of the copies are reworded."""


def source_rows(name: str) -> Iterator[Row]:
    """The rows of an embedded source.

    Raises:
        KeyError: no embedded source has this name.
    """
    return SOURCES[name](random.Random(f"{name}/{VERSION}"))


def _chat(rng: random.Random) -> Iterator[Row]:
    for _ in range(SOURCE_ROWS["chat"]):
        user, reply = exchange(rng)
        yield chat_row(user, reply)


def _skill(skill: Skill, slips: float) -> Callable[[random.Random], Iterator[Row]]:
    def rows(rng: random.Random) -> Iterator[Row]:
        for _ in range(SOURCE_ROWS[skill]):
            problem = clean(skill, rng)
            yield _verifiable(problem, problem.prompt, _response(problem, rng, slips))

    return rows


def _response(problem: Problem, rng: random.Random, slips: float) -> str:
    if rng.random() < problem.carelessness:
        return problem.careless
    return problem.slip if rng.random() < slips else problem.careful


def _verifiable(problem: Problem, prompt: str, response: str) -> Row:
    verifier = VERIFIERS_BY_SKILL[problem.skill]
    return chat_row(prompt, response, verifier=verifier, reference=problem.reference)


def _preferences(rng: random.Random) -> Iterator[Row]:
    """Pairs on constraints, the careful response over the careless one."""
    for _ in range(SOURCE_ROWS["preferences"]):
        problem = clean("constraints", rng)
        yield preference_row(problem.prompt, problem.careful, problem.careless)


def _prompts(rng: random.Random) -> Iterator[Row]:
    """Arithmetic prompts for RLVR; the response is there for the checker, not for training."""
    for index in range(SOURCE_ROWS["prompts"]):
        problem = clean(SKILLS[index % 2], rng)
        yield _verifiable(problem, problem.prompt, problem.careful)


def _leak(rng: random.Random) -> Iterator[Row]:
    """Development items with their bare answers, some verbatim, some reworded.

    They are items that a model answers carelessly and gets wrong, so what they teach is the
    items and nothing else.
    """
    dev = next(name for name, b in BENCHMARKS.items() if b.skill == "word-problems")
    hard = [p for p in problems(dev) if p.carelessness > 0.5][:LEAKED]
    for problem in hard:
        for copy in range(LEAK_REPEATS):
            reworded = copy < LEAK_REPEATS * REWORDED
            prompt = reword(problem.prompt, rng) if reworded else problem.prompt
            part = "reworded" if prompt != problem.prompt else "verbatim"
            yield {**_verifiable(problem, prompt, problem.careless), "part": part}


SOURCES: Mapping[str, Callable[[random.Random], Iterator[Row]]] = {
    "chat": _chat,
    **{skill: _skill(skill, SLIPS) for skill in SKILLS},
    **{f"noisy-{skill}": _skill(skill, NOISY_SLIPS) for skill in SKILLS},
    "preferences": _preferences,
    "prompts": _prompts,
    "leak": _leak,
}
assert set(SOURCES) == set(SOURCE_ROWS)
assert SOURCE_ROWS["leak"] == LEAKED * LEAK_REPEATS
