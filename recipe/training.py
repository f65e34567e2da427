"""What SFT, DPO and RLVR share: loading, settings, progress, resuming, saving."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipe.config import Checkpoint

SAVE_EVERY_SECONDS = 120.0
"""A kill loses at most this much training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Where a training stage starts from, reads and writes."""

    start: str | Path
    """Checkpoint folder or Hub id training starts from."""
    revision: str | None = None
    """Commit of a Hub id."""
    fingerprint: str
    """What identifies the starting weights."""
    data_digest: str
    out: Path
    """Folder of the finished checkpoint."""
    scratch: Path
    """Folder of training checkpoints; it survives a kill."""
    seed: int


def load_model(run: Run) -> tuple[Any, Any]:
    """The starting model (float32) and its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(
        run.start, revision=run.revision, dtype=torch.float32, use_safetensors=True
    )
    tokenizer = AutoTokenizer.from_pretrained(run.start, revision=run.revision)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def shared_arguments(run: Run) -> dict[str, Any]:
    """Trainer settings that every method has in common."""
    import torch

    gpu = torch.cuda.is_available()
    return {
        "output_dir": str(run.scratch),
        "seed": run.seed,
        "data_seed": run.seed,
        "report_to": "none",
        "logging_steps": 10,
        "log_level": "warning",
        "save_strategy": "no",
        "save_total_limit": 1,
        "disable_tqdm": True,
        "use_cpu": not gpu,
        "bf16": gpu,
        "gradient_checkpointing": False,
        "dataloader_pin_memory": gpu,
    }


def train(trainer: Any, run: Run, method: str) -> Checkpoint:
    """Run a trainer to its end, from its last training checkpoint if a kill left one.

    Args:
        trainer: A transformers `Trainer`.
        run: Where to start from and write to.
        method: Recorded in the checkpoint.
    """
    from transformers import PrinterCallback
    from transformers.trainer_utils import get_last_checkpoint

    run.scratch.mkdir(parents=True, exist_ok=True)
    run.out.mkdir(parents=True, exist_ok=True)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(_progress_callback(run))
    _drop_torn_checkpoints(run.scratch)
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(run.scratch)))
    _require_finite(trainer.model)
    trainer.model.save_pretrained(run.out)
    trainer.processing_class.save_pretrained(run.out)
    (run.out / "train.jsonl").write_text(
        "".join(json.dumps(entry) + "\n" for entry in trainer.state.log_history), encoding="utf-8"
    )
    checkpoint = Checkpoint(
        path=run.out,
        base=run.fingerprint,
        method=method,
        step=trainer.state.global_step,
        data_digest=run.data_digest,
    )
    _describe(checkpoint)
    return checkpoint


def _drop_torn_checkpoints(scratch: Path) -> None:
    """Remove training checkpoints that a kill cut short: the trainer's state is written last."""
    for folder in scratch.glob("checkpoint-*"):
        try:
            json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            shutil.rmtree(folder)


def _require_finite(model: Any) -> None:
    """Raise where training diverged: such a model has no scores."""
    if not all(bool(p.isfinite().all()) for p in model.parameters()):
        raise ValueError("training diverged: weights are not finite; lower lr")


def _describe(checkpoint: Checkpoint) -> None:
    fields = {
        "base": checkpoint.base,
        "method": checkpoint.method,
        "step": checkpoint.step,
        "data_digest": checkpoint.data_digest,
    }
    (checkpoint.path / "checkpoint.json").write_text(json.dumps(fields, indent=1), encoding="utf-8")


def _progress_callback(run: Run) -> Any:
    from transformers import TrainerCallback

    class Progress(TrainerCallback):  # type: ignore[misc]
        saved = time.monotonic()

        def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> None:
            if time.monotonic() - self.saved > SAVE_EVERY_SECONDS:
                control.should_save = True
                self.saved = time.monotonic()
            last: Mapping[str, Any] = state.log_history[-1] if state.log_history else {}
            write_progress(run.scratch, state.global_step, state.max_steps, last.get("loss"))

    return Progress()


def write_progress(scratch: Path, step: int, total: int, loss: float | None) -> None:
    """Leave word of how far a stage is, for whoever watches."""
    text = json.dumps({"step": step, "total": total, "loss": loss})
    (scratch / "progress.json").write_text(text, encoding="utf-8")
