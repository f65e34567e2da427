"""What makes a score not worth reading: a run that trips one of these has failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evals.items import ItemScore
from evals.suite import Benchmark

if TYPE_CHECKING:
    from evals.run import BenchmarkRun, SuiteResult

SAME_FROM = 10
"""Responses that are all alike are suspicious from this many items on."""


def trips(
    benchmarks: Sequence[Benchmark], result: SuiteResult, against: Sequence[ItemScore] = ()
) -> list[str]:
    """Everything that speaks against the scores of a run, one line each.

    Args:
        benchmarks: What was to be scored.
        result: What was.
        against: Scores of a run that this one is to be compared with.
    """
    prompts: dict[str, dict[str, str]] = {}
    for score in against:
        prompts.setdefault(score.benchmark, {})[score.item] = score.prompt_digest
    found: list[str] = []
    for benchmark in benchmarks:
        run, scores = result.runs[benchmark.name], result.scores(benchmark)
        for trip in (
            _partial(benchmark, scores),
            _truncated(benchmark, scores),
            _empty(benchmark, scores),
            _alike(scores),
            _leaked(run),
            _drifted(scores, prompts.get(benchmark.name, {})),
        ):
            if trip:
                found.append(f"{benchmark.name}: {trip}")
    return found


def _partial(benchmark: Benchmark, scores: Sequence[ItemScore]) -> str | None:
    items = {s.item for s in scores}
    wanted = benchmark.scored * benchmark.replicates
    if len(items) == benchmark.scored and len(scores) == wanted:
        return None
    return (
        f"{len(scores)} responses to {len(items)} items were scored, where the suite has "
        f"{benchmark.scored} items and {benchmark.replicates} replicates"
    )


def _truncated(benchmark: Benchmark, scores: Sequence[ItemScore]) -> str | None:
    share = sum(s.finish == "length" for s in scores) / len(scores)
    if share <= benchmark.max_truncated:
        return None
    return (
        f"{share:.1%} of the responses were cut at max_tokens ({benchmark.max_tokens}), more than "
        f"max_truncated ({benchmark.max_truncated:.1%}); raise max_tokens"
    )


def _empty(benchmark: Benchmark, scores: Sequence[ItemScore]) -> str | None:
    share = sum(not s.response.strip() for s in scores) / len(scores)
    if share <= benchmark.max_empty:
        return None
    return (
        f"{share:.1%} of the responses are empty, more than max_empty "
        f"({benchmark.max_empty:.1%}); check the chat template and the stop texts"
    )


def _alike(scores: Sequence[ItemScore]) -> str | None:
    items = {s.item for s in scores}
    if len(items) < SAME_FROM or len({s.response for s in scores}) > 1:
        return None
    return f"the model gave one and the same response to all {len(items)} items"


def _leaked(run: BenchmarkRun) -> str | None:
    if not run.shown:
        return None
    return (
        f"{len(run.shown)} test items are shown as few-shot examples with their answers; "
        f"take the examples from another split"
    )


def _drifted(scores: Sequence[ItemScore], before: Mapping[str, str]) -> str | None:
    digests = {s.item: s.prompt_digest for s in scores}
    changed = sum(before[i] != d for i, d in digests.items() if i in before)
    if not changed:
        return None
    return (
        f"{changed} of {len(digests)} prompts differ from those of the run compared with; "
        f"template, few-shot examples or task files changed"
    )
