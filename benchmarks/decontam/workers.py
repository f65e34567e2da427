"""What a second worker brings, beside what the second core of the machine brings.

In one run, interleaved: a check with one worker, one with two, and two checks with one worker each
side by side, which share nothing but the machine.  What the pair reaches is the most that the
machine has for two workers; what two workers fall short of it is the checker's own.  Rates are
slopes between two sizes, by medians; a pair reads twice as much.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.decontam.corpus import Recipe, corpus_file
from benchmarks.decontam.measure import (
    MIRROR,
    Cost,
    check_command,
    cost,
    index_command,
    interleaved,
    parser,
    ratio,
    seconds,
    slope,
    table,
    workplace,
)

INDEXES = {"gsm8k": MIRROR[:1], "mirror": MIRROR}


def check(train: Path, index: Path, workers: int, out: Path) -> Cost:
    """One check from start to end."""
    shutil.rmtree(out, ignore_errors=True)
    return cost(check_command([train], out, "--index", index, "--workers", str(workers)))


def pair(train: Path, index: Path, out: Path) -> Cost:
    """Two checks at once: how long until both have ended."""
    places = [out.with_name(f"{out.name}-{k}") for k in range(2)]
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda place: check(train, index, 1, place), places))
    return Cost(
        max(c.seconds for c in both), sum(c.processor for c in both), max(c.peak for c in both)
    )


def measure(name: str, sizes: tuple[float, float], repetitions: int, work: Path) -> None:
    """Print one table."""
    index, out = work / f"index-{name}", work / "check"
    if not index.exists():
        cost(index_command(INDEXES[name], index), [0])
    trains = {size: corpus_file(work / f"chat{size:g}.jsonl", Recipe(size, 1500)) for size in sizes}
    kinds: dict[str, Callable[[Path], Cost]] = {
        "one worker": lambda train: check(train, index, 1, out),
        "two workers": lambda train: check(train, index, 2, out),
        "two checks side by side": lambda train: pair(train, index, out),
    }
    for train in trains.values():
        check(train, index, 1, out)  # so that every file has been read once
    jobs = {(k, s): partial(run, trains[s]) for s in sizes for k, run in kinds.items()}
    costs = interleaved(jobs, repetitions)
    rates = {k: slope(*sizes, (costs[k, sizes[0]], costs[k, sizes[1]])) for k in kinds}
    rates["two checks side by side"] *= 2
    alone = rates["one worker"]
    table(
        (f"{name}, MB", *(f"{size:g} s" for size in sizes), "MB/s", "to one worker"),
        [
            (k, *(seconds(costs[k, size]) for size in sizes), rate, ratio(rate, alone))
            for k, rate in rates.items()
        ],
    )


def main() -> None:
    """Measure."""
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--indexes", nargs="+", choices=INDEXES, default=list(INDEXES))
    add("--mb", nargs=2, type=float, default=[400, 1200], metavar=("SMALL", "LARGE"))
    add("--repetitions", type=int, default=3)
    given = arguments.parse_args()
    with workplace(given.work) as work:
        for name in given.indexes:
            measure(name, tuple(given.mb), given.repetitions, work)


if __name__ == "__main__":
    main()
