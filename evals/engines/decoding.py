"""How the transformers engine draws tokens and ends responses, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor, StoppingCriteria

from evals.engines.generation import Sampling

STOP_CHECK_EVERY = 8
"""Tokens between looks for stop texts; what was generated past one is cut off."""


class SeededSampling(LogitsProcessor):  # type: ignore[misc]
    """Turns argmax into a draw from each row's own generator (the Gumbel-max trick).

    A response then depends on its own seed alone, not on the rows it shares a batch with.
    """

    def __init__(self, samplings: Sequence[Sampling], device: str) -> None:
        """Rows share temperature and top-p; each has a seed."""
        self._temperature, self._top_p = samplings[0].temperature, samplings[0].top_p
        self._generators = [torch.Generator(device).manual_seed(s.seed) for s in samplings]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """Scores whose argmax is a sample; shape `[rows, vocabulary]`."""
        scores = scores.float() / self._temperature
        if self._top_p < 1:
            scores = _nucleus(scores, self._top_p)
        noise = torch.stack(
            [torch.empty_like(scores[0]).exponential_(generator=g) for g in self._generators]
        )
        return scores - noise.clamp(min=torch.finfo(noise.dtype).tiny).log()


def _nucleus(scores: torch.Tensor, top_p: float) -> torch.Tensor:
    """Keep the smallest set of tokens whose probability reaches `top_p` (Holtzman et al. 2020)."""
    ordered, index = scores.sort(dim=-1, descending=True)
    before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
    cut = torch.empty_like(before, dtype=torch.bool).scatter_(-1, index, before >= top_p)
    return scores.masked_fill(cut, float("-inf"))


class StopTexts(StoppingCriteria):  # type: ignore[misc]
    """Ends a row once one of its stop texts is there."""

    def __init__(self, tokenizer: Any, start: int, samplings: Sequence[Sampling]) -> None:
        """`start` is the position of the first generated token."""
        self._tokenizer, self._start = tokenizer, start
        self._stops = [tuple(s for s in sampling.stop if s) for sampling in samplings]
        self._done = [False] * len(samplings)

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_kwargs: Any) -> torch.Tensor:  # noqa: ARG002
        """Which rows are done; shape `[rows]`."""
        if (input_ids.shape[1] - self._start) % STOP_CHECK_EVERY == 0:
            texts = self._tokenizer.batch_decode(
                input_ids[:, self._start :], skip_special_tokens=True
            )
            for row, (text, stops) in enumerate(zip(texts, self._stops, strict=True)):
                self._done[row] = self._done[row] or any(s in text for s in stops)
        return torch.tensor(self._done, device=input_ids.device)
