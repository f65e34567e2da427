"""The command line: `python -m decontam check | clean | index | review`."""

from __future__ import annotations

import argparse
import errno
import gc
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from decontam.arguments import benchmark_share, count, label_action, names
from decontam.items.index import Index
from decontam.policy import PRESETS, Policy, Rule
from decontam.report.report import Report

CLEAN, CONTAMINATED, WRONG_REQUEST, INTERRUPTED = 0, 1, 2, 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_REQUEST, f"error: {message}; {self.prog} --help tells more\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    from decontam.run.clean import BlockedError

    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except BlockedError as blocked:
        print(f"blocked: {blocked}; nothing was written", file=sys.stderr)  # noqa: T201
        return CONTAMINATED
    except (ValueError, OSError) as error:
        print(f"error: {_said(error)}", file=sys.stderr)  # noqa: T201
        return WRONG_REQUEST
    except MemoryError:
        print("error: not enough memory; give fewer --workers", file=sys.stderr)  # noqa: T201
        return WRONG_REQUEST
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it was", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    except Exception:  # noqa: BLE001  (Python's own exit code would say "contaminated")
        traceback.print_exc()
        print("error: this is a defect of decontam; please report it", file=sys.stderr)  # noqa: T201
        return WRONG_REQUEST


@contextmanager
def _printing() -> Iterator[None]:
    """What is printed last, to a reader that may have gone: what was asked for is done by then, and
    says by its exit code what it found."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # or Python complains when it flushes at its end
        os.close(nowhere)


def _said(error: ValueError | OSError) -> str:
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        remedy = "make room or choose another place" if full else "choose another place"
        return f"{place}{error.strerror}; {remedy}, and run it again"
    return str(error)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m decontam",
        description="Which rows of this training data hold which items of these benchmarks?",
        epilog="Exit codes: 0 clean, 1 contaminated, 2 the request was wrong.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    _check_arguments(
        commands.add_parser("check", help="say which rows hold which items"), _check, False
    )
    _check_arguments(
        commands.add_parser("clean", help="write the files again without those rows"), _clean, True
    )
    index = commands.add_parser("index", help="make an index that checks can share")
    _item_arguments(index, required=True)
    index.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to make")
    index.set_defaults(command=_index)
    review = commands.add_parser("review", help="write the page to review a check's matches on")
    review.add_argument("folder", type=Path, metavar="DIR", help="what --out named")
    review.set_defaults(command=_review)
    return parser


def _check_arguments(
    parser: argparse.ArgumentParser, command: Callable[[Any], int], out: bool
) -> None:
    add = parser.add_argument
    add("train", nargs="+", metavar="TRAIN", help="files, folders, globs or Hub datasets with rows")
    _item_arguments(parser, required=False)
    add("--index", type=Path, metavar="DIR", help="an index instead of --against")
    add("--mode", choices=("user", "assistant", "all"), help="turns to look at")
    add("--fields", type=names, default=(), metavar="NAME,...", help="fields that hold the text")
    add("--action", type=label_action, action="append", default=[], metavar="LABEL=ACTION",
        help="what follows from a label: report, drop, drop_file or block")  # fmt: skip
    add("--workers", type=count(1), default=1, metavar="N", help="processes (default: 1)")
    add("--executor", choices=("local", "ray"), default="local", help="where shards are scanned")
    add("--out", type=Path, metavar="DIR", required=out, help="folder for results; resumed")
    add("--json", action="store_true", help="print the summary as JSON")
    add("--allow-bad-rows", type=count(0), default=0, metavar="N",
        help="unreadable rows that are counted rather than refused")  # fmt: skip
    add("--allowlist", type=Path, metavar="FILE", help="decisions from the review page")
    _similar_arguments(parser)
    parser.set_defaults(command=command)


def _similar_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group(
        "third tier", "rows that say the same in other words; slow, reported, never flagged"
    ).add_argument
    add("--similar", action="store_true", help="look for paraphrases by character shingles")
    add("--embed-folder", metavar="DIR", help="and by a local embedding model")
    add("--embed-url", metavar="URL", help="or by an OpenAI-compatible server's")
    add("--embed-model", default="", metavar="NAME", help="its model")
    add("--judge-url", metavar="URL", help="ask an OpenAI-compatible server about what was found")
    add("--judge-model", default="", metavar="NAME", help="its model")
    add("--key-variable", metavar="NAME", help="environment variable with the servers' key")


def _item_arguments(parser: argparse.ArgumentParser, required: bool) -> None:
    parser.add_argument("--against", nargs="+", metavar="WHAT", required=required,
                        help="suites, lm-eval tasks or files of items")  # fmt: skip
    parser.add_argument("--hub", type=Path, metavar="DIR", help="mirror of the Hub (or ASSAY_HUB)")
    parser.add_argument("--preset", choices=sorted(PRESETS), help="rule (default: default)")
    parser.add_argument("--threshold", type=benchmark_share, action="append", default=[],
                        metavar="BENCHMARK=SHARE",
                        help="with preset llama3: the share of an item that must be exceeded for "
                        "this benchmark (default: 0.5)")  # fmt: skip


def _check(arguments: argparse.Namespace) -> int:
    return _run(arguments, clean=False)


def _clean(arguments: argparse.Namespace) -> int:
    return _run(arguments, clean=True)


def _run(arguments: argparse.Namespace, clean: bool) -> int:
    from decontam.report.terminal import Progress, show
    from decontam.run.run import Request, run

    index = _prepared(arguments)
    gc.freeze()  # an index is many objects, and all of them stay
    with Progress(sys.stderr) as progress:
        request = Request(
            train=tuple(_training(arguments)),
            out=arguments.out,
            index=arguments.index,
            fields=arguments.fields,
            allow_bad_rows=arguments.allow_bad_rows,
            allowlist=arguments.allowlist,
            similar=_similar(arguments),
            clean=clean,
            workers=arguments.workers,
            executor=arguments.executor,
            progress=progress,
        )
        report = run(request, index)
    with _printing():
        if arguments.json:
            print(json.dumps(report.summary(), indent=2, ensure_ascii=False))  # noqa: T201
        else:
            show(report, arguments.out, clean)
    return CLEAN if clean else _verdict(report)


def _similar(arguments: argparse.Namespace) -> Any:
    """The third tier, if any of its options asks for it."""
    options = (
        "embed_folder",
        "embed_url",
        "embed_model",
        "judge_url",
        "judge_model",
        "key_variable",
    )
    asked = {name: getattr(arguments, name) for name in options}
    if not arguments.similar:
        if any(asked.values()):
            raise ValueError("options of the third tier need --similar")
        return None
    for what in ("embed", "judge"):
        if bool(asked[f"{what}_url"]) != bool(asked[f"{what}_model"]):
            raise ValueError(f"--{what}-url and --{what}-model go together; give both or neither")
    if asked["embed_folder"] and asked["embed_url"]:
        raise ValueError("give --embed-folder or --embed-url, not both")
    from decontam.similar.request import SimilarRequest

    return SimilarRequest(**asked)


def _verdict(report: Report) -> int:
    return CONTAMINATED if report.totals.rows_flagged else CLEAN


def _index(arguments: argparse.Namespace) -> int:
    from decontam.items.saved import publish

    index = _prepared(arguments)
    publish(index, arguments.out)
    entries = index.entries
    found = sum(e.reason is None for e in entries.entries[: len(entries.items)])
    with _printing():
        print(f"{arguments.out}: {found:,} of {len(entries.items):,} items indexed")  # noqa: T201
    return CLEAN


def _review(arguments: argparse.Namespace) -> int:
    from decontam.report.review import write_review

    written = write_review(arguments.folder)
    with _printing():
        print(written)  # noqa: T201
    return CLEAN


def _prepared(arguments: argparse.Namespace) -> Index:
    """The index that a command asks for, saved or made."""
    from decontam.against import read_against
    from decontam.items.saved import load
    from decontam.rules.rule import prepare

    saved = getattr(arguments, "index", None)
    if bool(saved) == bool(arguments.against):
        raise ValueError(
            "name what to check against: --against WHAT... or --index DIR, one of them"
        )
    if not saved:
        items = read_against(arguments.against, _hub(arguments))
        return prepare(_policy(arguments, PRESETS[arguments.preset or "default"]), items)
    index = load(saved)
    if arguments.preset and arguments.preset != index.policy.name:
        raise ValueError(
            f"{saved} is an index for preset {index.policy.name!r}, not {arguments.preset!r}; "
            f"make one with python -m decontam index --preset {arguments.preset}"
        )
    return index.with_policy(_policy(arguments, index.policy))


def _policy(arguments: argparse.Namespace, policy: Policy) -> Policy:
    from dataclasses import replace

    mode = getattr(arguments, "mode", None) or policy.mode
    actions = {**policy.actions, **dict(getattr(arguments, "action", []))}
    rule = _with_thresholds(policy, arguments.threshold)
    return replace(policy, rule=rule, mode=mode, actions=actions)


def _with_thresholds(policy: Policy, given: Sequence[tuple[str, float]]) -> Rule:
    from dataclasses import replace

    from decontam.policy import UnionMatch

    rule, thresholds = policy.rule, dict(given)
    if not given:
        return rule
    if not isinstance(rule, UnionMatch):
        raise ValueError(
            f"--threshold goes with preset llama3, which has one for each benchmark; this is "
            f"preset {policy.name}"
        )
    if len(thresholds) < len(given):
        raise ValueError("--threshold is given twice for one benchmark; give it once")
    return replace(rule, thresholds={**rule.thresholds, **thresholds})


def _training(arguments: argparse.Namespace) -> list[str]:
    from decontam.rows.hub import folder_of

    return [folder_of(name, _hub(arguments)) for name in arguments.train]


def _hub(arguments: argparse.Namespace) -> Path | None:
    from evals.hub import hub_folder

    hub = hub_folder(arguments.hub)
    if hub and not hub.is_dir():
        raise ValueError(f"--hub {hub}: no such folder")
    return hub
