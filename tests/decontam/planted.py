"""Rows with planted items, files of every format, and what a check leaves, byte for byte."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

NAMES = ("Anna", "Béla", "Çelik", "Đorđe")

ITEMS = [
    {
        "benchmark": "hens",
        "id": str(k),
        "prompt": f"A farmer called {name} has {k + 3} hens and sells {k + 17} eggs each morning "
        f"at the old market; how many coins does she keep after paying {k} for the grain?",
    }
    for k, name in enumerate(NAMES)
]


def row(number: int, every: int = 7) -> dict[str, object]:
    """A row; one of `every` holds an item."""
    text = f"Row {number} tells — ☃ 𝄞 — of {number * 31} other things."
    if number % every == 0:
        text = f"{text} {ITEMS[number // every % len(ITEMS)]['prompt']}"
    return {"text": text}


def rows(count: int, every: int = 7) -> list[dict[str, object]]:
    return [row(number, every) for number in range(count)]


def planted(count: int, every: int = 7) -> list[int]:
    """The numbers of the rows that hold an item."""
    return list(range(0, count, every))


def lines(records: Sequence[object]) -> bytes:
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records).encode()


def write_parquet(path: Path, records: Sequence[dict[str, object]], group: int) -> None:
    pq.write_table(pa.Table.from_pylist(list(records)), path, row_group_size=group)


def _zstd(data: bytes) -> bytes:
    return pa.compress(data, "zstd", asbytes=True)  # type: ignore[no-any-return]


def _array(records: Sequence[dict[str, object]]) -> bytes:
    return json.dumps(records, indent=1, ensure_ascii=False).encode()


def _parquet(records: Sequence[dict[str, object]]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(list(records)), sink, row_group_size=9)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


FORMATS: dict[str, Callable[[Sequence[dict[str, object]]], bytes]] = {
    "jsonl": lines,
    "jsonl.gz": lambda r: gzip.compress(lines(r)),
    "jsonl.bz2": lambda r: bz2.compress(lines(r)),
    "jsonl.xz": lambda r: lzma.compress(lines(r)),
    "jsonl.zst": lambda r: _zstd(lines(r)),
    "json": _array,
    "json.gz": lambda r: gzip.compress(_array(r)),
    "parquet": _parquet,
}


def write_items(folder: Path) -> Path:
    path = folder / "items.jsonl"
    path.write_bytes(lines(ITEMS))
    return path


def results(out: Path) -> dict[str, bytes]:
    """Every file in a folder of results; of the summary all but its seconds."""
    found = {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    summary = json.loads(found["summary.json"])
    assert summary.pop("seconds") >= 0
    found["summary.json"] = json.dumps(summary).encode()
    return found


def left(out: Path) -> set[str]:
    """What stands at the top of a folder of results."""
    return {p.name for p in out.iterdir()}
