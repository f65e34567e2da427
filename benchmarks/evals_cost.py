"""Wall time of `evals.run` beside bare `lm_eval.simple_evaluate`: embedded model, mini-dev."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable
from pathlib import Path

ROUNDS = 3
MODEL = Path(__file__).parent.parent / "recipe" / "tiny" / "model"


def ours() -> float:
    """Mean of the three benchmarks through Assay."""
    from evals.engines.hf import HFEngine
    from evals.run import run
    from evals.suite import load_suite

    benchmarks = load_suite("mini-dev").benchmarks
    result = run(HFEngine(MODEL), benchmarks)
    return sum(result.mean(b.name) for b in benchmarks)


def bare() -> float:
    """The same through lm-eval's own model class and entry point."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    import evals.stock_tasks

    found = simple_evaluate(
        model="hf",
        model_args={"pretrained": str(MODEL), "dtype": "float32"},
        tasks=["mini_gsm", "mini_math", "mini_ifeval"],
        task_manager=TaskManager(include_path=str(evals.stock_tasks.OURS)),
        batch_size=256,
        device="cpu",
        apply_chat_template=True,
        gen_kwargs={"max_gen_toks": 64},
        log_samples=True,
    )
    assert found
    return sum(
        v for r in found["results"].values() for k, v in r.items()
        if k in ("exact_match,none", "prompt_level_strict_acc,none")
    )  # fmt: skip


def timed(function: Callable[[], float]) -> tuple[float, float]:
    """Seconds and result."""
    started = time.perf_counter()
    value = function()
    return time.perf_counter() - started, value


def main() -> None:
    """Alternate the two and print the medians and the ratio."""
    logging.disable(logging.WARNING)
    import torch

    torch.set_num_threads(1)
    timed(ours)
    pairs = [(timed(ours), timed(bare)) for _ in range(ROUNDS)]
    a, b = (statistics.median(p[i][0] for p in pairs) for i in (0, 1))
    print(f"assay  {a:6.2f} s   bare lm-eval  {b:6.2f} s   ratio {a / b:.2f}")
    print(f"scores {pairs[0][0][1]:.4f} and {pairs[0][1][1]:.4f}")


if __name__ == "__main__":
    main()
