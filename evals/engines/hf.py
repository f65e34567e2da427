"""The transformers engine: any checkpoint folder or Hub id, on CPU or GPU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.digest import text_digest
from evals.engines.generation import Generation, Sampling

BATCH_TOKENS = 24_576
"""Prompt tokens plus room for the responses in one batch."""


class HFEngine:
    """Generates with `transformers`, in batches of like lengths."""

    def __init__(self, model: str | Path, *, revision: str | None = None) -> None:
        """Load a model in float32 on CPU, or bfloat16 on a GPU.

        Args:
            model: Folder or Hub id.
            revision: Commit of a Hub id.
        """
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if self.device == "cuda" else torch.float32
        self.tokenizer: Any = AutoTokenizer.from_pretrained(
            model, revision=revision, padding_side="left"
        )
        self.model: Any = AutoModelForCausalLM.from_pretrained(
            model, revision=revision, dtype=dtype, use_safetensors=True
        )
        self.model.to(self.device).eval()
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token

    @property
    def tokenizer_name(self) -> str:
        """Digest of vocabulary and chat template."""
        template = self.tokenizer.chat_template or ""
        return text_digest(f"{sorted(self.tokenizer.get_vocab().items())}{template}")

    def chat(self, messages: Sequence[Mapping[str, str]], *, add_generation_prompt: bool) -> str:
        """A conversation as the prompt text the model expects."""
        text: str = self.tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=add_generation_prompt
        )
        return text

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> list[Generation]:
        """Continue each prompt; results in the order of the prompts."""
        ids = self.tokenizer(list(prompts), add_special_tokens=False)["input_ids"]
        self._require_room(max(map(len, ids)), sampling.max_tokens)
        found: dict[int, Generation] = {}
        for batch in _batches([len(i) for i in ids], sampling.max_tokens):
            for index, generation in zip(
                batch, self._generate([ids[i] for i in batch], sampling), strict=True
            ):
                found[index] = generation
        return [found[i] for i in range(len(prompts))]

    def _require_room(self, prompt: int, response: int) -> None:
        room = getattr(self.model.config, "max_position_embeddings", None)
        if room is not None and prompt + response > room:
            raise ValueError(
                f"a prompt of {prompt} tokens and a response of {response} do not fit into the "
                f"model's {room} positions; lower max_tokens or shots"
            )

    def _generate(self, ids: Sequence[Sequence[int]], sampling: Sampling) -> list[Generation]:
        import torch

        torch.manual_seed(sampling.seed)
        inputs = self.tokenizer.pad({"input_ids": ids}, return_tensors="pt").to(self.device)
        greedy = sampling.temperature == 0.0
        with torch.inference_mode():
            output = self.model.generate(
                **inputs,
                max_new_tokens=sampling.max_tokens,
                do_sample=not greedy,
                temperature=None if greedy else sampling.temperature,
                top_k=None if greedy else 0,
                top_p=None if greedy else 1.0,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        return [self._read(row, sampling) for row in output[:, inputs["input_ids"].shape[1] :]]

    def _read(self, row: Any, sampling: Sampling) -> Generation:
        tokens: list[int] = row.tolist()
        eos = self.model.generation_config.eos_token_id
        ends = [i for i, t in enumerate(tokens) if t in (eos if isinstance(eos, list) else [eos])]
        tokens = tokens[: ends[0]] if ends else tokens
        text: str = self.tokenizer.decode(tokens, skip_special_tokens=True)
        cut = min((text.find(s) for s in sampling.stop if s and s in text), default=None)
        finish = "stop" if ends or cut is not None else "length"
        return Generation(text[:cut], finish, len(tokens))  # type: ignore[arg-type]

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, bool]]:
        """Log-probability of each continuation given its context, and whether it is greedy."""
        encoded = [self._encode_pair(*pair) for pair in pairs]
        found: dict[int, tuple[float, bool]] = {}
        for batch in _batches([len(c) + len(t) for c, t in encoded], 0):
            for index, score in zip(batch, self._score([encoded[i] for i in batch]), strict=True):
                found[index] = score
        return [found[i] for i in range(len(pairs))]

    def _encode_pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        """Tokens of both, split where the context's own tokens end (as lm-eval does)."""
        moved = len(context) - len(context.rstrip())
        if moved:
            context, continuation = context[:-moved], context[-moved:] + continuation
        whole = self.tokenizer(context + continuation, add_special_tokens=False)["input_ids"]
        start = len(self.tokenizer(context, add_special_tokens=False)["input_ids"])
        return whole[:start] or [self.tokenizer.eos_token_id], whole[start:]

    def _score(self, batch: Sequence[tuple[list[int], list[int]]]) -> list[tuple[float, bool]]:
        import torch

        rows = [context + target for context, target in batch]
        inputs = self.tokenizer.pad({"input_ids": rows}, return_tensors="pt").to(self.device)
        positions = (inputs["attention_mask"].cumsum(-1) - 1).clamp(min=0)
        with torch.inference_mode():
            output = self.model(**inputs, position_ids=positions)
        logits = output.logits.float().log_softmax(-1)
        scores = []
        for row, (_, target) in zip(logits, batch, strict=True):
            n = len(target)
            wanted = torch.tensor(target, device=self.device)
            local = row[-n - 1 : -1]
            total = local.gather(1, wanted[:, None]).sum().item()
            scores.append((total, bool((local.argmax(-1) == wanted).all())))
        return scores


def _batches(lengths: Sequence[int], extra: int) -> Iterator[list[int]]:
    """Indices in batches of like length, longest first, each of at most BATCH_TOKENS."""
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    while order:
        size = max(1, BATCH_TOKENS // (lengths[order[0]] + extra))
        yield order[:size]
        order = order[size:]
