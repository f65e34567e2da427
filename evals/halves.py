"""A fresh twin serves two ends, each with items of its own.

One half of its items is held out: models are judged on it, by a sweep's gate and by `compare`, and
of it only the outcome is shown.  The other half measures what kept leaks did, in numbers that a
sweep publishes.  So no published number depends on an item that judges.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evals.digest import text_digest
from evals.suite import Benchmark

Half = Literal["gate", "diagnosis"]


def in_half(
    benchmark: str, twin: str | None, units: Iterable[str], half: Half
) -> NDArray[np.bool_]:
    """Which items are in a half of a benchmark; all of them where it is no twin.

    The half of an item follows from its name, so that it is the same in every sweep and at every
    limit.  A cluster goes into one half whole.

    Args:
        benchmark: Name of what was scored.
        twin: The development benchmark that it is a fresh twin of.
        units: The cluster of each item, or the item.
        half: Which half.
    """
    names = list(units)
    if twin is None:
        return np.ones(len(names), dtype=np.bool_)
    wanted = 1 if half == "diagnosis" else 0
    sides = [int(text_digest(f"{benchmark} {name}")[:8], 16) % 2 for name in names]
    return np.array([side == wanted for side in sides], dtype=np.bool_)


def expected(benchmark: Benchmark) -> int:
    """About how many items the gate reads; exact where the benchmark is no twin."""
    return benchmark.scored if benchmark.twin is None else benchmark.scored // 2
