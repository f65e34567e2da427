"""How an item's parts are had from a dataset's rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evals.dataset_rows import Row


@dataclass(frozen=True, slots=True)
class Part:
    """How one part of an item is had from a row."""

    columns: tuple[str, ...]
    """Columns the dataset must have."""
    read: Callable[[Row], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSource:
    """A benchmark's data, and the parts of its items."""

    dataset: str
    """Hub dataset id, `org/name`."""
    configs: tuple[str | None, ...] = (None,)
    """None for the dataset's default configuration."""
    file: str | None = None
    """A JSON file of the repository that holds the rows, where these are in no configuration."""
    splits: tuple[str, ...] = ("test",)
    """What is scored."""
    also: tuple[str, ...] = ()
    """Splits of the benchmark that are not scored, but must not be trained on either."""
    only: tuple[str, str] | None = None
    """A column and the value of the rows that count."""
    first: int | None = None
    """Only so many rows of each configuration's split count."""
    prompt: Part
    """A list of texts stands for the turns of a conversation."""
    answer: Part | None = None
    passage: Part | None = None
    options: Part | None = None


def column(name: str, change: Callable[[Any], Any] = lambda value: value) -> Part:
    """A part that is one column, perhaps changed."""
    return Part((name,), lambda row: change(row[name]))
