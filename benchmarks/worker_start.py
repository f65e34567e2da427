"""Time until a worker has the trainers at hand: forked from a preloaded process, or cold."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

IMPORTS = "import torch, transformers; from trl import SFTTrainer, DPOTrainer, GRPOTrainer"
ROUNDS = 5


def cold() -> float:
    """A new interpreter that imports the trainers."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def forked() -> float:
    """A child of this process, which has imported them."""
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return time.perf_counter() - started


def main() -> None:
    """Alternate the two and print the medians."""
    exec(IMPORTS)
    pairs = [(cold(), forked()) for _ in range(ROUNDS)]
    a, b = (statistics.median(p[i] for p in pairs) for i in (0, 1))
    print(f"cold    {a * 1e3:8.1f} ms")
    print(f"forked  {b * 1e3:8.1f} ms   ratio {a / b:.0f}")


if __name__ == "__main__":
    main()
