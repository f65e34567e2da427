"""Sources by name -> training rows in one shape."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import random
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from evals.hub import folder_cache
from recipe.rows import Row, chat_row, identified, preference_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where rows come from and how their columns become turns."""

    name: str
    source: str
    """`tiny:NAME`, or a Hub dataset id or folder that `datasets` loads, when `files` is empty."""
    files: Sequence[Path] = ()
    config: str | None = None
    split: str = "train"
    revision: str | None = None
    rows: int | None = None
    seed: int = 0
    format: str = "chat"
    user: str | None = None
    assistant: str | None = None
    verifier: str | None = None
    reference: str | None = None


def load_source(source: Source) -> list[Row]:
    """The rows of a source, each with an id and the source's name.

    Raises:
        ValueError: no rows, a row that does not parse or lacks a column; names file and row.
    """
    rows = list(identified((_shape(source, i, r) for i, r in enumerate(_raw(source))), source.name))
    if not rows:
        raise ValueError(f"source {source.name!r} ({source.source}) has no rows")
    if source.rows is not None and source.rows < len(rows):
        chosen = random.Random(f"{source.name}/{source.seed}").sample(range(len(rows)), source.rows)
        rows = [rows[i] for i in sorted(chosen)]
    return rows


def count_rows(source: Source) -> int:
    """Read a source to its end, and say how many rows it has before any are left out.

    Raises:
        ValueError: as `load_source`.
    """
    count = sum(1 for _ in map(_shape, itertools.repeat(source), itertools.count(), _raw(source)))
    if not count:
        raise ValueError(f"source {source.name!r} ({source.source}) has no rows")
    return count


def _raw(source: Source) -> Iterator[Mapping[str, Any]]:
    if source.source.startswith("tiny:"):
        from recipe.tiny.sources import source_rows

        yield from source_rows(source.source.removeprefix("tiny:"))
    elif source.files:
        for file in source.files:
            yield from read_file(file)
    else:
        from datasets import load_dataset

        folder = Path(source.source)
        yield from load_dataset(
            source.source,
            source.config,
            split=source.split,
            revision=source.revision,
            cache_dir=folder_cache(folder) if folder.is_dir() else None,
        )


def read_file(path: Path) -> Iterator[Mapping[str, Any]]:
    """Rows of a .jsonl, .json or .parquet file, plain or compressed (.gz, .zst).

    Raises:
        ValueError: the file does not parse; names the row.
    """
    suffixes = path.suffixes
    if suffixes[-1:] == [".parquet"]:
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(path).iter_batches():
            yield from batch.to_pylist()
    elif suffixes[-1:] == [".json"]:
        with path.open(encoding="utf-8") as file:
            yield from json.load(file)
    else:
        try:
            with _open(path) as file:
                yield from _json_lines(path, file)
        except (UnicodeDecodeError, EOFError, OSError) as error:
            raise ValueError(f"{path}: cannot be read to its end ({error})") from error


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    if path.suffix == ".zst":
        import pyarrow as pa

        raw: Any = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
        return io.TextIOWrapper(io.BufferedReader(raw), encoding="utf-8")
    return path.open(encoding="utf-8")


def _json_lines(path: Path, lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}, line {number}: not JSON ({error.msg})") from error
        if not isinstance(row, dict):
            raise ValueError(f"{path}, line {number}: a row is a JSON object, not {line[:40]!r}")
        yield row


def _shape(source: Source, index: int, raw: Mapping[str, Any]) -> Row:
    try:
        row = _preference(raw) if source.format == "preference" else _chat(source, index, raw)
    except KeyError as error:
        raise ValueError(
            f"source {source.name!r}, row {index}: no column {error.args[0]!r}; it has "
            f"{', '.join(sorted(raw))}. Name the columns with user: and assistant:"
        ) from error
    extra = {k: raw[k] for k in ("part", "verifier", "reference") if raw.get(k) is not None}
    if source.verifier:
        extra["verifier"] = source.verifier
    if source.reference:
        extra["reference"] = _filled(source, index, source.reference, raw)
    return {**row, **extra}


def _filled(source: Source, index: int, template: str, raw: Mapping[str, Any]) -> str:
    """A template with a row's columns in it; a column without text is an error, not "None"."""
    for _, column, _, _ in string.Formatter().parse(template):
        if column is not None and not isinstance(raw[column], str | int | float):
            raise ValueError(
                f"source {source.name!r}, row {index}: column {column!r} is {raw[column]!r}, "
                f"which is no text"
            )
    return template.format_map(dict(raw))


def _chat(source: Source, index: int, raw: Mapping[str, Any]) -> Row:
    if source.user and source.assistant:
        user, assistant = (_filled(source, index, t, raw) for t in (source.user, source.assistant))
        return chat_row(user, assistant)
    if "messages" in raw:
        return {"messages": [{"role": m["role"], "content": m["content"]} for m in raw["messages"]]}
    return chat_row(raw["prompt"], raw["response"])


def _preference(raw: Mapping[str, Any]) -> Row:
    prompt, chosen, rejected = raw["prompt"], raw["chosen"], raw["rejected"]
    if isinstance(prompt, str):
        return preference_row(prompt, _last(chosen), _last(rejected))
    return {"prompt": prompt, "chosen": _turns(chosen), "rejected": _turns(rejected)}


def _turns(value: Any) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": value}] if isinstance(value, str) else list(value)


def _last(value: Any) -> str:
    return value if isinstance(value, str) else str(value[-1]["content"])
