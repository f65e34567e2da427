"""Rows that are broken or strange are read whole or refused by name."""

from __future__ import annotations

import datetime
import gzip
import json
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
)

import decontam.rows.lines
import decontam.rows.shards
import decontam.run.run

Told = pytest.CaptureFixture[str]


def user(content: str) -> bytes:
    return b'{"messages": [{"role": "user", "content": ' + content.encode() + b"}]}"


REFUSED: dict[str, tuple[str, bytes, str]] = {
    "invalid UTF-8 in a text": (".jsonl", b'{"text": "a \xff b"}', "row 1 is not JSON: 'utf-8'"),
    "invalid UTF-8 in a key": (".jsonl", b'{"k\xff": 1, "text": "x"}', "row 1 is not JSON"),
    "invalid UTF-8 in an ignored field": (".jsonl", b'{"k": "\xff", "text": "x"}', "row 1 is not"),
    "a raw surrogate in metadata": (".jsonl", b'{"k": "\xed\xa0\x80", "text": "x"}', "JSON"),
    "an escaped lone surrogate": (".jsonl", b'{"text": "a \\ud800 b"}', "row 1 holds a lone"),
    "a lone surrogate in a key": (".jsonl", b'{"t\\ud800": "a"}', "row 1 has the keys"),
    "a raw NUL in a text": (".jsonl", b'{"text": "a \x00 b"}', "row 1 is not JSON"),
    "a row of NULs": (".jsonl", b"\0\0\0\0", "row 1 is not JSON"),
    "UTF-16 without a mark": (".jsonl", FINE.strip().decode().encode("utf-16-le"), "row 1 is not"),
    "CR only": (".jsonl", FINE.replace(b"\n", b"\r") * 2, "row 1 is not JSON: Extra data"),
    "deep nesting": (".jsonl", b'{"k": ' + b"[" * 10**5 + b"]" * 10**5 + b"}", "row 1 is not JSON"),
    "a list for a row": (".jsonl", b"[1]", "row 1 is list, not a mapping"),
    "a number for a row": (".jsonl", b"5", "row 1 is int"),
    "a string for a row": (".jsonl", b'"text"', "row 1 is str"),
    "null for a row": (".jsonl", b"null", "row 1 is NoneType"),
    "a number for a text": (".jsonl", b'{"text": 1}', "row 1 'text' is 1; make it a string"),
    "a list for a text": (".jsonl", b'{"text": ["a"]}', "'text' is ['a']"),
    "an object for a text": (".jsonl", b'{"text": {}}', "'text' is {}"),
    "null for a text": (".jsonl", b'{"text": null}', "neither null nor empty"),
    "an object for messages": (".jsonl", b'{"messages": {}}', "make it a list of messages"),
    "a string for messages": (".jsonl", b'{"messages": "x"}', "make it a list of messages"),
    "no messages": (".jsonl", b'{"messages": []}', "neither null nor empty"),
    "messages in a list": (".jsonl", b'{"messages": [[{}]]}', "messages[0] is [{}]"),
    "null for a content": (".jsonl", user("null"), "messages[0]: 'content' is None"),
    "a number in a content": (".jsonl", user('["x", 1]'), "content[1] is 1"),
    "no role": (".jsonl", b'{"messages": [{"content": "x"}]}', "give it a 'role'"),
    "a number for a role": (".jsonl", b'{"messages": [{"role": 1, "content": "x"}]}', "'role': 1"),
    "no text at all": (".jsonl", b'{"text": " "}', "row 1 has no text; remove it"),
    "no field that is known": (".jsonl", b'{"body": "x"}', "row 1 has the keys ['body']"),
    "a thousand keys": (".jsonl", json.dumps({f"k{n}": 1 for n in range(999)}).encode(), "'k1'"),
    "two texts": (".jsonl", b'{"text": "a", "text": "b"}', "'text' is given twice"),
    "two contents": (".jsonl", user('"a", "content": "b"'), "'content' is given twice"),
    "a leading zero": (".jsonl", b'{"k": 01, "text": "x"}', "row 1 is not JSON"),
    "a leading plus": (".jsonl", b'{"k": +1, "text": "x"}', "row 1 is not JSON"),
    "an integer of 5,000 digits": (".jsonl", b'{"k": ' + b"9" * 5000 + b', "text": "x"}', "digits"),
    "an integer of 5,000 digits beside a leak": (
        ".jsonl", b'{"k": ' + b"9" * 5000 + b", " + LEAK.strip()[1:], "row 1 is not JSON"),
    "a torn last row": (".jsonl", b'{"text": "x', "row 1 is not JSON: Unterminated"),
    "an array in lines": (".jsonl", b'[{"text": "x"}]', "row 1 is list"),
}  # fmt: skip


