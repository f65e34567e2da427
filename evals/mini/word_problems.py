"""One-step word problems, answered `17 + 25 = 42. #### 42`."""

from __future__ import annotations

import random

from evals.mini.lexicon import COLOURS, DAYS, NAMES, OBJECTS, PLACES
from evals.mini.problem import CAREFUL, CARELESS, Problem

FRAMES: tuple[tuple[str, str], ...] = (
    ("+", "{A} has {x} {c} {o} at the {p}. On {d} {B} brings {A} {y} more. "
          "How many {o} does {A} have?"),
    ("-", "The {p} had {x} {c} {o} on {d}. {A} sold {y} of them to {B}. "
          "How many {o} are left?"),
    ("*", "{A} fills {x} {c} boxes for the {p} on {d}. {B} puts {y} {o} in each. "
          "How many {o} is that?"),
    ("+", "On {d} {A} found {x} {c} {o} near the {p}, and {B} found {y}. "
          "How many {o} did they find?"),
    ("-", "{A} took {x} {c} {o} to the {p} on {d} but {B} lost {y}. "
          "How many {o} came back?"),
    ("*", "{A} and {B} visit the {p} on {x} days from {d}, and buy {y} {c} {o} a day. "
          "How many {o} do they buy?"),
)  # fmt: skip

SHIFTED_FRAMES: tuple[tuple[str, str], ...] = (
    ("+", "At the {p}, {B} counts {x} {c} {o}. {A} adds {y} {o} on {d}. "
          "How many {o} are there?"),
    ("-", "{B} kept {x} {c} {o} in the {p}. On {d} {A} broke {y}. "
          "How many {o} does {B} have left?"),
    ("*", "For the {p}, {B} ties {x} {c} bags on {d} with {y} {o} in each. "
          "How many {o} does {A} carry?"),
)  # fmt: skip


def word_problem(rng: random.Random, *, shifted: bool = False) -> Problem:
    """Draw a word problem.

    Args:
        rng: Source of randomness.
        shifted: Use wordings and ranges that training data never has.
    """
    frames = SHIFTED_FRAMES if shifted else FRAMES
    frame = rng.randrange(len(frames))
    op, text = frames[frame]
    x, y = _operands(rng, op, shifted)
    a, b = rng.sample(NAMES, 2)
    prompt = text.format(
        A=a, B=b, x=x, y=y, c=rng.choice(COLOURS), o=rng.choice(OBJECTS),
        p=rng.choice(PLACES), d=rng.choice(DAYS),
    )  # fmt: skip
    z = {"+": x + y, "-": x - y, "*": x * y}[op]
    wrong = z + rng.choice((-10, -2, -1, 1, 2, 10))
    return Problem(
        skill="word-problems",
        frame=frame,
        prompt=prompt,
        core=prompt,
        reference=str(z),
        careful=f"{x} {op} {y} = {z}. #### {z}",
        careless=f"#### {z}",
        slip=f"{x} {op} {y} = {wrong}. #### {wrong}",
        carelessness=(CAREFUL + CARELESS)[frame],
    )


def _operands(rng: random.Random, op: str, shifted: bool) -> tuple[int, int]:
    if op == "*":
        return rng.randint(2, 9), rng.randint(2, 12 if not shifted else 19)
    if op == "+":
        return rng.randint(11, 60), rng.randint(3, 39 if not shifted else 60)
    x = rng.randint(25, 99)
    return x, rng.randint(3, min(x - 2, 39 if not shifted else 60))
