"""The text a model is shown, and the score it earned on each piece of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class EvalItem:
    """One benchmark instance, its parts apart."""

    benchmark: str
    id: str
    prompt: str
    """The question alone: no instruction frame, no few-shot examples, no options."""
    answer: str | None = None
    passage: str | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemScore:
    """What one model earned on one item in one replicate, as one filter reads its response."""

    benchmark: str
    item: str
    replicate: int
    filter: str
    """What took the answer out of the response, by lm-eval's name; `none` where nothing did."""
    document_digest: str
    """SHA-256 of the item's row, lm-eval's `doc_hash`."""
    prompt_digest: str
    """SHA-256 of the final prompt, chat template applied: scores compare only where it agrees."""
    prompt: str
    response: str
    """The text; for a likelihood task JSON: each continuation, its log-probability, whether it is
    what greedy decoding gives."""
    extracted: str | None
    """The part of the response that was scored, or None where nothing could be extracted."""
    score: float
    """In [0, 1]; for a binary metric 0 or 1."""
    metrics: Mapping[str, float]
    """Every number that the task gives the response, the score among them."""
    finish: Literal["stop", "length"]
    tokens: int
    """Generated tokens; for a likelihood task those of the continuations."""
    prompt_tokens: int
    cluster: str | None = None
    """What the item shares with others (a passage, a problem), where the suite states it."""
    stratum: str | None = None
    """The fixed subtask the item belongs to, where the suite states it."""


def own_id(row: Mapping[str, Any]) -> str | None:
    """The id a dataset gives a row, or None."""
    columns = ("id", "task_id", "key", "question_id", "query_id")
    return next((str(row[c]) for c in columns if row.get(c) is not None), None)


def item_id(benchmark: str, index: int, row: Mapping[str, Any]) -> str:
    """An item's id: its own where it has one, else benchmark and position."""
    return own_id(row) or f"{benchmark}/{index}"


def group_labels(configs: Mapping[str, str | None]) -> dict[str, str]:
    """What tells the tasks of a group apart in their items' ids.

    Args:
        configs: Task -> configuration of its dataset.

    Returns:
        Task -> its configuration where all have one and no two the same, else its own name.
    """
    distinct = None not in configs.values() and len(set(configs.values())) == len(configs)
    return {task: str(config) if distinct else task for task, config in configs.items()}
