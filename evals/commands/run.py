"""`python -m evals run`: a model and what to measure -> items.parquet and scores.json."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.commands.run_engine import APART, ENGINES, judge, loaded, model_named
from evals.hub import hub_folder
from evals.judged import JUDGED
from evals.stock_tasks import in_lm_eval
from evals.suite import Benchmark, Suite, load_suite, suite_names
from evals.tiers import held_out_suite

if TYPE_CHECKING:
    from evals.engines import Engine
    from evals.prepared import Prepared

HELP = "evaluate a model on a suite, a benchmark or a task of lm-eval"
EXAMPLES = """examples:
  python -m evals run --model recipe/tiny/model --suite mini-dev --out results/tiny
  python -m evals run --model org/name --revision COMMIT --suite gsm8k --hub ../shared/hub --out r
  python -m evals run --engine openai --base-url http://127.0.0.1:8000/v1 --model NAME \\
      --suite ifbench --out results/served
  python -m evals run --model M --suite judged --judge-url https://HOST/v1 --judge-model JUDGE \\
      --out results/judged

Scores of a held-out suite are written and not printed: `compare` judges them.

The same command again goes on where it was stopped: each answer is kept in the cache as it comes.
Exit code 1: a guardrail tripped (responses cut or empty, examples that are test items, changed
prompts, missing items); both files are written, and scores.json names the reasons under `failed`.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add(
        "--model", required=True, metavar="M", help="a folder, a Hub id, or the served model's name"
    )
    add("--revision", metavar="COMMIT", help="commit of a Hub id")
    add("--suite", required=True, metavar="SUITE_OR_TASK",
        help="a suite (mini-dev, or a .yaml file), a benchmark of a suite, or a task, group or tag "
        "of lm-eval, which then runs under its own settings")  # fmt: skip
    add("--engine", choices=sorted(ENGINES), default="hf")
    add("--base-url", metavar="U", help="address of an OpenAI-compatible server")
    add("--api-key-env", metavar="NAME",
        help="environment variable that holds the server's key (default: OPENAI_API_KEY; where "
        "that is not set, no key is sent)")  # fmt: skip
    add("--mode", choices=("chat", "completions"), default="chat",
        help="which of the server's two interfaces")  # fmt: skip
    add("--tokenizer", metavar="M", help="tokenizer of the served model: a folder or Hub id")
    add("--chat", action="store_true", help="apply the chat template to a task of lm-eval")
    add("--max-tokens", type=int, metavar="N",
        help="longest response, in place of what the suite or task says")  # fmt: skip
    add("--without", nargs="+", default=[], metavar="NAME",
        help="benchmarks of the suite to leave out")  # fmt: skip
    add("--judge-url", metavar="U", help="OpenAI-compatible server of the model that judges")
    add("--judge-model", metavar="NAME", help="its model")
    add("--judge-key-env", metavar="NAME",
        help="environment variable that holds its key (default: as for --api-key-env)")  # fmt: skip
    add("--limit", type=int, metavar="N", help="score a fixed sample of N items of each benchmark")
    add("--hub", type=Path, metavar="DIR",
        help="a mirror of the Hub, for data and models (or set ASSAY_HUB)")  # fmt: skip
    add("--out", required=True, type=Path, metavar="DIR", help="where the two files go")
    add("--cache", type=Path, metavar="DIR",
        help="where answers are kept; several runs may share it (default: OUT/cache)")  # fmt: skip
    add("--against", type=Path, metavar="DIR",
        help="an earlier run's folder: fail if its prompts differ")  # fmt: skip
    add("--look", action="store_true",
        help="print the scores of a held-out suite; the ledger records it")  # fmt: skip
    add("--beside", type=Path, metavar="DIR",
        help="with --look: a development run of this model, for the gap by skill")  # fmt: skip
    add("--ledger", type=Path, metavar="FILE",
        help="that ledger (default: ASSAY_LEDGER, or ledger.jsonl beside OUT)")  # fmt: skip
    add("--force-look", action="store_true", help="look past the budget, which is recorded")


def run(args: argparse.Namespace) -> int:
    """Evaluate; returns the exit code.

    Raises:
        ValueError: whatever is wrong with the request, before a model is loaded.
    """
    from evals.run_record import Asked, require_free

    hub = hub_folder(args.hub)
    _require_sensible(args, hub)
    suite, benchmarks = _asked(args)
    asked = Asked(
        args.model,
        args.revision,
        args.engine,
        args.suite,
        suite.tier if suite else "development",
        args.limit,
        max_tokens=args.max_tokens,
        chat=args.chat,
        mode=args.mode if args.engine == "openai" else None,
        without=tuple(args.without),
        judge=args.judge_model,
        of_suite=suite.name if suite else None,
        base_url=args.base_url.rstrip("/") if args.base_url else None,
    )
    require_free(args.out, asked)
    against = _against(args.against)
    by_judge = [b for b in benchmarks if b.task in JUDGED]
    _require_judge(args, by_judge)
    # A name of lm-eval's may turn out to be none: nothing is started for it.
    early = loaded(args) if benchmarks and args.engine in APART else None
    prepared = [] if by_judge == benchmarks != [] else _prepared(args, _others(benchmarks), hub)
    return _evaluate(args, asked, prepared, by_judge, against, early or loaded(args))


