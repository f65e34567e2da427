"""The text a model is shown, and the score it earned on each piece of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class EvalItem:
    """One benchmark instance, its parts apart."""

    benchmark: str
    id: str
    prompt: str
    """The question alone: no instruction frame, no few-shot examples, no options."""
    answer: str | None = None
    passage: str | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemScore:
    """What one model earned on one item in one replicate."""

    benchmark: str
    item: str
    replicate: int
    score: float
    """In [0, 1]; for a binary metric 0 or 1."""
    prompt_digest: str
    """SHA-256 of the final prompt, chat template applied: scores compare only where it agrees."""
    response: str
    extracted: str | None
    """The part of the response that was scored, or None where nothing could be extracted."""
    finish: Literal["stop", "length"]
    tokens: int
    """Generated tokens."""
