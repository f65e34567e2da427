"""What is measured: `python -m evals COMMAND`.

Exit codes: 0 done, 1 a guardrail tripped (the results are written and name it), 2 the request is
wrong, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from evals.commands import compare, items, run
from evals.commands import list as list_

DONE, WRONG_REQUEST, INTERRUPTED = 0, 2, 130


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Returns the exit code; raises ValueError where the request is wrong."""
    examples: str = ""


COMMANDS: Mapping[str, Command] = {
    "list": Command(list_.HELP, list_.arguments, list_.run, list_.EXAMPLES),
    "items": Command(items.HELP, items.arguments, items.run, items.EXAMPLES),
    "run": Command(run.HELP, run.arguments, run.run, run.EXAMPLES),
    "compare": Command(compare.HELP, compare.arguments, compare.run, compare.EXAMPLES),
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
