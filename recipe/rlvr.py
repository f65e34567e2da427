"""Reinforcement learning with verifiable rewards: GRPO through TRL."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evals.verifiers import verifier
from recipe.config import Checkpoint, RLVRConfig
from recipe.rows import Row, prompt_messages
from recipe.training import Run, load_model, shared_arguments, train

Messages = list[dict[str, str]]


def rlvr(config: RLVRConfig, rows: Sequence[Row], run: Run) -> Checkpoint:
    """Train on prompts whose responses a verifier can check.

    Args:
        config: Hyperparameters.
        rows: Rows with a prompt, `verifier` and `reference`.
        run: Where to start from and write to.

    Raises:
        ValueError: no rows, or a row without verifier.
    """
    import trl
    from datasets import Dataset

    if not rows:
        raise ValueError("RLVR has no prompts")
    model, tokenizer = load_model(run)
    arguments = trl.GRPOConfig(
        **shared_arguments(run),
        learning_rate=config.lr,
        max_steps=config.steps,
        per_device_train_batch_size=config.prompts_per_step * config.samples_per_prompt,
        num_generations=config.samples_per_prompt,
        max_completion_length=config.max_tokens,
        temperature=config.temperature,
        beta=config.kl,
        lr_scheduler_type=config.schedule,
    )
    trainer = trl.GRPOTrainer(
        model=model,
        args=arguments,
        reward_funcs=reward(config.reward),
        train_dataset=Dataset.from_list([_prompt(row) for row in rows]),
        processing_class=tokenizer,
    )
    return train(trainer, run, "rlvr")


def _prompt(row: Row) -> Row:
    missing = [k for k in ("verifier", "reference") if k not in row]
    if missing:
        raise ValueError(f"RLVR prompt {row['id']} of {row['source']!r} has no {missing[0]!r}")
    verifier(row["verifier"])
    return {
        "prompt": prompt_messages(row),
        "verifier": row["verifier"],
        "reference": row["reference"],
    }


def reward(value: float) -> Callable[..., list[float]]:
    """TRL's reward function: `value` for a verified response, 0 for any other."""

    def verified(
        completions: Sequence[Messages],
        verifier: Sequence[str],
        reference: Sequence[str],
        **_: object,
    ) -> list[float]:
        return [
            value * _correct(name, completion[0]["content"], wanted)
            for completion, name, wanted in zip(completions, verifier, reference, strict=True)
        ]

    return verified


def _correct(name: str, response: str, reference: str) -> bool:
    return verifier(name)(response, reference).correct
