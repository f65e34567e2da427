"""One generated problem and the two ways to answer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Skill = Literal["word-problems", "expressions", "constraints"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A prompt, what its answer is checked against, and a careful and a careless response."""

    skill: Skill
    frame: int
    """Index of the wording the prompt was made from."""
    prompt: str
    core: str
    """What makes it this problem: two wordings of one expression share it."""
    reference: str
    """What the verifier checks a response against: a number, or a JSON list of constraints."""
    careful: str
    """A response with its working that the verifier accepts."""
    careless: str
    """For arithmetic the bare answer without working (which a small model cannot learn to give);
    for constraints a response that ignores the last constraint."""
    slip: str
    """The careful response with a mistake in it, as noisy data has."""
    carelessness: float
    """Probability that training data answers this frame carelessly."""


CAREFUL = (0.06, 0.08, 0.10)
CARELESS = (0.84, 0.86, 0.88)
"""Carelessness by frame: far from one half, so that greedy decoding does not flip by seed."""
