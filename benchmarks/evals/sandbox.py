"""HumanEval's own solutions judged in the sandbox, by new interpreters, and by `code_eval`.

    python -m benchmarks.evals.sandbox --code-eval DIR

DIR holds the metric's two files, `code_eval.py` and `execute.py`, as in `metrics/code_eval` of
https://github.com/huggingface/evaluate; without it that line is left out.  The peers run programs
unconfined: nothing but the benchmark's own solutions is given to them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SHARED = Path(os.environ.get("ASSAY_SHARED", "../shared"))


def programs() -> list[tuple[str, str]]:
    """Each problem's solution and tests."""
    import pandas as pd

    files = sorted((SHARED / "hub/openai/openai_humaneval").rglob("*.parquet"))
    rows: list[dict[str, Any]] = pd.read_parquet(files[0]).to_dict("records")
    return [
        (r["prompt"] + r["canonical_solution"], f"{r['test']}\ncheck({r['entry_point']})")
        for r in rows
    ]


def confined(work: Sequence[tuple[str, str]], workers: int) -> int:
    """Programs that pass in the sandbox, its start and end included."""
    from evals.sandbox import Program, Sandbox

    with Sandbox(workers=workers) as sandbox:
        found = sandbox.run_all(Program(f"{text}\n{tests}") for text, tests in work)
    return sum(o.passed for o in found)


def new_interpreters(work: Sequence[tuple[str, str]], workers: int) -> int:
    """Programs that pass in an interpreter of their own, started bare."""

    def one(pair: tuple[str, str]) -> bool:
        command = [sys.executable, "-I", "-S", "-c", "\n".join(pair)]
        ran = subprocess.run(command, capture_output=True, timeout=60)
        return ran.returncode == 0

    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(one, work))


def code_eval(metric: Any, work: Sequence[tuple[str, str]], workers: int) -> int:
    """Programs that pass by the metric of Hugging Face."""
    _, results = metric.compute(
        references=[tests for _, tests in work],
        predictions=[[text] for text, _ in work],
        k=[1],
        num_workers=workers,
    )
    return sum(found[0][1]["passed"] for found in results.values())


def main() -> None:
    """Alternate the three and print medians."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--code-eval", type=Path, metavar="DIR")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    work = programs()
    ways: dict[str, Callable[[], int]] = {
        "sandbox": lambda: confined(work, given.workers),
        "new interpreters": lambda: new_interpreters(work, given.workers),
    }
    if given.code_eval:
        os.environ["HF_ALLOW_CODE_EVAL"] = "1"
        import evaluate

        metric = evaluate.load(str(given.code_eval))
        ways["code_eval"] = lambda: code_eval(metric, work, given.workers)
    times: dict[str, list[float]] = {name: [] for name in ways}
    passed: dict[str, set[int]] = {name: set() for name in ways}
    for _ in range(given.rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            passed[name].add(way())
            times[name].append(time.perf_counter() - started)
    ours = statistics.median(times["sandbox"])
    print(f"{len(work)} programs, {given.workers} workers, medians of {given.rounds}")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        each = 1000 * median / len(work)
        print(
            f"{name:18} {median:7.2f} s  {each:6.1f} ms each  1 : {median / ours:.1f}"
            f"  passed {sorted(passed[name])}"
        )


if __name__ == "__main__":
    main()
