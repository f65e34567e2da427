"""What a check left in its folder, read back and verified."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from decontam.report.evidence import Match
from decontam.report.report import Report

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pydantic import ConfigDict

REMEDY = "run the check again"

_STRICT: ConfigDict = {"strict": True, "allow_inf_nan": False}

Line = TypeVar("Line")


@dataclass(frozen=True, slots=True)
class ItemLine:
    """A line of `items.parquet`, as far as the review needs it."""

    benchmark: str
    item: str
    indexed: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class BenchmarkLine:
    """One benchmark in `summary.json`."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    items: int
    indexed: int
    matched: int
    rate: float | None
    interval: tuple[float, float] | None
    verdict: str


@dataclass(frozen=True, slots=True)
class Summary:
    """`summary.json`."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    policy: str
    mode: str
    rows_read: int
    rows_flagged: int
    rows_unreadable: int
    items_total: int
    items_indexed: int
    items_matched: int
    seconds: float
    bytes_read: int
    turns_unscanned: int
    bytes_unscanned: int
    fields_unscanned: tuple[str, ...]
    benchmarks: dict[str, BenchmarkLine]

    @classmethod
    def of(cls, report: Report) -> Summary:
        """What the summary of a report says."""
        told = report.summary()
        told["fields_unscanned"] = tuple(told["fields_unscanned"])
        lines = {
            name: BenchmarkLine(**{f.name: line[f.name] for f in fields(BenchmarkLine)})
            for name, line in told["benchmarks"].items()
        }
        return cls(
            **{f.name: told[f.name] for f in fields(cls) if f.name != "benchmarks"},
            benchmarks=lines,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a check left."""

    summary: Summary
    items: tuple[ItemLine, ...]
    matches: tuple[Match, ...]
    """In the order of the file; where more were found than asked for, those that score best."""
    found: int
    """Matches in the file."""
    digest: str
    """SHA-256 of `matches.parquet`: checks that found the same have the same."""


def read_outcome(folder: Path, most: int, summary: Summary | None = None) -> Outcome:
    """Read what a check left in a folder.

    Args:
        folder: Where `matches.parquet`, `items.parquet` and `summary.json` are.
        most: How many matches to read.
        summary: What `summary.json` says, where it is known.

    Raises:
        ValueError: a file is missing or damaged; the message names it and the remedy.
    """
    with _named(folder / "summary.json") as path:
        summary = summary or _summary(path.read_bytes())
    with _named(folder / "items.parquet") as path:
        items, _ = _lines(path, ItemLine)
    with _named(folder / "matches.parquet") as path:
        matches, found = _lines(path, Match, most)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Outcome(summary, items, matches, found, digest)


@contextmanager
def _named(path: Path) -> Iterator[Path]:
    """Let errors of reading a file say which and what to do."""
    try:
        yield path
    except FileNotFoundError as error:
        raise ValueError(f"{path} is missing; {REMEDY}") from error
    except (OSError, ValueError, NotImplementedError) as error:
        raise ValueError(f"{path} is damaged ({error}); {REMEDY}") from error


def _summary(text: bytes) -> Summary:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Summary).validate_json(text)
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ": ".join(map(str, wrong["loc"]))
        raise ValueError(f"{place}: {wrong['msg']}" if place else wrong["msg"]) from error


def _lines(path: Path, line: type[Line], most: int | None = None) -> tuple[tuple[Line, ...], int]:
    """The lines of a table, at most so many, and how many there are."""
    import pyarrow.parquet as pq

    kinds = {f.name: str(f.type) for f in fields(line)}  # type: ignore[arg-type]
    with pq.ParquetFile(path) as file:
        missing = [name for name in kinds if name not in file.schema_arrow.names]
        if missing:
            raise ValueError(f"no column {missing[0]!r}")
        found: list[Line] = []
        for batch in _best(file, list(kinds), most):
            for name, kind in kinds.items():
                _verify(name, batch.column(name), kind)
            found += [line(**record) for record in batch.to_pylist()]
        return tuple(found), file.metadata.num_rows


def _verify(name: str, values: pa.Array, kind: str) -> None:
    import pyarrow.compute as pc
    from pyarrow import types

    number = types.is_integer(values.type) or types.is_floating(values.type)
    fits = {
        "int": types.is_integer(values.type),
        "float": number,
        "bool": types.is_boolean(values.type),
        "Label": types.is_string(values.type) or types.is_large_string(values.type),
        "str": types.is_string(values.type) or types.is_large_string(values.type),
    }[kind.removesuffix(" | None")]
    if not fits:
        raise ValueError(f"column {name!r} holds {values.type}, not {kind}")
    if values.null_count and not kind.endswith(" | None"):
        raise ValueError(f"column {name!r} has lines without a value")
    if number and pc.any(pc.invert(pc.is_finite(values))).as_py():
        raise ValueError(f"column {name!r} holds a number that is not finite")


def _best(file: pq.ParquetFile, columns: list[str], most: int | None) -> Iterator[pa.RecordBatch]:
    """Batches with the lines that score best, so that millions never stand in memory at once."""
    import pyarrow.compute as pc

    if most is None or file.metadata.num_rows <= most:
        yield from file.iter_batches(columns=columns)
        return
    order = pc.sort_indices(file.read(columns=["score"]), sort_keys=[("score", "descending")])
    chosen = set(order[:most].to_pylist())
    start = 0
    for batch in file.iter_batches(columns=columns):
        yield batch.take([k for k in range(batch.num_rows) if start + k in chosen])
        start += batch.num_rows
