"""Pretraining of the embedded base model."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from recipe.tiny.corpus import documents

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

WIDTH, LAYERS, HEADS, HIDDEN = 128, 3, 4, 384
BLOCK, BATCH = 256, 16
STEPS = 2000
PEAK_LR = 3e-3
SEED = 20


def new_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama of about 0.8 M parameters with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=HIDDEN,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=HEADS,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def blocks(tokenizer: PreTrainedTokenizerFast, seed: int) -> Iterator[torch.Tensor]:
    """Endless batches of token ids, shape (BATCH, BLOCK), documents joined by the end token."""
    import torch

    stream = documents(seed)
    need = BATCH * BLOCK
    ids: list[int] = []
    while True:
        while len(ids) < need:
            texts = list(itertools.islice(stream, 256))
            for encoded in tokenizer(texts)["input_ids"]:
                ids += [*encoded, tokenizer.eos_token_id]
        yield torch.tensor(ids[:need]).view(BATCH, BLOCK)
        ids = ids[need:]


def pretrain(
    tokenizer: PreTrainedTokenizerFast,
    steps: int = STEPS,
    report: Callable[[int, float, float], None] | None = None,
) -> LlamaForCausalLM:
    """Train the base model from scratch.

    Args:
        tokenizer: The embedded tokenizer.
        steps: Optimiser steps of `BATCH * BLOCK` tokens.
        report: Called every hundred steps with step, loss and seconds since the start.
    """
    import torch

    torch.manual_seed(SEED)
    model = new_model(tokenizer).train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=PEAK_LR, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: _schedule(s, steps))
    started = time.monotonic()
    for step, ids in zip(range(1, steps + 1), blocks(tokenizer, SEED), strict=False):
        loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        if report and step % 100 == 0:
            report(step, loss.item(), time.monotonic() - started)
    return model.eval()


def _schedule(step: int, steps: int) -> float:
    warmup = min(1.0, (step + 1) / 50)
    return warmup * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))