def _evaluate(
    args: argparse.Namespace,
    asked: Any,
    prepared: Sequence[Prepared],
    by_judge: Sequence[Benchmark],
    against: Sequence[Any],
    engine: Engine,
) -> int:
    from evals.cache import RowCache
    from evals.commands.run_output import printed
    from evals.guardrails import trips
    from evals.judged_run import judged, run_with_judge
    from evals.progress import progress_of
    from evals.run import SuiteResult, run_prepared
    from evals.run_record import write_record

    cache = RowCache(args.cache or args.out / "cache")
    with model_named(args.model):
        identity = engine.identity
    rows = {p.benchmark.name: p.rows for p in prepared}
    result = run_prepared(engine, prepared, cache, progress_of(rows))
    if by_judge:
        found = run_with_judge(by_judge, engine, judge(args), cache, hub_folder(args.hub))
        result = SuiteResult({**result.runs, **found})
        prepared = [*prepared, *(judged(b, args.judge_model) for b in by_judge)]
    cache.close()
    failed = trips([p.benchmark for p in prepared], result, against)
    served = [
        {"model": model, "fingerprint": fingerprint, "answers": answers}
        for (model, fingerprint), answers in getattr(engine, "served", {}).items()
    ]
    record = write_record(args.out, asked, identity, prepared, result, failed, served)
    sys.stderr.writelines(f"note: {note}\n" for note in record["notes"])
    sys.stderr.writelines(f"failed: {trip}\n" for trip in failed)
    sys.stdout.writelines(f"{line}\n" for line in printed(args, asked, record))
    return 1 if failed else 0


def _others(benchmarks: Sequence[Benchmark]) -> list[Benchmark]:
    return [b for b in benchmarks if b.task not in JUDGED]


def _require_judge(args: argparse.Namespace, by_judge: Sequence[Benchmark]) -> None:
    if bool(args.judge_url) != bool(args.judge_model):
        raise ValueError("--judge-url and --judge-model go together")
    if by_judge and not args.judge_url:
        names = " ".join(b.name for b in by_judge)
        raise ValueError(
            f"{names}: a judge gives the scores; name one with --judge-url and --judge-model, or "
            f"leave out what needs it with --without {names}"
        )


def _require_sensible(args: argparse.Namespace, hub: Path | None) -> None:
    if hub is not None and not hub.is_dir():
        raise ValueError(f"--hub {hub} is not a folder")
    if args.beside and not args.look:
        raise ValueError("--beside shows held-out scores; it goes with --look")
    if (args.engine == "openai") != (args.base_url is not None):
        raise ValueError("--engine openai and --base-url go together")
    for name in ("api_key_env", "judge_key_env"):
        variable = getattr(args, name)
        if variable is not None and not os.environ.get(variable, "").strip():
            raise ValueError(
                f"--{name.replace('_', '-')}: the environment variable {variable} is not set, or "
                f"empty; set it, or leave the option out where the server wants no key"
            )
    for name in ("limit", "max_tokens"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise ValueError(f"--{name.replace('_', '-')} is {value}; it is at least 1")
    folder = Path(args.model)
    if args.engine != "openai" and args.model.startswith(("/", ".")) and not folder.is_dir():
        raise ValueError(f"--model {folder} is not a folder; name a checkpoint or a Hub id")
    if args.engine != "openai" and folder.is_dir() and not (folder / "config.json").is_file():
        raise ValueError(f"--model {folder} is a folder without config.json; name a checkpoint")


def _asked(args: argparse.Namespace) -> tuple[Suite | None, list[Benchmark]]:
    """The suite and benchmarks of it; no benchmarks for a task of lm-eval."""
    what = args.suite
    if what in suite_names() or what.endswith((".yaml", ".yml")):
        suite = load_suite(what)
        return suite, [_changed(b, args) for b in _kept(suite, args.without)]
    for suite in map(load_suite, suite_names()):
        found = [_changed(b, args) for b in suite.benchmarks if b.name == what]
        # A name of lm-eval's means its task under its own settings, whatever a suite makes of it.
        if found and not in_lm_eval(what):
            return suite, found
    # Other settings show the same items.
    return held_out_suite(what), []


def _kept(suite: Suite, without: Sequence[str]) -> list[Benchmark]:
    known = {b.name for b in suite.benchmarks}
    unknown = [name for name in without if name not in known]
    kept = [b for b in suite.benchmarks if b.name not in without]
    if unknown or not kept:
        told = f"no {', '.join(unknown)}" if unknown else "nothing is left"
        raise ValueError(f"--without: {told}; {suite.name} has {', '.join(sorted(known))}")
    return kept


def _changed(benchmark: Benchmark, args: argparse.Namespace) -> Benchmark:
    if args.limit is not None:
        benchmark = replace(benchmark, limit=args.limit)
    if args.max_tokens is not None:
        benchmark = replace(benchmark, max_tokens=args.max_tokens)
    return benchmark


def _prepared(
    args: argparse.Namespace, benchmarks: Sequence[Benchmark], hub: Path | None
) -> list[Prepared]:
    from evals.prepared import prepare, prepare_stock

    if benchmarks:
        return [prepare(b, hub) for b in benchmarks]
    chat = args.chat or (args.engine == "openai" and args.mode == "chat")
    found = prepare_stock(args.suite, hub, chat=chat, limit=args.limit, max_tokens=args.max_tokens)
    if not found:
        raise ValueError(_unknown(args.suite))
    return found


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    from evals.stock_tasks import names_near

    ours = {b.name for suite in suite_names() for b in load_suite(suite).benchmarks}
    near = get_close_matches(name, {*suite_names(), *ours, *names_near(name)}, n=3)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "see `python -m evals list`"
    return f"unknown suite or task {name!r}; {hint}"


def _against(folder: Path | None) -> Sequence[Any]:
    from evals.item_table import read_scores

    return read_scores(folder / "items.parquet") if folder else ()
