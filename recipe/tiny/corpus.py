"""Plain text the base model is trained on: knowledge of every skill, none of it in chat form."""

from __future__ import annotations

import random
from collections.abc import Iterator

from evals.mini import Skill, draw, held
from evals.mini.problem import Problem
from recipe.tiny.chat import exchange

SKILLS: tuple[Skill, ...] = ("word-problems", "expressions", "constraints")


def documents(seed: int) -> Iterator[str]:
    """An endless stream of documents; no problem of a benchmark is among them."""
    rng = random.Random(f"corpus/{seed}")
    makers = (_sums, _solved, _solved, _solved, _talk)
    while True:
        yield rng.choice(makers)(rng)


def clean(skill: Skill, rng: random.Random, *, shifted: bool = False) -> Problem:
    """Draw a problem that no benchmark holds."""
    while True:
        problem = draw(skill, rng, shifted=shifted)
        if problem.core not in held():
            return problem


def _sums(rng: random.Random) -> str:
    lines = []
    for _ in range(6):
        op = rng.choice("+-*")
        x, y = rng.randint(2, 99), rng.randint(2, 60)
        if op == "*":
            x, y = rng.randint(2, 19), rng.randint(2, 12)
        if op == "-" and y > x:
            x, y = y, x
        value = {"+": x + y, "-": x - y, "*": x * y}[op]
        lines.append(f"{x} {op} {y} = {value}")
    return ", ".join(lines) + "."


OPENINGS = ("Question: ", "Q: ", "Problem: ", "Task: ", "Exercise: ", "Please. ", "User: ", "")
REPLIES = ("\nAnswer: ", "\nA: ", "\nText: ", "\nReply: ", "\nSolution: ", "\n", " ")
"""Many ways to set a problem out, so that what is learned does not hang on one of them."""


def _solved(rng: random.Random) -> str:
    problem = clean(rng.choice(SKILLS), rng, shifted=rng.random() < 0.3)
    text = f"{rng.choice(OPENINGS)}{problem.prompt}{rng.choice(REPLIES)}"
    if problem.skill == "constraints":
        return text + problem.careful
    working = problem.careful.split(" ####")[0].split(" \\boxed")[0]
    return f"{text}{working} The answer is {problem.reference}."


def _talk(rng: random.Random) -> str:
    user, reply = exchange(rng)
    return f"{user} {reply}"
