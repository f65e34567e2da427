"""A check as a person runs it, and what must be so after one that was refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from decontam.command import main

QUESTION = "How many ducks does Janet keep on her farm if she sells seven of them today?"
ITEM: dict[str, object] = {"benchmark": "b", "id": "1", "prompt": QUESTION, "answer": "12"}
FINE = b'{"text": "a clean row"}\n'
LEAK = json.dumps({"text": QUESTION}).encode() + b"\n"
PUBLISHED = {"data", "removed.jsonl", "bad_rows.jsonl", "matches.parquet", "items.parquet",
             "review.html", "summary.json"}  # fmt: skip


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def items_file(folder: Path, *items: Mapping[str, object]) -> Path:
    lines = "".join(json.dumps(item) + "\n" for item in items or (ITEM,))
    return put(folder / "items.jsonl", lines.encode())


def call(
    command: str, train: Sequence[object], out: Path, *options: object, against: object = None
) -> int:
    """The exit code of a command; `against` is one item beside `out` if nothing is given."""
    if against is None:
        against = items_file(out.parent / "against")
    given = [] if against == "" else ["--against", against]
    try:
        return main([str(a) for a in (command, *train, *given, "--out", out, *options)])
    except SystemExit as stop:  # argparse
        return int(stop.code or 0)


def assert_refused(code: int, told: str, *words: str, out: Path) -> None:
    """One to three lines that hold these words, and nothing published."""
    assert code == 2, told
    assert told.startswith("error: ")
    assert len(told.splitlines()) <= 3, told
    assert "Traceback" not in told
    assert "defect" not in told
    for word in words:
        assert word in told, told
    assert_unpublished(out)


def assert_unpublished(out: Path) -> None:
    assert not (out.is_dir() and PUBLISHED & {p.name for p in out.iterdir()})


def summary(out: Path) -> dict[str, int]:
    told: dict[str, int] = json.loads((out / "summary.json").read_text())
    return told


def zstd(data: bytes) -> bytes:
    packed: bytes = pa.compress(data, codec="zstd", asbytes=True)
    return packed


def unzstd(data: bytes) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
        found: bytes = stream.read()
    return found
