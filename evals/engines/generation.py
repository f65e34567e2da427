"""What an engine is asked for and what it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Sampling:
    """How one batch of prompts is continued."""

    max_tokens: int
    temperature: float = 0.0
    """0 is greedy."""
    stop: tuple[str, ...] = ()
    """Texts that end a response; they are not part of it."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Generation:
    """One response."""

    text: str
    finish: Literal["stop", "length"]
    tokens: int


class Engine(Protocol):
    """A model that continues and scores text."""

    @property
    def tokenizer_name(self) -> str:
        """Digest or name that identifies tokenizer and chat template."""

    def chat(self, messages: Sequence[Mapping[str, str]], *, add_generation_prompt: bool) -> str:
        """A conversation as the prompt text the model expects."""

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> list[Generation]:
        """Continue each prompt; results in the order of the prompts."""

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, bool]]:
        """Log-probability of each continuation given its context, and whether it is the greedy
        one."""
