"""What is measured: `python -m evals COMMAND`.

Exit codes: 0 done, 2 the request is wrong, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from evals.hub import hub_folder
from evals.load_items import named_items

DONE, WRONG_REQUEST, INTERRUPTED = 0, 2, 130


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Returns the exit code; raises ValueError where the request is wrong."""
    examples: str = ""


def _items_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        metavar="WHAT",
        help="a suite (mini-dev, or a .yaml file), a benchmark (gsm8k, bbh, mt_bench), or a task, "
        "group or tag of lm-eval (arc_easy, bbh_zeroshot, mgsm_direct)",
    )
    parser.add_argument(
        "--hub", type=Path, metavar="DIR", help="a mirror of the Hub (or set ASSAY_HUB)"
    )


def _items(args: argparse.Namespace) -> int:
    hub = hub_folder(args.hub)
    if hub is not None and not hub.is_dir():
        raise ValueError(f"--hub {hub} is not a folder")
    for item in named_items(args.what, hub):
        sys.stdout.write(json.dumps(asdict(item), ensure_ascii=False) + "\n")
    return DONE


COMMANDS: Mapping[str, Command] = {
    "items": Command(
        help="print benchmark items as JSON lines: benchmark, id, prompt, answer, passage, options",
        arguments=_items_arguments,
        run=_items,
        examples="examples:\n"
        "  python -m evals items gsm8k --hub ../shared/hub | head -n 3\n"
        "  python -m evals items mini-dev > items.jsonl",
    ),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        command.arguments(
            commands.add_parser(
                name,
                help=command.help,
                description=command.help,
                epilog=command.examples,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
        )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; see `--help`."""
    args = _parser().parse_args(arguments)
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = COMMANDS[args.command].run(args)
        sys.stdout.flush()
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return WRONG_REQUEST
    except BrokenPipeError:
        # The reader has what it wanted; Python would complain at exit when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


if __name__ == "__main__":
    sys.exit(main())
