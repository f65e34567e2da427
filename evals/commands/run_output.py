"""What `python -m evals run` prints when it is done."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from evals.gap import development_record, gap_lines
from evals.held_out import opened
from evals.ledger import ledger_file
from evals.result_folder import read_results
from evals.run_record import Asked
from evals.score_lines import published_lines, score_lines


def printed(args: argparse.Namespace, asked: Asked, record: Mapping[str, Any]) -> Iterator[str]:
    """What a run prints: the scores, or of a held-out suite that there are some.

    Args:
        args: Of the command.
        asked: What was asked for.
        record: What scores.json holds.

    Raises:
        ValueError: a look was asked for and the budget of looks is spent.
    """
    held_out = asked.tier == "held-out"
    if held_out and not args.look:
        yield from score_lines(record, shown=False)
        yield f"{asked.of_suite} is held out: its scores are written, and `compare` judges them."
        yield "--look prints them, which the ledger records."
        return
    look = beside = None
    if held_out:
        if args.beside:
            beside = development_record(args.beside, record["identity"])
        assert asked.of_suite is not None
        ledger = args.ledger or ledger_file(args.out.resolve().parent)
        results = read_results(args.out)
        look = opened(asked.of_suite, results, ledger, force=args.force_look)
    yield from score_lines(record)
    yield from published_lines(record)
    if beside:
        yield from ("", *gap_lines(record, beside))
    if look:
        yield f"Look {look.number} at {look.suite}, recorded: its scores are open."
