"""The transformers engine: any checkpoint folder or Hub id, on CPU or GPU."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evals.engines.encoding import WithTokenizer, encode, encode_pair, require_room
from evals.engines.generation import Generation, Likelihood, Request, Sampling
from evals.engines.weights import require_safetensors, weights_digest

BATCH_TOKENS = 24_576
"""Prompt tokens plus room for the responses in one batch."""


class HFEngine(WithTokenizer):
    """Generates with `transformers`, in batches of like lengths.

    The weights are loaded when the model is first asked: who finds every answer in a cache needs
    none.
    """

    def __init__(self, model: str | Path, *, revision: str | None = None) -> None:
        """Take a model, to be had in float32 on CPU, or bfloat16 on a GPU.

        Args:
            model: Folder or Hub id.
            revision: Commit of a Hub id.

        Raises:
            ValueError: a folder without safetensors.
            OSError: it cannot be had.
        """
        require_safetensors(str(model))
        import torch

        with _without_scikit_learn():
            from transformers import AutoTokenizer

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.dtype = torch.bfloat16 if self.device == "cuda" else torch.float32
        self.tokenizer: Any = AutoTokenizer.from_pretrained(
            model, revision=revision, padding_side="left"
        )
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self._source, self._revision = str(model), revision

    @functools.cached_property
    def model(self) -> Any:
        """The model, its weights loaded.

        Raises:
            ValueError: the weights cannot be had.
        """
        from transformers import AutoModelForCausalLM

        try:
            with _without_progress_bars():
                model = AutoModelForCausalLM.from_pretrained(
                    self._source, revision=self._revision, dtype=self.dtype, use_safetensors=True
                )
        except OSError as error:
            why = str(error).strip().partition("\n")[0]
            raise ValueError(f"the weights of {self._source} cannot be loaded: {why}") from error
        return model.to(self.device).eval()

    @functools.cached_property
    def identity(self) -> Mapping[str, str]:
        """Weights, tokenizer, precision, and the versions of what computes."""
        import torch
        import transformers

        return {
            "engine": "hf",
            "version": f"transformers {transformers.__version__}, torch {torch.__version__}",
            "device": self.device,
            "dtype": str(self.dtype),
            "weights": weights_digest(self._source, self._commit()),
            "tokenizer": self.tokenizer_name,
        }

    def _commit(self) -> str | None:
        """The Hub's commit that an id stands for."""
        if Path(self._source).is_dir():
            return None
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(self._source, revision=self._revision)
        return getattr(config, "_commit_hash", None)

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Generation]]:
        """Answer requests: the index of a request and its response, batch after batch.

        Raises:
            ValueError: a prompt and its response do not fit into the model's positions.
        """
        if not requests:
            return
        ids = encode(self.tokenizer, [r.prompt for r in requests])
        groups: dict[tuple[int, float, float], list[int]] = {}
        for index, (request, row) in enumerate(zip(requests, ids, strict=True)):
            wanted = request.sampling
            self._require_room(len(row), wanted.max_tokens)
            how = (wanted.max_tokens, wanted.temperature, wanted.top_p)
            groups.setdefault(how, []).append(index)
        for (room, _, _), members in groups.items():
            for batch in _batches([len(ids[i]) for i in members], room):
                picked = [members[i] for i in batch]
                rows = [ids[i] for i in picked]
                found = self._generate(rows, [requests[i].sampling for i in picked])
                yield from zip(picked, found, strict=True)

    def _require_room(self, prompt: int, response: int) -> None:
        room = getattr(self.model.config, "max_position_embeddings", None)
        require_room(prompt, response, room)

    def _generate(
        self, ids: Sequence[Sequence[int]], samplings: Sequence[Sampling]
    ) -> list[Generation]:
        """Continue prompts that agree in length limit, temperature and top-p."""
        import torch

        from evals.engines.decoding import SeededSampling, StopTexts

        inputs = self.tokenizer.pad({"input_ids": ids}, return_tensors="pt").to(self.device)
        start = inputs["input_ids"].shape[1]
        first = samplings[0]
        sampled = [SeededSampling(samplings, self.device)] if first.temperature else []
        stops = (
            [StopTexts(self.tokenizer, start, samplings)] if any(s.stop for s in samplings) else []
        )
        with torch.inference_mode():
            # Sampling is argmax after seeded noise, so that a row does not depend on its batch.
            output = self.model.generate(
                **inputs,
                max_new_tokens=first.max_tokens,
                do_sample=False,
                temperature=None,
                top_k=None,
                top_p=None,
                logits_processor=sampled,
                stopping_criteria=stops,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        return [
            self._read(row, sampling, len(prompt))
            for row, sampling, prompt in zip(
                output[:, start:].tolist(), samplings, ids, strict=True
            )
        ]

    def _read(self, tokens: list[int], sampling: Sampling, prompt: int) -> Generation:
        eos = self.model.generation_config.eos_token_id
        ends = eos if isinstance(eos, list) else [eos]
        end = next((i for i, t in enumerate(tokens) if t in ends), None)
        tokens = tokens[:end]
        text = self._decode(tokens)
        cut = min((text.find(s) for s in sampling.stop if s and s in text), default=None)
        if cut is not None:
            tokens = tokens[: self._tokens_to(tokens, sampling.stop)]
        finish = "length" if end is None and cut is None else "stop"
        return Generation(text[:cut], finish, len(tokens), prompt)  # type: ignore[arg-type]

    def _decode(self, tokens: Sequence[int]) -> str:
        text: str = self.tokenizer.decode(tokens, skip_special_tokens=True)
        return text

    def _tokens_to(self, tokens: Sequence[int], stop: Sequence[str]) -> int:
        """How many tokens it takes until one of the stop texts is there."""
        low, high = 0, len(tokens)
        while low < high:
            middle = (low + high) // 2
            text = self._decode(tokens[:middle])
            low, high = (low, middle) if any(s in text for s in stop if s) else (middle + 1, high)
        return low

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[int, Likelihood]]:
        """Log-probability of each continuation given its context, and whether it is greedy.

        Raises:
            ValueError: context and continuation do not fit into the model's positions.
        """
        encoded = [encode_pair(self.tokenizer, *pair) for pair in pairs]
        for context, target in encoded:
            self._require_room(len(context), len(target))
        for batch in _batches([len(c) + len(t) for c, t in encoded], 0):
            yield from zip(batch, self._score([encoded[i] for i in batch]), strict=True)

    def _score(self, batch: Sequence[tuple[list[int], list[int]]]) -> list[Likelihood]:
        import torch

        rows = [context + target for context, target in batch]
        inputs = self.tokenizer.pad({"input_ids": rows}, return_tensors="pt").to(self.device)
        positions = (inputs["attention_mask"].cumsum(-1) - 1).clamp(min=0)
        with torch.inference_mode():
            output = self.model(**inputs, position_ids=positions)
        scores = []
        for row, (_, target) in zip(output.logits, batch, strict=True):
            n = len(target)
            wanted = torch.tensor(target, device=self.device)
            local = row[-n - 1 : -1].float().log_softmax(-1)
            total = local.gather(1, wanted[:, None]).sum().item()
            scores.append(Likelihood(total, bool((local.argmax(-1) == wanted).all()), n))
        return scores


@contextmanager
def _without_progress_bars() -> Iterator[None]:
    """Progress is told by rows; transformers would show a bar over the weights."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


@contextmanager
def _without_scikit_learn() -> Iterator[None]:
    """Let transformers believe that there is no scikit-learn while its generation code loads.

    It would import it, and half of SciPy with it, for the thresholds of assisted decoding, which is
    not used here: a second of the time to the first request.
    """
    from transformers import utils

    real = utils.is_sklearn_available
    utils.is_sklearn_available = lambda: False
    try:
        import transformers.generation.candidate_generator  # noqa: F401

        yield
    finally:
        utils.is_sklearn_available = real


def _batches(lengths: Sequence[int], extra: int) -> Iterator[list[int]]:
    """Indices in batches of like length, longest first, each of at most BATCH_TOKENS."""
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    while order:
        size = max(1, BATCH_TOKENS // (lengths[order[0]] + extra))
        yield order[:size]
        order = order[size:]
