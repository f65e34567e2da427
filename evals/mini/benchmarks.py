"""The embedded benchmarks' items: a function of the benchmark's name."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evals.mini.constraints import constrained
from evals.mini.expressions import expression
from evals.mini.problem import Problem, Skill
from evals.mini.word_problems import word_problem

ITEMS = 500
VERSION = 1
"""Raise when a generator changes: cached scores of the old items are then not reused."""

GENERATORS: Mapping[Skill, Callable[..., Problem]] = {
    "word-problems": word_problem,
    "expressions": expression,
    "constraints": constrained,
}

VERIFIERS_BY_SKILL: Mapping[Skill, str] = {
    "word-problems": "gsm8k_strict",
    "expressions": "boxed_strict",
    "constraints": "mini_ifeval",
}


@dataclass(frozen=True, slots=True)
class MiniBenchmark:
    """Which skill a benchmark measures, and whether wordings and ranges are shifted."""

    skill: Skill
    shifted: bool = False


BENCHMARKS: Mapping[str, MiniBenchmark] = {
    "mini_gsm": MiniBenchmark("word-problems"),
    "mini_math": MiniBenchmark("expressions"),
    "mini_ifeval": MiniBenchmark("constraints"),
    "mini_gsm_fresh": MiniBenchmark("word-problems"),
    "mini_math_fresh": MiniBenchmark("expressions"),
    "mini_ifeval_fresh": MiniBenchmark("constraints"),
    "mini_gsm_shift": MiniBenchmark("word-problems", shifted=True),
    "mini_math_shift": MiniBenchmark("expressions", shifted=True),
    "mini_ifeval_ood": MiniBenchmark("constraints", shifted=True),
}


def draw(skill: Skill, rng: random.Random, *, shifted: bool = False) -> Problem:
    """Draw one problem of a skill."""
    return GENERATORS[skill](rng, shifted=shifted)


@functools.cache
def problems(benchmark: str) -> tuple[Problem, ...]:
    """The items of a benchmark, the same on every machine; no problem is in two benchmarks.

    Raises:
        KeyError: no embedded benchmark has this name.
    """
    taken = {p.core for earlier in _before(benchmark) for p in problems(earlier)}
    spec, rng = BENCHMARKS[benchmark], random.Random(f"{benchmark}/{VERSION}")
    found: dict[str, Problem] = {}
    while len(found) < ITEMS:
        problem = draw(spec.skill, rng, shifted=spec.shifted)
        if problem.core not in taken:
            found.setdefault(problem.core, problem)
    return tuple(found.values())


def _before(benchmark: str) -> list[str]:
    names = list(BENCHMARKS)
    return names[: names.index(benchmark)]


@functools.cache
def held() -> frozenset[str]:
    """The cores of every embedded benchmark's problems: what clean training data must not hold."""
    return frozenset(p.core for name in BENCHMARKS for p in problems(name))
