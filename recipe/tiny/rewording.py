"""The ways people (and models) reword a question without changing what it asks."""

from __future__ import annotations

import random

LEADS = (
    "Please help me with this one.",
    "Here is a question from my homework:",
    "I could not solve the following.",
    "Can you answer this?",
)
SYNONYMS = (
    ("How many", "What number of"),
    (" more.", " extra ones."),
    ("sold", "handed over"),
    ("found", "spotted"),
    ("brings", "gives to"),
    ("took", "carried"),
    ("fills", "packs"),
    ("lost", "dropped"),
    ("Calculate", "Please calculate"),
    ("Work out", "Try to work out"),
    ("What is", "Tell me what is"),
)


def reword(prompt: str, rng: random.Random) -> str:
    """A reworded prompt: a lead-in, a synonym or two, and now and then another layout.

    Args:
        prompt: The question.
        rng: Source of randomness.
    """
    possible = [pair for pair in SYNONYMS if pair[0] in prompt]
    for old, new in rng.sample(possible, min(len(possible), rng.randint(1, 2))):
        prompt = prompt.replace(old, new, 1)
    layout = rng.random()
    if layout < 0.15:
        prompt = prompt.upper()
    elif layout < 0.35:
        prompt = prompt.replace(". ", ".\n")
    return f"{rng.choice(LEADS)} {prompt}" if rng.random() < 0.7 else prompt
