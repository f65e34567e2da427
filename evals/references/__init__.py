"""Published scores, to stand beside measured ones and never to be mistaken for them."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Reference:
    """A number that somebody published."""

    benchmark: str
    """The project's name for it, e.g. `gsm8k`."""
    model: str
    score: float
    """A fraction in [0, 1], as measured scores are."""
    settings: str
    """Shots, metric and the like; a measured score compares only where its own are the same."""
    source: str
    where: str
    """The table in the source."""
    status: Literal["published"] = "published"


@dataclass(frozen=True, slots=True)
class Beside:
    """A measured score and the published ones of the same benchmark."""

    benchmark: str
    """As measured."""
    measured: float
    published: tuple[Reference, ...]
    """In the order of the source."""


def references(
    benchmark: str | None = None, *, model: str | None = None, folder: Path = FOLDER
) -> tuple[Reference, ...]:
    """The published numbers, in the order of their files and tables.

    Args:
        benchmark: Only those of this benchmark, by any of its names.
        model: Only those of this model.
        folder: Where the YAML files lie.

    Raises:
        ValueError: a file is not of the shape that `tulu3.yaml` shows.
    """
    every, names = _load(folder)
    wanted = None if benchmark is None else names.get(_folded(benchmark), benchmark)
    return tuple(
        r for r in every if wanted in (None, r.benchmark) and (model is None or r.model == model)
    )


def beside(
    measured: Mapping[str, float], *, models: Sequence[str] | None = None, folder: Path = FOLDER
) -> tuple[Beside, ...]:
    """Measured scores that have published ones beside them.

    Args:
        measured: Benchmark -> score in [0, 1].
        models: Only references of these models, in this order; None for all.
        folder: Where the YAML files lie.

    Returns:
        One row per measured benchmark that somebody published a number of, in the order given.
        What was not published has no row: there is nothing to set beside it.

    Raises:
        ValueError: a score is not in [0, 1], or a model is unknown.
    """
    known = dict.fromkeys(r.model for r in references(folder=folder))
    for name in models or ():
        if name not in known:
            raise ValueError(f"no published numbers of {name!r}; there are {', '.join(known)}")
    rows = []
    for benchmark, score in measured.items():
        if not 0 <= score <= 1:
            raise ValueError(f"{benchmark}: score {score} is no fraction in [0, 1]")
        found = references(benchmark, folder=folder)
        if models is not None:
            found = tuple(r for name in models for r in found if r.model == name)
        if found:
            rows.append(Beside(benchmark, score, found))
    return tuple(rows)


def beside_lines(rows: Sequence[Beside], width: int = 100) -> Iterator[str]:
    """The rows as text, in points: each published number with its model and settings.

    Args:
        rows: What `beside` found.
        width: Columns to keep to.
    """
    for row in rows:
        yield f"{row.benchmark}: measured {100 * row.measured:.1f}"[:width]
        for r in row.published:
            yield f"  published {100 * r.score:>5.1f}  {r.model} ({r.settings})"[:width]


@functools.cache
def _load(folder: Path) -> tuple[tuple[Reference, ...], Mapping[str, str]]:
    found: list[Reference] = []
    names: dict[str, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            body = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise ValueError(f"{path}: {' '.join(str(error).split())}") from error
        if not isinstance(body, dict) or not {"source", "tables"} <= set(body):
            raise ValueError(f"{path}: references have the keys source, tables and names")
        for table in body["tables"]:
            found += _table(path, str(body["source"]), table)
        for benchmark, others in (body.get("names") or {}).items():
            names |= {_folded(other): str(benchmark) for other in others}
    return tuple(found), names | {_folded(r.benchmark): r.benchmark for r in found}


def _table(path: Path, source: str, table: Mapping[str, Any]) -> Iterator[Reference]:
    models = table["models"]
    for benchmark, row in table["rows"].items():
        values = row["values"]
        if len(values) != len(models):
            raise ValueError(
                f"{path}: {benchmark} has {len(values)} values of {len(models)} models"
            )
        for model, value in zip(models, values, strict=True):
            if isinstance(value, bool) or not 0 <= value <= 100:
                raise ValueError(f"{path}: {benchmark} of {model} is {value!r}; points in 0 to 100")
            score = round(value / 100, 6)
            yield Reference(benchmark, model, score, row["settings"], source, table["where"])


def _folded(name: str) -> str:
    """`HumanEval+`, `humaneval_plus` and `humaneval-plus` are one name."""
    return name.lower().replace("+", "_plus").replace("-", "_").replace("__", "_")
