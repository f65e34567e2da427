"""An engine as lm-eval's `LM`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lm_eval.api.model import LM

from evals.engines import Engine, Generation, Likelihood, Request, Sampling
from evals.generation_settings import sampling_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lm_eval.api.instance import Instance


class EngineLM(LM):  # type: ignore[misc]
    """Asks an engine, and keeps what lm-eval drops: finish reasons, token counts, replicates.

    The first replicate asks for all of them at once; the others are then at hand.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        replicates: int = 1,
        on_row: Callable[[int], None] = lambda _tokens: None,
    ) -> None:
        """Wrap an engine.

        Args:
            engine: The model; it reads a request's seed as the number of its replicate.
            replicates: Responses to each prompt.
            on_row: Called with the tokens of each row as it finishes.
        """
        super().__init__()
        self.engine = engine
        self.replicate = 0
        """The replicate that is scored next."""
        self.generations: dict[Request, Generation] = {}
        self.likelihoods: dict[tuple[str, str], Likelihood] = {}
        self._replicates, self._on_row = replicates, on_row
        self._samplings: dict[str, Sampling] = {}

    @property
    def tokenizer_name(self) -> str:
        """Identifies tokenizer and chat template."""
        return self.engine.tokenizer_name

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """A conversation as prompt text."""
        return self.engine.chat(chat_history, add_generation_prompt=add_generation_prompt)

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Continue each request's prompt; a request that is repeated is answered anew each time."""
        repeats = Counter[int]()
        asked: list[tuple[Instance, int]] = []
        for request in requests:
            asked.append((request, repeats[id(request)]))
            repeats[id(request)] += 1
        most = max(repeats.values(), default=0)
        if self.replicate == 0:
            self._generate(
                [
                    self.request(r.args[0], r.args[1], replicate * most + repeat)
                    for replicate in range(self._replicates)
                    for r, repeat in asked
                ]
            )
        first = self.replicate * most
        return [
            self.generations[self.request(r.args[0], r.args[1], first + repeat)].text
            for r, repeat in asked
        ]

    def request(self, prompt: str, settings: Mapping[str, Any], number: int) -> Request:
        """A prompt under lm-eval's settings, asked for the `number`-th time."""
        # Each of a task's requests has a copy of the same settings.
        named = repr(settings)
        if named not in self._samplings:
            self._samplings[named] = sampling_of(settings)
        sampling = self._samplings[named]
        return Request(prompt, replace(sampling, seed=number) if number else sampling)

    def _generate(self, requests: Sequence[Request]) -> None:
        wanted = [r for r in dict.fromkeys(requests) if r not in self.generations]
        for index, generation in self.engine.generate(wanted):
            self.generations[wanted[index]] = generation
            self._on_row(generation.tokens)

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Score each continuation given its context."""
        return self._score([(r.args[0], r.args[1]) for r in requests])

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Log-probability of each whole text."""
        return [score for score, _ in self._score([("", r.args[0]) for r in requests])]

    def _score(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, bool]]:
        wanted = [p for p in dict.fromkeys(pairs) if p not in self.likelihoods]
        for index, likelihood in self.engine.loglikelihood(wanted):
            self.likelihoods[wanted[index]] = likelihood
            self._on_row(likelihood.tokens)
        found = [self.likelihoods[pair] for pair in pairs]
        return [(f.logprob, f.greedy) for f in found]
