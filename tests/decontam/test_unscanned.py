"""What no item is looked for in is counted and named."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile import ITEM, call

import decontam
from decontam.rows.files import find_files
from decontam.rows.unscanned import unread, unscanned_fields

LONG = "what a reader of this field would read"
USER = {"role": "user", "content": LONG}


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ({"text": LONG}, ()),
        ({"text": LONG, "id": "a-1", "source": "web", "n": 3, "none": None, "url": "x" * 80}, ()),
        ({"text": LONG, "title": LONG}, ("title",)),
        ({"text": LONG, "title": "二十文字以上ある題名はここに書いてあるのです"}, ("title",)),
        ({"text": LONG, "meta": {"deep": [1, {"note": LONG}]}}, ("meta",)),
        ({"prompt": LONG, "response": LONG, "output": LONG}, ("output",)),
        ({"prompt": LONG, "output": LONG}, ()),
        ({"prompt": LONG, "question": LONG}, ("question",)),
        ({"instruction": LONG, "input": LONG, "context": LONG, "output": LONG}, ()),
        ({"messages": [USER], "system": LONG}, ("system",)),
        ({"messages": [{**USER, "name": "Ann", "thinking": LONG}]}, ("messages[].thinking",)),
        ({"messages": [{**USER, "tool_calls": [{"f": LONG}]}]}, ("messages[].tool_calls",)),
        ({"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [LONG]}]}, ()),
        ({"conversations": [{"from": "human", "value": LONG, "weight": 1}]}, ()),
        ({"nothing": LONG}, ()),  # such a row is refused where it is scanned
        (None, ()),
    ],
)
def test_fields_with_text_that_is_not_read_are_named(row: Any, names: tuple[str, ...]) -> None:
    assert unread([row], ()) == names


def test_with_fields_named_all_others_are_unread() -> None:
    assert unread([{"text": LONG, "title": LONG, "id": "1"}], ("title",)) == ("text",)


ROWS = [
    {"messages": [
        {"role": "system", "content": 'Say "no"\nto everything.'}, USER,
        {"role": "assistant", "content": "no"}, {"role": "critic", "content": "é ñ"},
    ], "system": LONG},
    {"messages": [{"role": "user", "content": "again"}, {"role": "tool", "content": "{}"}],
     "system": LONG},
]  # fmt: skip
TURNS, TEXT = 3, "".join(['Say "no"\nto everything.', "é ñ", "{}"])


def written(folder: Path, suffix: str) -> Path:
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
    path = folder / f"rows.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif suffix == "json":
        path.write_bytes(json.dumps(ROWS, ensure_ascii=False).encode())
    else:
        path.write_bytes(gzip.compress(lines) if suffix.endswith("gz") else lines)
    return path


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz", "json", "parquet"])
def test_every_format_counts_the_turns_that_are_passed_over(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path, suffix)
    totals = decontam.check(path, [ITEM], out=tmp_path / "out").totals
    assert totals.turns_unscanned == TURNS
    # Escapes count as they are written.
    assert 0 <= totals.bytes_unscanned - len(TEXT.encode()) <= 3
    assert totals.fields_unscanned == ("system",)
    told = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (told["turns_unscanned"], told["fields_unscanned"]) == (TURNS, ["system"])
    assert "3 turns of other roles" in (tmp_path / "out" / "review.html").read_text()


def test_rows_in_memory_are_counted_alike() -> None:
    totals = decontam.check(ROWS, [ITEM]).totals
    assert (totals.turns_unscanned, totals.bytes_unscanned) == (TURNS, len(TEXT.encode()))
    assert totals.fields_unscanned == ("system",)


def test_the_command_says_what_was_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, "jsonl")
    assert call("check", [path], tmp_path / "one") == 0
    said = capsys.readouterr().out
    assert "not looked at: 3 turns of other roles" in said
    assert "text in system (--fields" in said
    assert call("check", [path], tmp_path / "two", "--mode", "all") == 0
    assert "turns of other roles" not in capsys.readouterr().out


def test_the_first_rows_of_every_file_are_looked_through(tmp_path: Path) -> None:
    for name, key in (("a", "title"), ("b", "summary")):
        row = json.dumps({"text": LONG, key: LONG})
        (tmp_path / f"{name}.jsonl").write_text(f"\n{row}\nnot JSON\n", encoding="utf-8")
    files = find_files([str(tmp_path)])
    assert unscanned_fields(files, ()) == ("summary", "title")
    assert unscanned_fields(files, ("text",)) == ("summary", "title")
    assert unscanned_fields(files, ("title",)) == ("text",)  # of the rows that can be read
