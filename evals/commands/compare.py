"""`python -m evals compare DIR_A DIR_B`: what changed from A to B, with intervals."""

from __future__ import annotations

import argparse
import json
import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from evals import stats
from evals.compare import Compared, Comparison, Flip, compare
from evals.held_out import MEAN, Judged, judge
from evals.ledger import LEDGER, ledger_file
from evals.result_folder import read_results

HELP = "compare two result folders item by item: deltas, intervals, what they resolve, flips"
EXAMPLES = (
    "examples:\n"
    "  python -m evals compare results/sft results/dpo --flips 10\n"
    "  python -m evals compare results/sft results/dpo --json > deltas.json\n\n"
    "Of held-out benchmarks it says which way each went, at a level that shrinks with every look,\n"
    "and no number; each look is recorded in the ledger, and more than ten are refused.  It reads\n"
    "the half of a fresh twin's items that judges, as a sweep's gate does."
)

NAME, WIDTH = 24, 100


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("a", type=Path, metavar="DIR_A", help="a folder that `run --out` wrote")
    parser.add_argument("b", type=Path, metavar="DIR_B", help="another; deltas are B minus A")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument(
        "--flips",
        type=int,
        default=0,
        metavar="N",
        help="list up to N flipped items of each benchmark that is not held out",
    )
    parser.add_argument(
        "--allow-different-prompts",
        action="store_true",
        help="compare common items where prompts, documents, metrics or item sets differ",
    )
    parser.add_argument(
        "--ledger",
        type=Path,
        metavar="FILE",
        help="where looks at held-out suites are recorded (default: ASSAY_LEDGER, or ledger.jsonl "
        "in the folder that both lie in)",
    )
    parser.add_argument(
        "--force-look",
        action="store_true",
        help="look at a held-out suite past its budget, which is recorded",
    )


def run(args: argparse.Namespace) -> int:
    """Print the comparison; returns the exit code.

    Raises:
        ValueError: a folder is unreadable, the two do not compare, or a look is refused.
    """
    if args.flips < 0:
        raise ValueError(f"--flips {args.flips}: name how many to list, at least 0")
    a, b, different = read_results(args.a), read_results(args.b), args.allow_different_prompts
    found = compare(a, b, allow_different=different)
    judged: tuple[Judged, ...] = ()
    if len(found.benchmarks) < len(a.keys() & b.keys()):
        judged = judge(a, b, _ledger(args), allow_different=different, force=args.force_look)
    lines = [as_json(found, judged)] if args.json else as_lines(found, judged, args.flips)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def _ledger(args: argparse.Namespace) -> Path:
    """The ledger that is named, or the one beside both folders."""
    if args.ledger:
        ledger: Path = args.ledger
        return ledger
    beside = args.a.resolve().parent
    if beside != args.b.resolve().parent and not os.environ.get(LEDGER):
        raise ValueError(
            f"{args.a} and {args.b} hold held-out results and lie in different folders; name the "
            f"ledger that records the look with --ledger FILE, or in {LEDGER}"
        )
    return ledger_file(beside)


def as_json(found: Compared, judged: Sequence[Judged] = ()) -> str:
    """Everything that was found, as JSON; of held-out benchmarks the answers alone."""
    body = {**asdict(found), "held_out": [asdict(look) for look in judged]}
    return json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False)


def as_lines(found: Compared, judged: Sequence[Judged] = (), flips: int = 0) -> Iterator[str]:
    """The comparison as tables of at most 100 columns, in points, then up to `flips` items each.

    Args:
        found: What was compared.
        judged: Looks at held-out suites.
        flips: Flipped items to list of each benchmark.
    """
    if found.benchmarks:
        yield from _deltas(found, flips)
    yield from (f"note: {_plain(note)}" for note in found.notes if not found.benchmarks)
    for look in judged:
        yield from _look(look)


