"""Wall time of an evaluation beside bare lm-eval's `simple_evaluate`, in one process.

    python benchmarks/evals/cost.py [--hub DIR] [--rounds 3] [--items N]

Free model: both sides get the same text at once, so what is left is overhead.  Real model: the
embedded one, both sides with the same batches' worth of work.  Warm: ours again, all rows cached.
Imports are done before the clock starts, on both sides.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

MODEL = ROOT / "recipe" / "tiny" / "model"
TEXT = "It is 4 + 3 = 7.\n#### 7"


class FreeEngine:
    """Answers at once."""

    identity = MappingProxyType({"engine": "free", "version": "1"})
    tokenizer_name = "free"

    def chat(self, messages: Sequence[Mapping[str, str]], *, add_generation_prompt: bool) -> str:
        del add_generation_prompt
        return "".join(f"<{m['role']}>{m['content']}" for m in messages)

    def generate(self, requests: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        from evals.engines import Generation

        return ((i, Generation(TEXT, "stop", 12, 100)) for i in range(len(requests)))

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[int, Any]]:
        raise NotImplementedError


def free_lm() -> Any:
    """The same model as bare lm-eval sees it."""
    from lm_eval.api.model import LM

    class Free(LM):
        tokenizer_name = "free"

        def apply_chat_template(self, history: Any, add_generation_prompt: bool = True) -> str:
            return FreeEngine().chat(history, add_generation_prompt=add_generation_prompt)

        def generate_until(self, requests: Sequence[Any]) -> list[str]:
            return [TEXT for _ in requests]

        def loglikelihood(self, requests: Any) -> Any:
            raise NotImplementedError

        loglikelihood_rolling = loglikelihood

    return Free()


def bare(
    model: Any, tasks: Sequence[str], folder: Path, settings: Mapping[str, Any], manager: Any
) -> Any:
    """lm-eval's own entry point with its defaults; `manager` None lets it index all its tasks."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    found = simple_evaluate(
        model=model,
        tasks=list(tasks),
        task_manager=manager or TaskManager(include_path=str(folder)),
        log_samples=True,
        **settings,
    )
    return {task: len(found["samples"][task]) for task in tasks}


def timed(function: Callable[[], Any]) -> float:
    started = time.perf_counter()
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        function()
    return time.perf_counter() - started


def compare(name: str, sides: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Medians of alternating rounds, in seconds."""
    times: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side, function in sides.items():
            times[side].append(timed(function))
    medians = {side: statistics.median(t) for side, t in times.items()}
    print(f"{name}: " + ", ".join(f"{side} {t:.2f} s" for side, t in medians.items()))
    return medians


def measure(
    name: str,
    ours: Callable[[Any], Any],
    theirs: Callable[[Any], Any],
    rounds: int,
    folder: Path,
) -> None:
    """One model and its tasks: cold, warm, bare, and bare with the index of tasks given."""
    from lm_eval.tasks import TaskManager

    from evals.cache import RowCache

    with contextlib.redirect_stderr(io.StringIO()):
        manager = TaskManager(include_path=str(folder))
    root = Path(tempfile.mkdtemp(prefix="assay-cost-"))
    fresh = iter(range(10**6))
    warm = RowCache(root / "warm")
    timed(lambda: ours(warm))
    found = compare(
        name,
        {
            "cold": lambda: ours(RowCache(root / str(next(fresh)))),
            "warm": lambda: ours(RowCache(root / "warm")),
            "bare": lambda: theirs(None),
            "bare, index given": lambda: theirs(manager),
        },
        rounds,
    )
    print(
        f"  cold/bare {found['cold'] / found['bare']:.2f}, "
        f"cold/bare with index given {found['cold'] / found['bare, index given']:.2f}, "
        f"warm/cold {found['warm'] / found['cold']:.3f}"
    )


def gsm8k_folder(hub: Path) -> Path:
    """Stock gsm8k with its data from the mirror, as bare lm-eval takes it."""
    from evals.stock_tasks import task_file

    folder = Path(tempfile.mkdtemp(prefix="assay-tasks-"))
    body = {"include": str(task_file("gsm8k")), "task": "gsm8k",
            "dataset_path": str(hub / "openai" / "gsm8k")}  # fmt: skip
    (folder / "gsm8k.yaml").write_text(json.dumps(body))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hub", type=Path, default=ROOT.parent / "shared" / "hub")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--items", type=int, default=500, help="of each embedded benchmark")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    import torch
    from lm_eval.models.huggingface import HFLM

    from evals.engines.hf import HFEngine
    from evals.prepared import prepare_stock
    from evals.run import run, run_prepared
    from evals.stock_tasks import OURS
    from evals.suite import load_suite

    torch.set_num_threads(1)
    if (args.hub / "openai" / "gsm8k").is_dir():
        measure(
            "free model, stock gsm8k, 5 shots",
            lambda rows: run_prepared(FreeEngine(), prepare_stock("gsm8k", args.hub), rows),
            lambda manager: bare(free_lm(), ["gsm8k"], gsm8k_folder(args.hub), {}, manager),
            args.rounds,
            gsm8k_folder(args.hub),
        )
    benchmarks = [replace(b, limit=args.items) for b in load_suite("mini-dev").benchmarks]
    names = [b.name for b in benchmarks]
    settings = {
        "apply_chat_template": True,
        "gen_kwargs": {"max_gen_toks": 64},
        "limit": args.items,
    }
    measure(
        "free model, mini-dev",
        lambda rows: run(FreeEngine(), benchmarks, cache=rows),
        lambda manager: bare(free_lm(), names, OURS, settings, manager),
        args.rounds,
        OURS,
    )
    engine = HFEngine(MODEL)
    _ = engine.model
    model = HFLM(pretrained=str(MODEL), dtype="float32", device="cpu", batch_size=256)
    measure(
        f"embedded model, mini-dev, {args.items} items each",
        lambda rows: run(engine, benchmarks, cache=rows),
        lambda manager: bare(model, names, OURS, settings, manager),
        args.rounds,
        OURS,
    )


if __name__ == "__main__":
    main()
