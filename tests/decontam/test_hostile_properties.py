"""Whatever the rows are: all are accounted for, and cleaning takes away exactly what it names."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile import FINE, LEAK, QUESTION, call, put, summary, unzstd, zstd
from hypothesis import example, given, settings
from hypothesis import strategies as st

import decontam.rows.lines
import decontam.rows.shards
import decontam.run.run
from decontam.rows.shapes import read_row

PACKED: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "": (bytes, bytes), ".gz": (gzip.compress, gzip.decompress),
    ".bz2": (bz2.compress, bz2.decompress), ".xz": (lzma.compress, lzma.decompress),
    ".zst": (zstd, unzstd),
}  # fmt: skip

words = st.text(max_size=8)
keys = st.sampled_from(["text", "messages", "prompt", "response", "role", "content", "k", ""])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words | st.just(QUESTION),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
chats = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": words}),
    max_size=3,
)
rows = (
    values.map(lambda v: json.dumps(v, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    | values.map(lambda v: json.dumps(v).encode())
    | chats.map(lambda turns: json.dumps({"messages": turns}).encode())
    | st.sampled_from([FINE.strip(), LEAK.strip(), b"", b" \t", b"{", b'{"text": "\xff"}', b"[1,"])
)
files = st.lists(st.tuples(rows, st.sampled_from([b"\n", b"\r\n"])), min_size=1, max_size=12)


def shown(out: Path) -> dict[int, str | None]:
    """The texts of the bad rows."""
    if not (out / "bad_rows.jsonl").exists():
        return {}
    lines = (out / "bad_rows.jsonl").read_bytes().splitlines()
    return {told["row"]: told["text"] for told in map(json.loads, lines)}


def utf8(line: bytes) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


def readable(line: bytes) -> bool:
    """By Python's own parser, without the program's ways around it."""
    try:
        doc = read_row(0, json.loads(line.decode()))
        doc.asked("user")
        for segment in doc.segments:
            segment.text.encode()
    except ValueError:
        return False
    return True


@settings(max_examples=25, deadline=None)
@given(files, st.booleans(), st.sampled_from(sorted(PACKED)), st.sampled_from([3, 50, 1 << 21]))
@example([(LEAK.strip(), b"\n"), (b"5", b"\n"), (FINE.strip(), b"\n")], True, ".xz", 3)
def test_cleaned_lines_are_the_lines_without_those_that_are_named(
    lines: list[tuple[bytes, bytes]], ended: bool, suffix: str, block: int
) -> None:
    whole = [row + end for row, end in lines]
    if not ended:
        whole[-1] = lines[-1][0]
    pack, unpack = PACKED[suffix]
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(decontam.rows.lines, "BLOCK", block)
        for module in (decontam.rows.shards, decontam.run.run):
            patch.setattr(module, "SHARD", block * 3)
        train = put(Path(place, f"t.jsonl{suffix}"), pack(b"".join(whole)))
        out = Path(place, "out")
        code = call("clean", [train], out, "--allow-bad-rows", 1000)
        numbered = [line for line in whole if line.strip()]
        assert code == (0 if numbered else 2)
        if not numbered:
            return
        told = [json.loads(line) for line in (out / "removed.jsonl").read_text().splitlines()]
        gone = {t["row"] for t in told}
        bad = {t["row"] for t in told if t["reason"].startswith("unreadable: ")}
        assert bad == {k for k, line in enumerate(numbered) if not readable(line)}
        assert {k for k, line in enumerate(numbered) if line.strip() == LEAK.strip()} <= gone - bad
        counted = summary(out)
        assert counted["rows_read"] == len(numbered) == counted["rows_kept"] + len(gone)
        assert counted["rows_removed"] == len(gone)
        assert counted["rows_unreadable"] == len(bad)
        assert shown(out) == {k: utf8(numbered[k].strip()) for k in bad}
        row, kept = -1, []
        for line in whole:
            row += bool(line.strip())
            if not line.strip() or row not in gone:
                kept.append(line)
        assert unpack((out / "data" / train.name).read_bytes()) == b"".join(kept)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), words, st.integers(0, 99)), min_size=1, max_size=20),
    st.integers(1, 7),
    st.sampled_from(["none", "snappy", "gzip", "zstd", "lz4", "brotli"]),
)
def test_a_cleaned_table_has_the_schema_and_the_other_rows_group_by_group(
    given_rows: list[tuple[bool, str, int]], size: int, compression: str
) -> None:
    texts = [QUESTION if leak else f"note {k} {w}" for k, (leak, w, _) in enumerate(given_rows)]
    table = pa.table({
        "text": texts,
        "tags": pa.array([[{"n": n, "w": w}] for _, w, n in given_rows]),
        "kind": pa.array([w for _, w, _ in given_rows]).dictionary_encode(),
    }).replace_schema_metadata({"made": "by hand"})  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        train, out = Path(place, "t.parquet"), Path(place, "out")
        pq.write_table(table, train, row_group_size=size, compression=compression)
        assert call("clean", [train], out) == 0
        with pq.ParquetFile(train) as before, pq.ParquetFile(out / "data/t.parquet") as after:
            assert after.schema_arrow.equals(before.schema_arrow, check_metadata=True)
            codec = [f.metadata.row_group(0).column(0).compression for f in (before, after)]
            assert codec[0] == codec[1]
            assert after.num_row_groups == before.num_row_groups
            for group in range(before.num_row_groups):
                part = before.read_row_group(group)
                left = part.filter(pa.array([t != QUESTION for t in part["text"].to_pylist()]))
                assert after.read_row_group(group).equals(left)
        counted = summary(out)
        assert counted["rows_read"] == len(texts)
        assert counted["rows_kept"] == len(texts) - texts.count(QUESTION)
