"""What the benchmarks of this folder share: where the data is, what a process costs, tables."""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[2]
SHARED = (ROOT / os.environ.get("ASSAY_SHARED", "../shared")).resolve()
MIRROR = (
    "gsm8k", "ifeval", "ifbench", "humaneval", "mbpp", "bbh", "mgsm", "mmlu_pro", "xstest",
    "mt_bench",
)  # fmt: skip
"""Every benchmark that the mirror of the Hub holds."""

CLEAN_OR_NOT = (0, 1)
"""Exit codes of a check that went through."""

# A process of its own and small: the peak that the kernel reports of a child begins with its
# parent's at the moment of the fork.
_WRAPPER = """
import json, resource, subprocess, sys, time
begin = time.perf_counter()
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
seconds = time.perf_counter() - begin
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""

Name = TypeVar("Name")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a process took."""

    seconds: float
    """Wall time from before the start to after the end."""
    processor: float
    """Seconds of processor time, of the process and what it waited for."""
    peak: float
    """MiB that the largest process of it had resident at once."""


def cost(command: Sequence[str | Path], codes: Sequence[int] = CLEAN_OR_NOT) -> Cost:
    """Run a command from the repository's root and measure it.

    Raises:
        ValueError: it ended with a code that is none of `codes`; what it wrote to stderr is told.
    """
    wrapped = [sys.executable, "-S", "-c", _WRAPPER, *map(str, command)]
    ran = subprocess.run(wrapped, cwd=ROOT, capture_output=True, text=True, env=one_thread())
    if ran.returncode == 0:
        code, *figures = json.loads(ran.stdout)
        if code in codes:
            return Cost(*figures)
    raise ValueError(f"{' '.join(map(str, command))} failed:\n{ran.stderr[-2000:]}")


def one_thread() -> dict[str, str]:
    """The environment, with one thread for every library that would take more."""
    names = ("OMP", "OPENBLAS", "MKL", "RAYON", "NUMEXPR")
    return {**os.environ, **{f"{name}_NUM_THREADS": "1" for name in names}}


def check_command(train: Sequence[Path], out: Path, *more: str | Path) -> list[str | Path]:
    """`python -m decontam check` of some files with this interpreter."""
    return [sys.executable, "-m", "decontam", "check", *train, "--out", out, *more]


def index_command(against: Sequence[str | Path], out: Path, *more: str) -> list[str | Path]:
    """`python -m decontam index` of items or of benchmarks of the mirror."""
    named = [sys.executable, "-m", "decontam", "index", "--against", *against]
    return [*named, "--hub", SHARED / "hub", "--out", out, *more]


def interleaved(
    jobs: Mapping[Name, Callable[[], Cost]], repetitions: int
) -> dict[Name, list[Cost]]:
    """Run every job, then every job again: slow spells of the machine fall on all alike."""
    costs: dict[Name, list[Cost]] = {name: [] for name in jobs}
    for repetition in range(repetitions):
        for name, job in jobs.items():
            print(f"\r\x1b[K{repetition + 1}/{repetitions} {name}", end="", file=sys.stderr)
            costs[name].append(job())
    print("\r\x1b[K", end="", file=sys.stderr)
    return costs


def seconds(costs: Sequence[Cost]) -> float:
    """Median wall time."""
    return statistics.median(c.seconds for c in costs)


def slope(small: float, large: float, costs: Sequence[Sequence[Cost]]) -> float:
    """MB/s between two sizes in MB, by medians, so that starting up does not count; infinite where
    the larger took no longer."""
    longer = seconds(costs[1]) - seconds(costs[0])
    return (large - small) / longer if longer > 0 else float("inf")


def ratio(value: float, other: float) -> str:
    """How many times the other; nothing where one of them could not be measured."""
    known = math.isfinite(value) and math.isfinite(other) and other > 0
    return f"{value / other:.2f} x" if known else ""


def table(headings: Sequence[str], lines: Sequence[Sequence[object]]) -> None:
    """Print lines in columns: the first to the left, the others to the right."""
    cells = [list(headings), *([_said(cell) for cell in line] for line in lines)]
    widths = [max(len(line[k]) for line in cells) for k in range(len(headings))]
    for line in cells:
        rest = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
        print("  ".join([line[0].ljust(widths[0]), *rest]).rstrip())
    print(flush=True)


def _said(cell: object) -> str:
    if isinstance(cell, float) and not math.isfinite(cell):
        return "sizes too small"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser that knows `--work`."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--work", type=Path, metavar="DIR", help="folder for files; kept")
    return made


@contextmanager
def workplace(given: Path | None) -> Iterator[Path]:
    """The folder for work files: the given one, or one that is removed in the end."""
    if given:
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        yield Path(folder)
