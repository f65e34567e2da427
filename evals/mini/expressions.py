"""Two-step expressions, answered `17 + 25 = 42, 42 - 8 = 34. \\boxed{34}`."""

from __future__ import annotations

import random

from evals.mini.problem import CAREFUL, CARELESS, Problem

FRAMES = ("Compute {e}.", "Evaluate {e}.", "Find {e}.",
          "What is {e}?", "Calculate {e}.", "Work out {e}.")  # fmt: skip
SHIFTED_FRAMES = ("Give the value of {e}.", "Simplify {e}.", "How much is {e}?")


def expression(rng: random.Random, *, shifted: bool = False) -> Problem:
    """Draw an expression of three operands.

    Args:
        rng: Source of randomness.
        shifted: Use wordings and ranges that training data never has.
    """
    frames = SHIFTED_FRAMES if shifted else FRAMES
    frame = rng.randrange(len(frames))
    text, steps, value = _tree(rng, 119 if shifted else 99)
    wrong = value + rng.choice((-10, -2, -1, 1, 2, 10))
    slipped = [*steps[:-1], steps[-1].rsplit(" ", 1)[0] + f" {wrong}"]
    return Problem(
        skill="expressions",
        frame=frame,
        prompt=frames[frame].format(e=text),
        core=text,
        reference=str(value),
        careful=f"{', '.join(steps)}. \\boxed{{{value}}}",
        careless=f"\\boxed{{{value}}}",
        slip=f"{', '.join(slipped)}. \\boxed{{{wrong}}}",
        carelessness=(CAREFUL + CARELESS)[frame],
    )


def _tree(rng: random.Random, largest: int) -> tuple[str, list[str], int]:
    """Text, steps of the working, value; every value lies in [0, largest]."""
    first, step, inner = _operation(rng, largest)
    while True:
        op = rng.choice("+-*")
        other = rng.randint(2, 9) if op == "*" else rng.randint(2, 60)
        left, right = (inner, other) if op == "-" or rng.random() < 0.5 else (other, inner)
        value = _apply(op, left, right)
        if 0 <= value <= largest:
            break
    text = (
        f"({first}) {op} {other}" if (left, right) == (inner, other) else f"{other} {op} ({first})"
    )
    return text, [step, f"{left} {op} {right} = {value}"], value


def _operation(rng: random.Random, largest: int) -> tuple[str, str, int]:
    while True:
        op = rng.choice("+-*")
        x = rng.randint(2, 9) if op == "*" else rng.randint(2, 60)
        y = rng.randint(2, 9) if op == "*" else rng.randint(2, 60)
        value = _apply(op, x, y)
        if 0 <= value <= largest:
            return f"{x} {op} {y}", f"{x} {op} {y} = {value}", value


def _apply(op: str, x: int, y: int) -> int:
    return {"+": x + y, "-": x - y, "*": x * y}[op]
