"""Speed and memory beside other tools: the same rows, the same items, one thread each, in one run.

Rows are `text` of 1,000 characters from both corpora with planted questions; items are GSM8K test.
Every tool is a process of its own and is timed whole, JSON parsing and start included; runs are
interleaved.  The slope between two sizes is what a further megabyte costs; slow peers are given
smaller sizes.  What a peer needs for `--whole` MB is measured once where that is asked for with
`--measure`, else carried on from its slope and marked with ~.  `peer_jobs.py` says how each peer is
run.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.decontam.corpus import Recipe, corpus_file, planted_in, questions
from benchmarks.decontam.measure import (
    Cost,
    check_command,
    cost,
    interleaved,
    parser,
    ratio,
    seconds,
    slope,
    table,
    workplace,
)

JOBS = Path(__file__).parent / "peer_jobs.py"
SIZES = {"ours": (100, 300), "decon": (100, 300), "datatrove": (2, 8), "plain": (10, 40)}
PLANTED = 100


@dataclass(frozen=True, slots=True)
class Bench:
    """One tool on files of several sizes."""

    tool: str
    interpreter: str
    work: Path
    items: Path

    def run(self, train: Path) -> Cost:
        """The cost of one check."""
        out = self.out(train)
        shutil.rmtree(out, ignore_errors=True)
        if self.tool == "ours":
            return cost(check_command([train], out, "--against", self.items))
        return cost([self.interpreter, JOBS, self.tool, train, self.items, out], codes=[0])

    def flagged(self, train: Path) -> int:
        """Rows that the last check of a file flagged."""
        if self.tool == "ours":
            return int(json.loads((self.out(train) / "summary.json").read_text())["rows_flagged"])
        return int((self.out(train) / "flagged").read_text())

    def out(self, train: Path) -> Path:
        """Where it leaves what it makes of a file."""
        return self.work / f"{self.tool}-{train.stem}"


@dataclass(frozen=True, slots=True)
class Figures:
    """What a tool comes to."""

    slope: float
    whole: float
    measured: bool
    line: list[object]


def files(work: Path, sizes: set[float]) -> dict[float, Path]:
    """Training files by their size in MB."""
    return {
        size: corpus_file(work / f"text{size:g}.jsonl", Recipe(size, 1000, "text", PLANTED))
        for size in sorted(sizes)
    }


def item_file(work: Path) -> Path:
    """GSM8K test as JSON lines."""
    path = work / "items.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in questions()))
    return path


def figures(
    bench: Bench, sizes: tuple[float, float], costs: tuple[list[Cost], list[Cost]],
    trains: dict[float, Path], whole: float, measure: bool,
) -> Figures:  # fmt: skip
    """What its runs say of a tool; one more run where `measure` asks for the whole size."""
    small, large = sizes
    rate = slope(small, large, costs)
    runs = [*costs[0], *costs[1]]
    taken = seconds(costs[1]) + (whole - large) / rate
    known = measure or whole == large
    if measure and whole != large:
        runs.append(bench.run(trains[whole]))
        taken = runs[-1].seconds
    found, held = bench.flagged(trains[large]), len(planted_in(trains[large]))
    return Figures(rate, taken, known, [
        bench.tool, f"{small:g}, {large:g}", seconds(costs[0]), seconds(costs[1]), rate,
        f"{'' if known else '~'}{taken:.1f}", max(c.peak for c in runs), f"{found} / {held}",
    ])  # fmt: skip


def benches(work: Path, peers: str, tools: list[str]) -> dict[str, Bench]:
    """The tools, each with its interpreter."""
    items = item_file(work)
    own = {"ours": sys.executable, "plain": sys.executable}
    return {tool: Bench(tool, own.get(tool, peers), work, items) for tool in tools}


def compare(
    tools: dict[str, Bench], sizes: dict[str, tuple[float, float]], whole: float,
    measure: list[str], repetitions: int, work: Path,
) -> None:  # fmt: skip
    """Run everything and print both tables."""
    trains = files(work, {s for tool in tools for s in sizes[tool]} | {whole})
    jobs: dict[tuple[str, float], Callable[[], Cost]] = {
        (tool, sizes[tool][k]): partial(bench.run, trains[sizes[tool][k]])
        for k in (0, 1)
        for tool, bench in tools.items()
    }
    costs = interleaved(jobs, repetitions)
    found = {
        tool: figures(
            bench, sizes[tool], (costs[tool, sizes[tool][0]], costs[tool, sizes[tool][1]]),
            trains, whole, tool in measure,
        )
        for tool, bench in tools.items()
    }  # fmt: skip
    table(
        ("tool", "sizes MB", "small s", "large s", "slope MB/s", f"{whole:g} MB s", "peak MiB",
         "flagged / planted"),
        [f.line for f in found.values()],
    )  # fmt: skip
    if ours := found.get("ours"):
        table(
            ("ours against", "slope", f"whole process, {whole:g} MB"),
            [
                (tool, ratio(ours.slope, f.slope), ratio(f.whole, ours.whole))
                for tool, f in found.items()
                if tool != "ours"
            ],
        )


def main() -> None:
    """Compare."""
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--peer-python", default="python3.12", metavar="FILE",
        help="an interpreter with decontaminate, datatrove, spacy and xxhash")  # fmt: skip
    add("--tools", nargs="+", choices=SIZES, default=list(SIZES))
    add("--repetitions", type=int, default=3)
    add("--whole", type=float, default=200, metavar="MB")
    add("--measure", nargs="*", choices=SIZES, default=["ours", "decon"], metavar="TOOL",
        help="tools that check the whole size once (default: %(default)s)")  # fmt: skip
    add("--scale", type=float, default=1, help="factor on every size, for a quick look")
    given = arguments.parse_args()
    scale = given.scale
    sizes = {tool: (a * scale, b * scale) for tool, (a, b) in SIZES.items()}
    with workplace(given.work) as work:
        tools = benches(work, given.peer_python, given.tools)
        compare(tools, sizes, given.whole * scale, given.measure, given.repetitions, work)


if __name__ == "__main__":
    main()
