"""Direct preference optimisation through TRL."""

from __future__ import annotations

from collections.abc import Sequence

from recipe.config import Checkpoint, DPOConfig
from recipe.rows import Row
from recipe.training import Run, load_model, shared_arguments, train


def dpo(config: DPOConfig, rows: Sequence[Row], run: Run) -> Checkpoint:
    """Train on preference pairs; the starting checkpoint is the reference.

    Args:
        config: Hyperparameters.
        rows: Rows with `prompt`, `chosen` and `rejected`.
        run: Where to start from and write to.

    Raises:
        ValueError: no rows.
    """
    import trl
    from datasets import Dataset

    if not rows:
        raise ValueError("DPO has no preference pairs")
    model, tokenizer = load_model(run)
    columns = ("prompt", "chosen", "rejected")
    arguments = trl.DPOConfig(
        **shared_arguments(run),
        learning_rate=config.lr,
        beta=config.beta,
        loss_type=[config.loss],
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        max_length=config.max_length,
        warmup_steps=config.warmup,
        lr_scheduler_type=config.schedule,
        precompute_ref_log_probs=True,
    )
    trainer = trl.DPOTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list([{c: row[c] for c in columns} for row in rows]),
        processing_class=tokenizer,
    )
    return train(trainer, run, "dpo")