@pytest.mark.parametrize(("suffix", "row", "word"), REFUSED.values(), ids=REFUSED)
def test_a_bad_row_is_refused_with_file_row_and_remedy(
    suffix: str, row: bytes, word: str, tmp_path: Path, capsys: Told
) -> None:
    out = tmp_path / "out"
    train = put(tmp_path / f"t{suffix}", FINE + row + b"\n")
    code = call("check", [train], out)
    assert_refused(code, capsys.readouterr().err, "t.jsonl: row 1 ", word, "--allow-bad", out=out)
    assert call("clean", [train], out, "--allow-bad-rows", 1) == 0  # the same place serves again
    told = summary(out)
    assert (told["rows_read"], told["rows_kept"], told["rows_removed"]) == (2, 1, 1)
    assert told["rows_unreadable"] == 1
    assert (out / "data" / train.name).read_bytes() == FINE
    bad = json.loads((out / "bad_rows.jsonl").read_text())
    assert (bad["file"], bad["row"]) == ("t.jsonl", 1)
    assert not bad["reason"].startswith("row")
    assert bad["text"] == shown(row)


def shown(row: bytes) -> str | None:
    """What is told of a bad row."""
    try:
        text = row.decode().strip(" \t\r\n")
    except UnicodeDecodeError:
        return None
    return text if len(text) <= 2000 else f"{text[:2000]} [cut: {len(text):,} characters in all]"


WHOLE: dict[str, tuple[str, bytes, str]] = {
    "empty": (".jsonl", b"", "is empty"),
    "blank lines": (".jsonl", b"\n \r\n\t\n", "holds no rows"),
    "UTF-16": (".jsonl", FINE.decode().encode("utf-16"), "row 0 is not JSON: 'utf-8'"),
    "UTF-16 in one line": (".jsonl", FINE.strip().decode().encode("utf-16"), "row 0 is not JSON"),
    "UTF-32": (".jsonl", FINE.strip().decode().encode("utf-32"), "row 0 is not JSON"),
    "an array that does not end": (".json", b'[{"text": "a"}, {"text": "b"}', "middle of its"),
    "an array cut in an element": (".json", b'[{"text": "a"}, {"te', "middle of its array"),
    "an array and garbage": (".json", b'[{"text": "a"}] x', "goes on after the end of its array"),
    "two arrays": (".json", b'[{"text": "a"}]\n[{"text": "b"}]', "goes on after the end"),
    "an empty array": (".json", b" [ \n ] ", "holds no rows"),
    "a trailing comma": (".json", b'[{"text": "a"},]', "row 1 is not JSON"),
    "two commas": (".json", b'[{"text": "a"},,{"text": "b"}]', "row 1 is not JSON"),
    "an array in an array": (".json", b'[[{"text": "a"}]]', "row 0 is list"),
    "mismatched brackets": (".json", b'[{"text": "a"], {"text": "b"}]', "row 0 is not JSON"),
    "one object over lines": (".json", b'{\n "text": "a"\n}', "row 0 is not JSON"),
    "an object of rows": (".json", b'{"data": [{"text": "a"}]}', "row 0 has the keys ['data']"),
}  # fmt: skip


@pytest.mark.parametrize("command", ["check", "clean"])
@pytest.mark.parametrize(("suffix", "data", "word"), WHOLE.values(), ids=WHOLE)
def test_a_file_that_is_no_list_of_rows_is_refused(
    command: str, suffix: str, data: bytes, word: str, tmp_path: Path, capsys: Told
) -> None:
    code = call(command, [put(tmp_path / f"t{suffix}", data)], tmp_path / "out")
    told = capsys.readouterr().err
    assert_refused(code, told, f"t{suffix}", word, out=tmp_path / "out")