def _look(look: Judged) -> Iterator[str]:
    yield f"{f'{_plain(look.suite)}, held out'[: NAME + 7]:<{NAME + 7}} {'n':>6}  B against A"
    for answer in look.answers:
        name = f"mean of {len(look.answers) - 1}" if answer.benchmark == MEAN else answer.benchmark
        name, n = _plain(name), "" if answer.benchmark == MEAN else answer.n
        if len(name) > NAME + 7:
            yield name[:WIDTH]
            name = ""
        yield f"{name:<{NAME + 7}} {n:>6}{'*' if answer.twin else ' '} {answer.finding}"
    forced = " (forced)" if look.forced else ""
    level = f"two-sided at {look.level:.2%} over all of these answers"
    yield f"Look {look.look} of {look.looks}{forced}, recorded: {level}."
    if any(answer.twin for answer in look.answers):
        yield "* A fresh twin: the half of its items that judges; the other half is for diagnosis."
    notes = [f"{answer.benchmark}: {answer.note}" for answer in look.answers if answer.note]
    yield from (f"note: {_plain(note)}" for note in notes)


def _deltas(found: Compared, flips: int) -> Iterator[str]:
    columns = f"{'n':>6} {'A':>5} {'B':>5} {'delta':>6} {'95 % interval':>15}"
    yield f"{'benchmark':<{NAME}} {columns} {'p':>6} {'MDE':>4} {'better/worse':>13}"
    for row in found.benchmarks:
        yield from _row(row)
    if found.mean and found.score_a is not None and found.score_b is not None:
        label = f"mean of {len(found.benchmarks)}"
        numbers = _numbers(found.score_a, found.score_b, found.mean)
        mde = stats.minimal_detectable_effect(found.mean.se**2, 1, df=found.mean.df)
        yield f"{label:<{NAME}} {'':>6} {numbers} {_p(found.mean.p):>6} {100 * mde:>4.1f}"
    yield "Points, B minus A.  Intervals hold item noise only: another run may land elsewhere."
    notes = [f"{row.benchmark}: {row.note}" for row in found.benchmarks if row.note]
    yield from (f"note: {_plain(note)}" for note in (*found.notes, *notes))
    for row in found.benchmarks if flips else ():
        yield from _flips(row, flips)


def _row(row: Comparison) -> Iterator[str]:
    name = _plain(row.benchmark)
    if len(name) > NAME:
        yield name[:WIDTH]
        name = ""
    numbers = _numbers(row.score_a, row.score_b, row.delta)
    moved = f"{row.better}/{row.worse}"
    tail = f"{_p(row.p):>6} {100 * row.mde:>4.1f} {moved:>13}"
    yield f"{name:<{NAME}} {row.n:>6} {numbers} {tail}"
    if row.clusters or row.strata:
        kinds = {"clusters": row.clusters, "strata": row.strata}
        yield "  in " + " and ".join(f"{n:,} {kind}" for kind, n in kinds.items() if n)


def _numbers(a: float, b: float, d: stats.Estimate) -> str:
    span = f"[{100 * d.low:+.1f}, {100 * d.high:+.1f}]"
    return f"{100 * a:>5.1f} {100 * b:>5.1f} {100 * d.mean:>+6.1f} {span:>15}"


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def _flips(row: Comparison, most: int) -> Iterator[str]:
    name = _plain(row.benchmark)[: WIDTH // 2]
    yield f"{name}: {len(row.flips)} flipped, {min(most, len(row.flips))} shown"
    for flip in row.flips[:most]:
        yield f"  {_plain(flip.item)}  {flip.score_a:g} -> {flip.score_b:g}{_answers(flip)}"[:WIDTH]


def _answers(flip: Flip) -> str:
    if flip.extracted_a is None or flip.extracted_b is None:
        return ""
    return f"  {_plain(flip.extracted_a)[:24]!r} -> {_plain(flip.extracted_b)[:24]!r}"


def _plain(text: str) -> str:
    """One line without control and direction-changing characters."""
    hidden = ("Cc", "Cf", "Cs")
    return "".join(" " if c.isspace() else c for c in text if unicodedata.category(c) not in hidden)
