"""An engine as lm-eval's `LM`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.api.model import LM

from evals.engines import Engine, Generation, Request, Sampling

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

DEFAULT_MAX_TOKENS = 256


class EngineLM(LM):  # type: ignore[misc]
    """Asks an engine, and keeps what lm-eval drops: finish reasons and token counts."""

    def __init__(self, engine: Engine) -> None:
        """Wrap `engine`."""
        super().__init__()
        self.engine = engine
        self._generations: dict[Request, Generation] = {}

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
        """Continue each request's prompt under its own settings."""
        keys = [Request(r.args[0], _sampling(r.args[1])) for r in requests]
        wanted = list(dict.fromkeys(keys))
        for index, generation in self.engine.generate(wanted):
            self._generations[wanted[index]] = generation
        return [self._generations[key].text for key in keys]

    def generation(self, prompt: str, settings: Mapping[str, Any]) -> Generation:
        """What was generated for a prompt under lm-eval's settings."""
        return self._generations[Request(prompt, _sampling(settings))]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Score each continuation given its context."""
        return self._likelihoods([(r.args[0], r.args[1]) for r in requests])

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Log-probability of each whole text."""
        pairs = [("", r.args[0]) for r in requests]
        return [score for score, _ in self._likelihoods(pairs)]

    def _likelihoods(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, bool]]:
        found = dict(self.engine.loglikelihood(pairs))
        return [(found[i].logprob, found[i].greedy) for i in range(len(pairs))]


def _sampling(settings: Mapping[str, Any]) -> Sampling:
    until: Sequence[str] | str = settings.get("until") or ()
    sampled = bool(settings.get("do_sample"))
    return Sampling(
        max_tokens=int(settings.get("max_gen_toks", DEFAULT_MAX_TOKENS)),
        temperature=float(settings.get("temperature", 1.0)) if sampled else 0.0,
        stop=(until,) if isinstance(until, str) else tuple(until),
    )
