"""What an engine is asked for and what it returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a prompt is continued."""

    max_tokens: int
    temperature: float = 0.0
    """0 is greedy."""
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    """Texts that end a response; they are not part of it."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt and how it is continued: all that its response may depend on."""

    prompt: str
    """The final text, chat template applied; for a server that takes only conversations, the
    canonical JSON of the messages."""
    sampling: Sampling


@dataclass(frozen=True, slots=True)
class Generation:
    """One response."""

    text: str
    finish: Literal["stop", "length"]
    tokens: int
    """Generated tokens."""
    prompt_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How likely a continuation is, given its context."""

    logprob: float
    """Natural logarithm of its probability."""
    greedy: bool
    """Whether it is what greedy decoding would give."""
    tokens: int
    """Tokens of the continuation."""


class Engine(Protocol):
    """A model that continues and scores text."""

    @property
    def identity(self) -> Mapping[str, str]:
        """Everything about model and engine that can change an answer: engine, version, dtype,
        digest of the weights (or id and commit), digest of tokenizer and chat template."""

    @property
    def tokenizer_name(self) -> str:
        """Digest or name that identifies tokenizer and chat template."""

    def chat(self, messages: Sequence[Mapping[str, str]], *, add_generation_prompt: bool) -> str:
        """A conversation as the prompt text the model expects."""

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Generation]]:
        """Answer requests: the index of a request and its response, as each finishes."""

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[int, Likelihood]]:
        """Score (context, continuation) pairs: the index of a pair and its likelihood, as each
        finishes."""