READ: dict[str, tuple[str, bytes, bytes]] = {
    "a BOM": (".jsonl", b"\xef\xbb\xbf" + FINE + LEAK, b"\xef\xbb\xbf" + FINE),
    "a BOM between files": (".jsonl", FINE + b"\xef\xbb\xbf" + LEAK, FINE),
    "CRLF": (".jsonl", (FINE + LEAK).replace(b"\n", b"\r\n"), FINE.replace(b"\n", b"\r\n")),
    "no last line end": (".jsonl", LEAK + FINE.strip(), FINE.strip()),
    "blank lines between": (".jsonl", b"\n" + LEAK + b" \n" + FINE, b"\n \n" + FINE),
    "an escaped NUL": (".jsonl", b'{"text": "a \\u0000 b"}\n' + LEAK, b'{"text": "a \\u0000 b"}\n'),
    "a lone surrogate in metadata": (
        ".jsonl", b'{"k": "\\ud800", "text": "x"}\n' + LEAK, b'{"k": "\\ud800", "text": "x"}\n'),
    "NaN and Infinity": (
        ".jsonl", b'{"k": [NaN, -Infinity], "text": "x"}\n' + LEAK,
        b'{"k": [NaN, -Infinity], "text": "x"}\n'),
    "metadata given twice": (
        ".jsonl", b'{"k": 1, "k": 2, "text": "x"}\n' + LEAK, b'{"k": 1, "k": 2, "text": "x"}\n'),
    "an escaped key": (".jsonl", FINE + LEAK.replace(b"text", b"te\\u0078t"), FINE),
    "a leak in a list of strings": (".jsonl", FINE + user(f'["{QUESTION}"]') + b"\n", FINE),
    "a leak in a typed part": (
        ".jsonl", FINE + user(f'[{{"type": "tool", "content": "{QUESTION}"}}]') + b"\n", FINE),
    "a .json of lines": (".json", FINE + LEAK, FINE),
    "one object": (".json", FINE, FINE),
    "a pretty array": (
        ".json", json.dumps([{"text": "a"}, {"text": QUESTION}], indent=2).encode(),
        b'[\n{\n    "text": "a"\n  }\n]\n'),
    "an array far from the beginning": (
        ".json", b" " * 70_000 + b"[" + FINE + b"," + LEAK + b"]", b"[\n" + FINE + b"]\n"),
}  # fmt: skip


@pytest.mark.parametrize(("suffix", "data", "kept"), READ.values(), ids=READ)
def test_a_strange_file_is_read_whole_and_cleaned_byte_for_byte(
    suffix: str, data: bytes, kept: bytes, tmp_path: Path
) -> None:
    train, out = put(tmp_path / f"t{suffix}", data), tmp_path / "out"
    assert call("clean", [train], out) == 0
    assert (out / "data" / train.name).read_bytes() == kept
    removed = (out / "removed.jsonl").read_text().splitlines()
    assert summary(out)["rows_kept"] + len(removed) == summary(out)["rows_read"]
    assert call("check", [train], tmp_path / "checked") == bool(removed)


def bad_texts(out: Path) -> list[tuple[int, str | None]]:
    lines = (out / "bad_rows.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    return [(told["row"], told["text"]) for told in map(json.loads, lines)]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("cut", [(60, 16), (64 << 20, 1 << 21)])
def test_a_bad_row_is_shown_as_it_stands_in_its_file(
    cut: tuple[int, int], workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (decontam.rows.shards, decontam.run.run):
        monkeypatch.setattr(module, "SHARD", cut[0])
    monkeypatch.setattr(decontam.rows.lines, "BLOCK", cut[1])
    lines = [b"\xef\xbb\xbf{torn \xe2\x98\x83\xe2\x80\xa8", FINE, b"", b' {"text": 5} \r',
             b'{"text": "\xff"}', b"x" * 2000, b"y" * 2001, LEAK, b"last"]  # fmt: skip
    train = put(tmp_path / "t.jsonl", b"\n".join(line.strip(b"\n") for line in lines))
    out = tmp_path / "out"
    call("check", [train], out, "--allow-bad-rows", 9, "--workers", workers)
    assert bad_texts(out) == [
        (0, "{torn ☃\u2028"), (2, '{"text": 5}'), (3, None), (4, "x" * 2000),
        (5, "y" * 2000 + " [cut: 2,001 characters in all]"), (7, "last"),
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", ["json", "json.gz"])
def test_a_bad_element_of_an_array_is_shown_as_it_stands_in_its_file(
    suffix: str, tmp_path: Path
) -> None:
    data = b'[ 5, {"text": "a"},\n{"text":\n[]} ,, "\xff"]'
    train = put(tmp_path / f"t.{suffix}", gzip.compress(data) if "gz" in suffix else data)
    assert call("clean", [train], tmp_path / "out", "--allow-bad-rows", 9) == 0
    expected = [(0, "5"), (2, '{"text":\n[]}'), (3, ""), (4, None)]
    assert bad_texts(tmp_path / "out") == expected


def test_a_bad_row_of_a_table_is_shown_with_all_its_cells(tmp_path: Path) -> None:
    broken = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
    day = pa.array([datetime.date(2024, 1, 2)] * 5)
    told = pa.chunked_array([["a", None, " ", "b"], broken])
    table = pa.table({"n": range(5), "text": told, "day": day})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=2)
    assert call("check", [tmp_path / "t.parquet"], tmp_path / "out", "--allow-bad-rows", 9) == 0
    assert bad_texts(tmp_path / "out") == [
        (1, '{"n": 1, "text": null, "day": "2024-01-02"}'),
        (2, '{"n": 2, "text": " ", "day": "2024-01-02"}'),
        (4, None),
    ]
