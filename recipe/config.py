"""What a training stage is told, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Schedule = Literal["linear", "cosine", "constant"]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model on disk: a transformers folder with safetensors weights and a tokenizer."""

    path: Path
    base: str
    """Fingerprint of the weights training started from."""
    method: str
    step: int
    data_digest: str
    """Digest of the training rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SFTConfig:
    """Supervised fine-tuning; the loss counts assistant tokens only."""

    lr: float
    """Peak learning rate."""
    epochs: float = 1.0
    batch_size: int = 16
    """Sequences per optimiser step."""
    max_length: int = 256
    """Tokens; a longer row is cut on the right."""
    warmup: float = 0.03
    """Share of the steps that the learning rate rises over."""
    schedule: Schedule = "linear"
    weight_decay: float = 0.0
    packing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DPOConfig:
    """Direct preference optimisation; `sigmoid_norm` is Tulu 3's length-normalised loss."""

    lr: float
    beta: float = 5.0
    loss: Literal["sigmoid", "sigmoid_norm", "ipo", "hinge"] = "sigmoid_norm"
    epochs: float = 1.0
    batch_size: int = 32
    max_length: int = 256
    warmup: float = 0.1
    schedule: Schedule = "linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class RLVRConfig:
    """Reinforcement learning with verifiable rewards."""

    lr: float
    algorithm: Literal["grpo"] = "grpo"
    steps: int = 30
    """Optimiser steps."""
    prompts_per_step: int = 16
    samples_per_prompt: int = 8
    max_tokens: int = 64
    """Longest response, in tokens."""
    temperature: float = 1.0
    kl: float = 0.0
    """Weight of the KL penalty against the starting policy."""
    reward: float = 10.0
    """Reward of a verified response; the others earn 0."""
    schedule: Schedule = "constant"


CONFIGS: Mapping[str, type[SFTConfig] | type[DPOConfig] | type[RLVRConfig]] = {
    "sft": SFTConfig,
    "dpo": DPOConfig,
    "rlvr": RLVRConfig,
}

PRESETS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "tulu3-8b": {
        "sft": {"lr": 5e-6, "epochs": 2.0, "batch_size": 128, "max_length": 4096},
        "dpo": {"lr": 5e-7, "beta": 5.0, "batch_size": 128, "max_length": 2048},
        "rlvr": {"lr": 5e-7, "prompts_per_step": 48, "samples_per_prompt": 16, "max_tokens": 2048},
    },
    "tulu3-70b": {
        "sft": {"lr": 2e-6, "epochs": 2.0, "batch_size": 128, "max_length": 4096},
        "dpo": {"lr": 2e-7, "beta": 5.0, "batch_size": 128, "max_length": 2048},
        "rlvr": {"lr": 1e-7, "prompts_per_step": 48, "samples_per_prompt": 16, "max_tokens": 2048},
    },
}
"""Published settings by preset and method (Tulu 3: arXiv 2411.15124, tables 8, 20 and 22; the RLVR
rows are Tulu 3.1's GRPO)."""
