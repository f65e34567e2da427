"""Supervised fine-tuning through TRL."""

from __future__ import annotations

from collections.abc import Sequence

from recipe.config import Checkpoint, SFTConfig
from recipe.rows import Row
from recipe.training import Run, load_model, shared_arguments, train


def sft(config: SFTConfig, rows: Sequence[Row], run: Run) -> Checkpoint:
    """Train on the assistant turns of chat rows.

    Args:
        config: Hyperparameters.
        rows: Rows with `messages`.
        run: Where to start from and write to.

    Raises:
        ValueError: no rows.
    """
    import trl
    from datasets import Dataset

    if not rows:
        raise ValueError("SFT has no training rows")
    model, tokenizer = load_model(run)
    arguments = trl.SFTConfig(
        **shared_arguments(run),
        learning_rate=config.lr,
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        max_length=config.max_length,
        warmup_steps=config.warmup,
        lr_scheduler_type=config.schedule,
        weight_decay=config.weight_decay,
        packing=config.packing,
        assistant_only_loss=True,
    )
    trainer = trl.SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list([{"messages": row["messages"]} for row in rows]),
        processing_class=tokenizer,
    )
    if len(trainer.train_dataset) == 0:
        raise ValueError(
            f"no assistant token of any row lies within max_length ({config.max_length} tokens)"
        )
    return train(trainer, run, "sft")
