"""An embedding model in a local folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from decontam.similar.embeddings import Embedder, Vectors, unit


def folder_embedder(
    folder: Path, *, batch: int = 32, max_tokens: int = 256, prefix: str = "", device: str = "cpu"
) -> Embedder:
    """Load a model whose embedding is the mean of its last hidden states.

    That is how most sentence-transformers models pool; one that pools otherwise gives vectors, but
    not its own.  Only safetensors weights are read, and no code from the folder is run.

    Args:
        folder: A folder that `transformers` wrote: configuration, tokenizer, `*.safetensors`.
        batch: Texts embedded together; longer ones share batches with each other.
        max_tokens: Where texts are cut off.
        prefix: Put before each text, for models that want one (E5: `query: `).
        device: Where the model runs.

    Raises:
        ValueError: the folder holds no safetensors.
    """
    # torch and transformers take seconds to load, and most runs embed nothing
    from transformers import AutoModel, AutoTokenizer

    if not any(folder.glob("*.safetensors")):
        raise ValueError(f"{folder} holds no *.safetensors; save the model in that format")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model: Any = AutoModel.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False, use_safetensors=True
    )
    model = model.to(device).eval()

    def embedder(texts: Sequence[str], /) -> Vectors:
        order = sorted(range(len(texts)), key=lambda k: len(texts[k]))
        parts = [
            _pooled(model, tokenizer, [prefix + texts[k] for k in order[low : low + batch]],
                    max_tokens)
            for low in range(0, len(order), batch)
        ]  # fmt: skip
        return unit(np.concatenate(parts)[np.argsort(order)])

    return embedder


def _pooled(model: Any, tokenizer: Any, texts: list[str], max_tokens: int) -> Vectors:
    """Mean of the last hidden states over the mask, [texts, dimensions]."""
    import torch

    # tokenizers refuse half of a surrogate pair, which a row may hold
    whole = [text.encode("utf-8", "replace").decode() for text in texts]
    inputs = tokenizer(
        whole, padding=True, truncation=True, max_length=max_tokens, return_tensors="pt"
    ).to(model.device)
    with torch.inference_mode():
        states = model(**inputs).last_hidden_state.float()
    mask = inputs["attention_mask"].unsqueeze(-1).float()
    mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
    return np.asarray(mean.cpu().numpy(), dtype=np.float32)
