"""Throughput by index, row length, format and preset; time and size of the indexes.

Each figure is the slope between two sizes of training files in MB of JSON lines, medians of
interleaved runs of whole processes, so starting up does not count.  Rows are chat rows of both
corpora.  Indexes are made once by `python -m decontam index`, from GSM8K and then one more
benchmark of the mirror at a time.  Unless a curve varies them: all of the mirror, rows of 1,000
characters, JSON lines, preset default; always one worker.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.decontam.corpus import Recipe, corpus_file, questions
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

LENGTHS = (100, 300, 1_000, 3_000, 10_000, 100_000, 600_000)
FORMATS = ("jsonl", "jsonl.gz", "jsonl.zst", "parquet")
PRESETS = ("default", "tulu3", "llama3", "gpt3", "decon")


@dataclass(frozen=True, slots=True)
class Point:
    """One setting."""

    benchmarks: int = len(MIRROR)
    """How many of the mirror's are indexed; 0 for a single item of GSM8K."""
    preset: str = "default"
    characters: int = 1_000
    format: str = "jsonl"


@dataclass(frozen=True, slots=True)
class Index:
    """An index on disk."""

    folder: Path
    built: Cost | None
    """None where it was there before."""
    items: int
    megabytes: float


POINTS: Mapping[str, Mapping[str, Point]] = {
    "index": {
        ("1 item" if k == 0 else MIRROR[0] if k == 1 else f"+ {MIRROR[k - 1]}"): Point(k)
        for k in range(len(MIRROR) + 1)
    },
    "length": {f"{n:,} characters": Point(characters=n) for n in LENGTHS},
    "format": {name: Point(format=name) for name in FORMATS},
    "preset": {name: Point(preset=name) for name in PRESETS},
}
"""Curve -> what its points are called."""


def index(point: Point, work: Path) -> Index:
    """The index of a point."""
    folder = work / f"index-{point.preset}-{point.benchmarks}"
    built = None
    if not folder.exists():
        built = cost(index_command(_against(point, work), folder, "--preset", point.preset), [0])
    told = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Index(folder, built, _items(folder), told / 1e6)


def _against(point: Point, work: Path) -> list[str | Path]:
    if point.benchmarks:
        return list(MIRROR[: point.benchmarks])
    path = work / "item.jsonl"
    path.write_text(json.dumps(questions()[0]) + "\n")
    return [path]


def _items(folder: Path) -> int:
    from decontam.items.saved import load

    return len(load(folder).entries.items)


def check(point: Point, megabytes: float, held: Index, work: Path) -> Cost:
    """One check from start to end."""
    name = f"chat{megabytes:g}-{point.characters}.{point.format}"
    train = corpus_file(work / name, Recipe(megabytes, point.characters))
    out = work / "check"
    shutil.rmtree(out, ignore_errors=True)
    return cost(check_command([train], out, "--index", held.folder))


def rates(
    points: Iterable[Point], sizes: tuple[float, float], repetitions: int, work: Path
) -> dict[Point, tuple[float, float, float]]:
    """MB/s by wall time and by processor time, and the larger file's peak in MiB."""
    held = {p: index(p, work) for p in points}
    for point, size in itertools.product(held, sizes):
        check(point, size, held[point], work)  # files are made here, and read once
    jobs = {
        (point, size): partial(check, point, size, held[point], work)
        for size in sizes
        for point in held
    }
    costs = interleaved(jobs, repetitions)
    return {p: _rate(sizes, (costs[p, sizes[0]], costs[p, sizes[1]])) for p in held}


def _rate(
    sizes: tuple[float, float], costs: tuple[Sequence[Cost], Sequence[Cost]]
) -> tuple[float, float, float]:
    by_processor = [[replace(c, seconds=c.processor) for c in several] for several in costs]
    return slope(*sizes, costs), slope(*sizes, by_processor), max(c.peak for c in costs[1])


def curve(
    name: str, sizes: tuple[float, float], repetitions: int, work: Path
) -> dict[Point, float]:
    """Measure and print one curve."""
    points = POINTS[name]
    found = rates(points.values(), sizes, repetitions, work)
    first = next(iter(found.values()))[0]
    table(
        (name, "MB/s", "MB/s of processor", "to the first", "peak MiB"),
        [
            (label, found[p][0], found[p][1], ratio(found[p][0], first), found[p][2])
            for label, p in points.items()
        ],
    )
    return {p: found[p][0] for p in points.values()}


def built(repetitions: int, work: Path) -> None:
    """Time and size of each index of the first curve."""
    lines = []
    for label, point in POINTS["index"].items():
        costs, held = [], index(point, work)
        for _ in range(repetitions):
            shutil.rmtree(held.folder)
            held = index(point, work)
            costs += [held.built] if held.built else []
        peak = max(c.peak for c in costs)
        lines.append((label, held.items, seconds(costs), peak, held.megabytes))
    table(("index of", "items", "seconds to make", "peak MiB", "MB on disk"), lines)


def plot(path: Path, curves: Mapping[str, Mapping[Point, float]], work: Path) -> None:
    """Throughput by index and by row length, side by side."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    across = {
        "index": ("items indexed", lambda p: index(p, work).items),
        "length": ("characters of a row", lambda p: p.characters),
    }
    drawn = [name for name in across if name in curves]
    figure, axes = plt.subplots(1, len(drawn), figsize=(4 * len(drawn), 3), squeeze=False)
    for axis, name in zip(axes[0], drawn, strict=True):
        label, place = across[name]
        axis.plot([place(p) for p in curves[name]], list(curves[name].values()), marker="o")
        axis.set(xlabel=label, xscale="log", ylim=(0, None))
    axes[0][0].set_ylabel("MB/s")
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def main() -> None:
    """Measure the curves asked for."""
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--curves", nargs="+", choices=("built", *POINTS), default=["built", *POINTS])
    add("--mb", nargs=2, type=float, default=[100, 300], metavar=("SMALL", "LARGE"))
    add("--repetitions", type=int, default=3)
    add("--plot", type=Path, metavar="FILE.png")
    given = arguments.parse_args()
    with workplace(given.work) as work:
        if "built" in given.curves:
            built(given.repetitions, work)
        curves = {
            name: curve(name, tuple(given.mb), given.repetitions, work)
            for name in POINTS
            if name in given.curves
        }
        if given.plot:
            plot(given.plot, curves, work)


if __name__ == "__main__":
    main()
