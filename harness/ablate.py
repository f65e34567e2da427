"""`python -m harness.ablate sweep.yaml`: what did each change do, and may the result ship?"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from evals.hub import hub_folder
from evals.ledger import ledger_file
from harness.contamination import candidate_contamination, held_items
from harness.deltas import compute_deltas
from harness.errors import RequestError, request_errors
from harness.execute import Outcome, execute
from harness.gains import compute_gains
from harness.inflation import inflation
from harness.judge import judge
from harness.plan_view import show_plan
from harness.planner import make_plan, suites_of
from harness.preflight import preflight
from harness.progress import show_progress
from harness.publish import findings_of, publish, show
from harness.store import Store
from harness.sweep_file import load_sweep, sweep_schema
from harness.table_files import write_tables
from harness.tables import collect

DONE, WRONG_REQUEST, STAGE_FAILED, INTERRUPTED = 0, 2, 3, 130


def ablate(
    path: Path,
    *,
    results: Path,
    hub: Path | None,
    workers: int,
    threads: int,
    plan_only: bool = False,
    force_look: bool = False,
) -> int:
    """Run a sweep: load, plan, execute, collect, compare, decide, report.

    Args:
        path: The sweep file.
        results: Folder of the store, the tables and the reports.
        hub: Mirror folder that stands in for the Hub.
        workers: Processes at once.
        threads: Threads of each.
        plan_only: Show the plan and run nothing.
        force_look: Look at the held-out suite although its budget of looks is spent.

    Returns:
        The exit code: 0 done, 1 gate failed, 3 a stage failed, 4 gate inconclusive.

    Raises:
        RequestError: the request is wrong; nothing has run.
    """
    sweep = load_sweep(path, hub=hub)
    store = Store(results)
    with request_errors(path):
        suites = suites_of(sweep)
        plan = make_plan(sweep, hub)
        preflight(sweep, suites, plan, store, hub)
    if plan_only:
        show_plan(sweep, plan, suites, store)
        return DONE

    with show_progress(store) as progress:
        outcome = execute(plan, store, workers=workers, threads=threads, hub=hub, progress=progress)

    tables = collect(plan, outcome, store)
    runs, scores = tables.runs, tables.scores
    comparisons = compute_deltas(sweep, runs, scores, suites, tables.candidate)
    held = held_items(plan, tables)
    inflations = inflation(sweep, runs, scores, suites)
    gains = compute_gains(sweep, runs, scores, suites, held)
    leaked = candidate_contamination(held, comparisons.candidate)
    with request_errors(path):
        ledger = ledger_file(results)
        verdict = judge(sweep, suites, comparisons, leaked, runs, ledger, force=force_look)

    findings = findings_of(sweep, suites, tables, comparisons, inflations, gains, verdict)
    write_tables(results / "tables", tables, findings)
    publish(findings, plan, outcome.keys, results / "sweeps" / sweep.name)
    show(findings, outcome, results / "sweeps" / sweep.name)
    return _exit_code(outcome, verdict.exit_code if verdict else DONE)


def _exit_code(outcome: Outcome, gate: int) -> int:
    return STAGE_FAILED if outcome.failed else gate


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; see `--help`."""
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(prog="python -m harness.ablate", description=__doc__)
    parser.add_argument("sweep", type=Path, nargs="?", help="the sweep file")
    parser.add_argument("--plan", action="store_true", help="show the plan and run nothing")
    parser.add_argument("--schema", action="store_true", help="print sweep.yaml's JSON schema")
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="where results go (%(default)s)"
    )
    parser.add_argument("--hub", type=Path, help="a mirror of the Hub (or set ASSAY_HUB)")
    parser.add_argument(
        "--workers", type=_positive, default=cores, help="processes at once (%(default)s)"
    )
    parser.add_argument(
        "--threads", type=_positive, default=1, help="threads of each (%(default)s)"
    )
    parser.add_argument(
        "--force-look", action="store_true", help="look at a held-out suite past its budget"
    )
    args = parser.parse_args(arguments)
    if args.schema:
        sys.stdout.write(json.dumps(sweep_schema(), indent=2) + "\n")
        return DONE
    if args.sweep is None:
        parser.error("name a sweep file, for example sweeps/quickstart.yaml")
    try:
        return ablate(
            args.sweep,
            results=args.results.resolve(),
            hub=hub_folder(args.hub),
            workers=args.workers,
            threads=args.threads,
            plan_only=args.plan,
            force_look=args.force_look,
        )
    except RequestError as error:
        sys.stderr.write(f"error: {error}\n")
        return WRONG_REQUEST
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command continues from what is published\n")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
