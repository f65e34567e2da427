"""`python -m evals items WHAT`: benchmark items as JSON lines."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from evals.hub import hub_folder

HELP = "print benchmark items as JSON lines: benchmark, id, prompt, answer, passage, options"
EXAMPLES = (
    "examples:\n"
    "  python -m evals items gsm8k --hub ../shared/hub | head -n 3\n"
    "  python -m evals items mini-dev > items.jsonl"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "what",
        metavar="WHAT",
        help="a suite (mini-dev, or a .yaml file), a benchmark (gsm8k, bbh, mt_bench), or a task, "
        "group or tag of lm-eval (arc_easy, bbh_zeroshot, mgsm_direct)",
    )
    parser.add_argument(
        "--hub", type=Path, metavar="DIR", help="a mirror of the Hub (or set ASSAY_HUB)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the items; returns the exit code.

    Raises:
        ValueError: the mirror is no folder, or the items cannot be had.
    """
    from evals.load_items import asked_items

    hub = hub_folder(args.hub)
    if hub is not None and not hub.is_dir():
        raise ValueError(f"--hub {hub} is not a folder")
    for item in asked_items(args.what, hub):
        sys.stdout.write(json.dumps(asdict(item), ensure_ascii=False) + "\n")
    return 0
