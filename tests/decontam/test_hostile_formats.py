"""Compressed files and tables that are broken, and files that change, are refused by name."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile import (
    FINE,
    LEAK,
    QUESTION,
    assert_refused,
    call,
    put,
    summary,
    zstd,
)

import decontam.rows.lines
import decontam.rows.shards
import decontam.rows.xz
import decontam.run.run
from decontam.rows.files import find_files
from decontam.rows.read import read_shard
from decontam.rows.shards import shards

Told = pytest.CaptureFixture[str]
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd
}  # fmt: skip


@pytest.mark.parametrize("suffix", PACKED)
def test_no_beginning_of_a_compressed_file_is_taken_for_the_whole(
    suffix: str, tmp_path: Path
) -> None:
    whole = PACKED[suffix](FINE * 3)
    for size in range(1, len(whole)):
        file = find_files([str(put(tmp_path / f"t.jsonl.{suffix}", whole[:size]))])[0]
        with pytest.raises(ValueError, match=r"t\.jsonl\.\w+: .*; fetch or write it again"):
            list(read_shard(shards([file])[0], "user", ()))


@pytest.mark.parametrize("command", ["check", "clean"])
@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("case", ["cut", "none", "garbage", "second cut", "second is none"])
def test_a_broken_compressed_file_is_refused(
    command: str, suffix: str, case: str, tmp_path: Path, capsys: Told
) -> None:
    pack = PACKED[suffix]
    data = {
        "cut": pack(FINE * 3)[:-5],
        "none": FINE,
        "garbage": pack(FINE) + b"garbage",
        "second is none": pack(FINE) + FINE,
        "second cut": pack(FINE) + pack(LEAK * 9)[:-3],
    }[case]
    code = call(command, [put(tmp_path / f"t.jsonl.{suffix}", data)], tmp_path / "out")
    told = capsys.readouterr().err
    assert_refused(code, told, f"t.jsonl.{suffix}: ", "fetch or write", out=tmp_path / "out")


@pytest.mark.parametrize("suffix", PACKED)
def test_two_compressed_streams_in_a_file_are_both_read(suffix: str, tmp_path: Path) -> None:
    data = PACKED[suffix](FINE) + PACKED[suffix](LEAK)
    assert call("check", [put(tmp_path / f"t.jsonl.{suffix}", data)], tmp_path / "out") == 1
    assert summary(tmp_path / "out")["rows_read"] == 2


@pytest.mark.parametrize("read", [1, 2, 3, 5, 1 << 18])
def test_zeros_by_fours_between_and_behind_xz_streams_are_padding(
    read: int, tmp_path: Path, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decontam.rows.xz, "_READ", read)
    first, second = lzma.compress(FINE), lzma.compress(LEAK)
    for zeros, more in ((4, 0), (8, 4), (0, 12), (400, 4)):
        data = first + b"\0" * zeros + second + b"\0" * more
        (shard,) = shards(find_files([str(put(tmp_path / "t.jsonl.xz", data))]))
        assert sum(block.rows for block in read_shard(shard, "user", ())) == 2
    for data in (
        first + b"\0" * 3, first + b"\0" * 5 + second, first + second + b"\0" * 401,
        b"\0" * 4 + first, first + b"\0" * 4 + b"garbage", first + b"\0" * 4 + second[:-1],
        first + b"\0" * 4 + second[:1],
    ):  # fmt: skip
        out = tmp_path / "out"
        code = call("check", [put(tmp_path / "t.jsonl.xz", data)], out)
        assert_refused(code, capsys.readouterr().err, "t.jsonl.xz: ", "fetch or write", out=out)


def test_an_empty_bzip2_stream_between_others_is_read_or_refused(
    tmp_path: Path, capsys: Told
) -> None:
    data = bz2.compress(FINE) + bz2.compress(b"") + bz2.compress(LEAK)
    code = call("check", [put(tmp_path / "t.jsonl.bz2", data)], tmp_path / "out")
    told = capsys.readouterr().err
    if code != 1:  # Arrow's reader knows no empty streams
        assert_refused(code, told, "t.jsonl.bz2: broken stream", out=tmp_path / "out")


def broken(texts: list[bytes]) -> pa.Array:
    """Bytes that a column calls strings."""
    binary = pa.array(texts, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(texts), binary.buffers())


TABLES: dict[str, tuple[pa.Table, str]] = {
    "unknown columns": (pa.table({"body": ["x"]}), "has the columns body; name those"),
    "no rows": (pa.table({"text": pa.array([], pa.string())}), "holds no rows"),
    "a null text": (pa.table({"text": ["a", None]}), "row 1 has the keys ['text']"),
    "numbers": (pa.table({"text": [1, 2]}), "row 0 'text' is 1; make it a string"),
    "bytes": (pa.table({"text": [b"\xff"]}), "'text' is b'\\xff'"),
    "a time far away": (
        pa.table({"text": pa.array([2**62], pa.timestamp("us"))}), "row 0 holds what cannot"),
    "a date far away": (
        pa.table({"text": pa.array([2**30], pa.date32())}), "row 0 holds what cannot be read"),
    "a time": (pa.table({"text": [datetime(2024, 1, 1, tzinfo=UTC)]}), "row 0 'text' is datetime"),
    "invalid UTF-8": (pa.table({"text": broken([b"ok", b"\xff"])}), "row 1 holds what cannot be"),
    "invalid UTF-8 in a prompt": (
        pa.table({"prompt": broken([b"\xff"]), "response": ["x"]}), "row 0 holds what cannot be"),
    "a null role": (
        pa.table({"messages": [[{"role": None, "content": "x"}]]}), "messages[0] is {'role': None"),
    "null messages": (
        pa.table({"messages": [[{"role": "user", "content": "x"}], None]}), "row 1 has the keys"),
    "no messages": (
        pa.table({"messages": [[{"role": "user", "content": "x"}], []]}), "row 1 has the keys"),
    "two columns of a name": (
        pa.Table.from_arrays([pa.array([QUESTION]), pa.array(["x"])], ["text", "text"]),
        "has two columns 'text'"),
}  # fmt: skip


@pytest.mark.parametrize(("table", "word"), TABLES.values(), ids=TABLES)
def test_a_table_that_holds_no_text_is_refused(
    table: pa.Table, word: str, tmp_path: Path, capsys: Told
) -> None:
    pq.write_table(table, tmp_path / "t.parquet")
    code = call("check", [tmp_path / "t.parquet"], tmp_path / "out")
    assert_refused(code, capsys.readouterr().err, "t.parquet", word, out=tmp_path / "out")


def test_a_parquet_file_that_is_cut_or_flipped_is_refused(tmp_path: Path, capsys: Told) -> None:
    table = pa.table({"text": [f"row {k}" for k in range(500)]})
    pq.write_table(table, tmp_path / "t.parquet", write_page_checksum=True, compression="none")
    whole, out = (tmp_path / "t.parquet").read_bytes(), tmp_path / "out"
    flipped = whole.replace(b"row 250", b"rov 250")
    for data in (whole[:4], whole[:8], whole[:-9], whole[:-1], FINE * 9, flipped):
        code = call("check", [put(tmp_path / "t.parquet", data)], out)
        assert_refused(code, capsys.readouterr().err, "t.parquet: not a whole Parquet", out=out)


def test_a_column_that_is_asked_for_and_absent_is_refused(tmp_path: Path, capsys: Told) -> None:
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "t.parquet")
    code = call("check", [tmp_path / "t.parquet"], tmp_path / "out", "--fields", "body")
    told = capsys.readouterr().err
    assert_refused(code, told, "t.parquet has no column 'body'; it has text", out=tmp_path / "out")


def test_a_row_over_64_mib_is_refused_where_it_begins(
    tmp_path: Path, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"t.jsonl: the row that begins at byte {3 * len(FINE)} has more than 32 MiB"
    for size, shard in ((34, 64 << 20), (200, 64 << 20), (34, 8 << 20)):
        for module in (decontam.rows.shards, decontam.run.run):
            monkeypatch.setattr(module, "SHARD", shard)
        with (tmp_path / "t.jsonl").open("wb") as file:
            file.write(FINE * 3 + b'{"text": "')
            for _ in range(size):
                file.write(b"x" * (1 << 20))
            file.write(b'"}\n' + FINE)
        code = call("check", [tmp_path / "t.jsonl"], tmp_path / "out")
        told = capsys.readouterr().err
        assert_refused(code, told, place, out=tmp_path / "out")


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("inner", ["jsonl", "json"])
def test_a_long_row_of_a_compressed_file_is_refused_where_it_begins(
    inner: str, suffix: str, tmp_path: Path, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decontam.rows.lines, "BLOCK", 1 << 16)
    monkeypatch.setattr(decontam.rows.lines, "LONGEST", 1 << 20)
    between = b"[" if inner == "json" else b""
    data = between + FINE + (b"," if between else b"") + b'{"text": "' + b"x" * (2 << 20) + b'"}'
    train = put(tmp_path / f"t.{inner}.{suffix}", PACKED[suffix](data))
    code = call("check", [train], tmp_path / "out")
    place = f"{train.name}: the row that begins at byte {data.index(b'{', 5)} has more than 1 MiB"
    assert_refused(code, capsys.readouterr().err, place, out=tmp_path / "out")


@pytest.mark.parametrize("workers", [1, 2])
def test_bad_rows_are_counted_exactly_and_told_by_their_row_in_the_file(
    workers: int, tmp_path: Path, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (decontam.rows.shards, decontam.run.run):
        monkeypatch.setattr(module, "SHARD", 400)
    monkeypatch.setattr(decontam.rows.lines, "BLOCK", 64)
    bad = [3, 40, 41, 99]
    lines = [b'{"text": 5}\n' if k in bad else FINE for k in range(100)]
    train, out = put(tmp_path / "t.jsonl", b"".join(lines)), tmp_path / "out"
    given = ("--workers", workers, "--allow-bad-rows")
    code = call("check", [train], out, *given, 3)
    assert_refused(code, capsys.readouterr().err, "t.jsonl: row 3 'text' is 5", out=out)
    assert call("check", [train], out, *given, 4) == 0
    told = [json.loads(line) for line in (out / "bad_rows.jsonl").read_text().splitlines()]
    assert [(t["file"], t["row"]) for t in told] == [("t.jsonl", k) for k in bad]
    assert (summary(out)["rows_read"], summary(out)["rows_unreadable"]) == (100, 4)
    assert call("check", [train], out, *given, 3) == 2
    assert "4 unreadable rows" in capsys.readouterr().err


def test_a_shard_that_was_given_up_is_never_called_clean(
    tmp_path: Path, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("decontam.run.shard", "decontam.run.merge"):
        monkeypatch.setattr(f"{module}.MOST_BAD", 5)
    monkeypatch.setattr(decontam.rows.lines, "BLOCK", 64)
    train = put(tmp_path / "t.jsonl", b"x\n" * 50 + LEAK)
    code = call("check", [train], tmp_path / "out", "--allow-bad-rows", 1000)
    told = capsys.readouterr().err
    assert_refused(code, told, "t.jsonl: row 0", "more than 5", out=tmp_path / "out")


@pytest.mark.parametrize("change", ["grows", "shrinks", "changes"])
def test_a_file_that_changes_while_it_is_read_is_refused(
    change: str, tmp_path: Path, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, out = put(tmp_path / "t.jsonl", FINE * 50), tmp_path / "out"
    then = {"grows": FINE * 50 + LEAK, "shrinks": FINE * 20, "changes": LEAK * 15 + FINE * 50}
    scan = decontam.run.run._scan

    def changing(*arguments: object) -> None:
        scan(*arguments)  # type: ignore[arg-type]
        train.write_bytes(then[change][: len(FINE) * 50] if change == "changes" else then[change])
        os.utime(train, ns=(1, 1))

    monkeypatch.setattr(decontam.run.run, "_scan", changing)
    for command in ("check", "clean"):
        code = call(command, [train], out)
        assert_refused(code, capsys.readouterr().err, "t.jsonl changed while it was read", out=out)
        put(train, FINE * 50)


def test_a_file_that_ends_early_while_it_is_read_is_refused(
    tmp_path: Path, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decontam.rows.lines, "BLOCK", 64)
    train = put(tmp_path / "t.jsonl", FINE * 5000)
    cut = decontam.rows.shards.shards

    def shrinking(files: object) -> object:
        found = cut(files)  # type: ignore[arg-type]
        train.write_bytes(FINE)
        return found

    monkeypatch.setattr(decontam.run.run, "shards", shrinking)
    code = call("check", [train], tmp_path / "out")
    told = capsys.readouterr().err
    assert_refused(code, told, "t.jsonl: became shorter", out=tmp_path / "out")


@pytest.mark.parametrize("suffix", ["jsonl", "json", "parquet", *(f"jsonl.{s}" for s in PACKED)])
@pytest.mark.parametrize(
    ("command", "step"),
    [("check", "shards"), ("check", "_scan"), ("clean", "_scan"), ("clean", "merge"),
     ("clean", "_clean")],
)  # fmt: skip
def test_a_file_that_disappears_is_named_with_the_remedy(
    step: str, suffix: str, command: str, tmp_path: Path, capsys: Told,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    train, out = tmp_path / f"t.{suffix}", tmp_path / "out"
    if suffix == "parquet":
        pq.write_table(pa.table({"text": [QUESTION]}), train)
    else:
        put(train, PACKED[suffix.split(".")[1]](LEAK) if "." in suffix else LEAK)
    data, real = train.read_bytes(), getattr(decontam.run.run, step)

    def losing(*arguments: object) -> object:
        train.unlink()
        return real(*arguments)

    with monkeypatch.context() as m:
        m.setattr(decontam.run.run, step, losing)
        code = call(command, [train], out)
    words = (f"t.{suffix} was there when", f"is gone; put it back at {train} and run it again")
    assert_refused(code, capsys.readouterr().err, *words, out=out)
    put(train, data)
    assert call(command, [train], out) == (1 if command == "check" else 0)
