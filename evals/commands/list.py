"""`python -m evals list`: what can be measured here and now."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from evals.availability import Availability, availability
from evals.hub import hub_folder
from evals.stock_tasks import in_lm_eval
from evals.suite import Benchmark, Suite, load_suite, suite_names

HELP = "what can be measured: suites, their benchmarks, what cannot be had and why"
EXAMPLES = """examples:
  python -m evals list
  python -m evals list --hub ../shared/hub --json"""


@dataclass(frozen=True, slots=True)
class _Listed:
    """A benchmark of a suite."""

    name: str
    task: str
    skill: str
    items: int
    """Those that a run scores."""
    metric: str
    filter: str
    shots: int
    chat: bool
    max_tokens: int | None
    replicates: int
    data: Availability
    reason: str


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--hub", type=Path, metavar="DIR", help="a mirror of the Hub (or set ASSAY_HUB)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the suites; returns the exit code.

    Raises:
        ValueError: a suite file is wrong.
    """
    hub = hub_folder(args.hub)
    suites = [load_suite(name) for name in suite_names()]
    listed = {s.name: [_listed(b, hub) for b in s.benchmarks] for s in suites}
    if args.json:
        body = {s.name: _as_json(s, listed[s.name]) for s in suites}
        sys.stdout.write(json.dumps({"suites": body}, indent=1) + "\n")
    else:
        for suite in suites:
            sys.stdout.writelines(f"{line}\n" for line in _lines(suite, listed[suite.name]))
    return 0


def _listed(benchmark: Benchmark, hub: Path | None) -> _Listed:
    data, reason = availability(benchmark, hub)
    return _Listed(
        benchmark.name, benchmark.task, benchmark.skill, benchmark.scored, _metric(benchmark),
        benchmark.filter, benchmark.shots, benchmark.chat, benchmark.max_tokens,
        benchmark.replicates, data, reason,
    )  # fmt: skip


def _metric(benchmark: Benchmark) -> str:
    return f"{benchmark.metric}, pass@{benchmark.pass_k}" if benchmark.pass_k else benchmark.metric


def _as_json(suite: Suite, benchmarks: Sequence[_Listed]) -> dict[str, object]:
    return {
        "tier": suite.tier,
        "benchmarks": [asdict(b) for b in benchmarks],
        "absent": dict(suite.absent),
    }


def _lines(suite: Suite, benchmarks: Sequence[_Listed]) -> Iterable[str]:
    yield f"{suite.name} ({suite.tier})"
    header = ("benchmark", "items", "metric", "shots", "data")
    rows = [header] + [
        (b.name, str(b.items), b.metric, str(b.shots), f"{b.data}  {b.reason}".strip())
        for b in benchmarks
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    for row in rows:
        yield "  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
    names = [b.name for b in benchmarks if in_lm_eval(b.name)]
    if names:
        yield f"  lm-eval has tasks named {', '.join(names)}:"
        yield f"  `--suite NAME` runs those as lm-eval sets them, `--suite {suite.name}` these"
    for name, reason in suite.absent.items():
        yield f"  {name}: cannot be had: {reason}"
    yield ""
