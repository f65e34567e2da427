"""Items, indexes and options that cannot serve are refused; no failure looks like a verdict."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile import (
    FINE,
    ITEM,
    LEAK,
    QUESTION,
    assert_refused,
    assert_unpublished,
    call,
    items_file,
    put,
    summary,
)

import decontam.report.report
import decontam.run.clean
import decontam.run.place
import decontam.run.run
import decontam.run.shard
from decontam.command import main

Told = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]


pytestmark = pytest.mark.usefixtures("without_the_hub")

ITEMS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "items.jsonl holds no items"),
    "blank": (b"\n\n", "items.jsonl holds no items"),
    "not JSON": (b"\n{\n", "items.jsonl: line 2 is not JSON"),
    "not UTF-8": (b'{"prompt": "\xff"}', "line 1 is not JSON: 'utf-8'"),
    "UTF-16": (json.dumps(ITEM).encode("utf-16"), "line 1 is not JSON: 'utf-8'"),
    "nested deeply": (b"[" * 10**5, "line 1 is not JSON"),
    "a list": (b"[1]", "line 1: is list, not a mapping"),
    "no prompt": (b'{"benchmark": "b", "id": "1"}', "line 1: 'prompt' is None"),
    "a number for an answer": (
        json.dumps({**ITEM, "answer": 12}).encode(), "'answer' is 12; make it a string or leave"),
    "a list for an id": (json.dumps({**ITEM, "id": [1]}).encode(), "line 1: 'id' is [1]"),
    "one id twice": (
        json.dumps(ITEM).encode() + b"\n" + json.dumps({**ITEM, "prompt": "x y z"}).encode(),
        "two different items with the id '1'"),
    "two prompts": (
        b'{"benchmark": "b", "id": "1", "prompt": "a b", "prompt": "c"}', "'prompt' is given"),
    "an empty prompt": (json.dumps({**ITEM, "prompt": " "}).encode(), "none of 1 items"),
    "a surrogate in a prompt": (
        json.dumps({**ITEM, "prompt": "a b \ud800"}).encode(), "line 1: 'prompt' holds a lone"),
    "a surrogate in an id": (json.dumps({**ITEM, "id": "\ud800"}).encode(), "'id' holds a lone"),
    "a surrogate in a benchmark": (
        json.dumps({**ITEM, "benchmark": "\udfff"}).encode(), "'benchmark' holds a lone"),
    "a surrogate in an option": (
        json.dumps({**ITEM, "options": ["\udfff"]}).encode(), "'options' holds a lone"),
    "a string for options": (json.dumps({**ITEM, "options": "abc"}).encode(), "'options' is 'abc'"),
    "an object for options": (
        json.dumps({**ITEM, "options": {"A": "x"}}).encode(), "'options' is {'A': 'x'}"),
    "a number for options": (json.dumps({**ITEM, "options": 5}).encode(), "'options' is 5"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "word"), ITEMS.values(), ids=ITEMS)
def test_a_file_of_items_that_cannot_be_looked_for_is_refused(
    data: bytes, word: str, tmp_path: Path, capsys: Told
) -> None:
    train, items = put(tmp_path / "t.jsonl", FINE), put(tmp_path / "items.jsonl", data)
    code = call("check", [train], tmp_path / "out", against=items)
    assert_refused(code, capsys.readouterr().err, word, out=tmp_path / "out")


@pytest.mark.parametrize(
    ("what", "word"),
    [("gsm8kk", "did you mean 'gsm8k'"), ("gone.jsonl", "gone.jsonl does not exist"),
     ("items.csv", "unknown suite or task"), ("gone.yaml", "gone.yaml does not exist")],
)  # fmt: skip
def test_what_cannot_be_checked_against_is_refused(
    what: str, word: str, tmp_path: Path, capsys: Told
) -> None:
    code = call("check", [put(tmp_path / "t.jsonl", FINE)], tmp_path / "out", against=what)
    assert_refused(code, capsys.readouterr().err, word, out=tmp_path / "out")


@pytest.mark.parametrize("name", ["items.txt", "items.ndjson", "items"])
def test_a_file_of_items_may_have_any_name(name: str, tmp_path: Path) -> None:
    items = put(tmp_path / name, json.dumps(ITEM).encode())
    train = put(tmp_path / "t.jsonl", LEAK)
    assert call("check", [train], tmp_path / "out", against=items) == 1


def test_a_packed_file_of_items_is_refused_by_name(tmp_path: Path, capsys: Told) -> None:
    items = put(tmp_path / "items.jsonl.gz", gzip.compress(json.dumps(ITEM).encode()))
    code = call("check", [put(tmp_path / "t.jsonl", FINE)], tmp_path / "out", against=items)
    assert_refused(
        code, capsys.readouterr().err, f"{items}: line 1 is not JSON", out=tmp_path / "o"
    )


def test_an_empty_file_of_items_is_not_hidden_by_another(tmp_path: Path, capsys: Told) -> None:
    train, empty = put(tmp_path / "t.jsonl", FINE), put(tmp_path / "none.jsonl", b"")
    code = main(["check", str(train), "--against", str(items_file(tmp_path)), str(empty),
                 "--out", str(tmp_path / "out")])  # fmt: skip
    assert_refused(code, capsys.readouterr().err, "none.jsonl holds no items", out=tmp_path / "out")


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no index": (lambda d: (d / "index.json").unlink(), "is no index; make one with"),
    "another version": (
        lambda d: (d / "index.json").write_text('{"versions": {"index": 0}}'), "another version"),
    "not JSON": (lambda d: (d / "index.json").write_text("{"), "index.json is damaged"),
    "a list": (lambda d: (d / "index.json").write_text("[]"), "another version"),
    "no array": (lambda d: (d / "grams.npy").unlink(), "grams.npy is missing"),
    "half an array": (
        lambda d: (d / "grams.npy").write_bytes((d / "grams.npy").read_bytes()[:-8]), "damaged"),
    "an empty array": (lambda d: (d / "bits.npy").write_bytes(b""), "damaged index"),
    "no items": (lambda d: (d / "items.jsonl").write_text(""), "damaged index"),
    "no words": (lambda d: (d / "words.txt").unlink(), "damaged index"),
    "words in Latin-1": (lambda d: (d / "words.txt").write_bytes(b"\xff"), "damaged index"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "word"), DAMAGES.values(), ids=DAMAGES)
def test_an_index_that_is_not_whole_is_refused(
    damage: Callable[[Path], object], word: str, tmp_path: Path, capsys: Told
) -> None:
    train, index = put(tmp_path / "t.jsonl", LEAK), tmp_path / "index"
    assert call("index", [], index) == 0
    assert call("check", [train], tmp_path / "fine", "--index", index, against="") == 1
    damage(index)
    code = call("check", [train], tmp_path / "out", "--index", index, against="")
    assert_refused(code, capsys.readouterr().err, str(index), word, out=tmp_path / "out")


def test_an_index_of_another_preset_or_place_is_refused(tmp_path: Path, capsys: Told) -> None:
    train, index, out = put(tmp_path / "t.jsonl", FINE), tmp_path / "index", tmp_path / "out"
    assert call("index", [], index) == 0
    code = call("check", [train], out, "--index", index, "--preset", "tulu3", against="")
    assert_refused(code, capsys.readouterr().err, "for preset 'default', not 'tulu3'", out=out)
    assert_refused(call("index", [], index), capsys.readouterr().err, "index exists", out=out)
    code = call("check", [train], out, "--index", index)
    assert_refused(code, capsys.readouterr().err, "one of them", out=out)
    assert_refused(call("check", [train], out, against=""), capsys.readouterr().err, out=out)


OPTIONS = [
    ("--workers", "0", "'0': give a whole number of at least 1"), ("--workers", "-1", "'-1'"),
    ("--workers", "x", "'x'"), ("--allow-bad-rows", "-1", "at least 0"),
    ("--allow-bad-rows", "1.5", "'1.5'"), ("--fields", "", "names with commas"),
    ("--fields", "a,,b", "names with commas"), ("--fields", "body", "no field 'body'; it has"),
    ("--preset", "strict", "invalid choice: 'strict'"), ("--mode", "both", "invalid choice"),
    ("--action", "near=burn", "LABEL=ACTION"), ("--hub", "gone", "no such folder"),
    ("--allowlist", "gone", "gone: cannot be read"), ("--thresholds", "1", "unrecognized"),
    *(("--threshold", t, "give BENCHMARK=SHARE with a share from 0 to below 1")
      for t in ("1", "b", "b=", "=0.5", "b=1", "b=-0.1", "b=nan", "b=x")),
    ("--threshold", "b=0.5", "--threshold goes with preset llama3"),
]  # fmt: skip


@pytest.mark.parametrize(("option", "value", "word"), OPTIONS)
def test_an_option_that_makes_no_sense_is_refused(
    option: str, value: str, word: str, tmp_path: Path, capsys: Told
) -> None:
    code = call("check", [put(tmp_path / "t.jsonl", FINE)], tmp_path / "out", option, value)
    assert_refused(code, capsys.readouterr().err, word, out=tmp_path / "out")


@pytest.mark.parametrize(
    ("data", "word"),
    [(b'{"bench', "line 1 is torn"), (b"\xff\n", "line 1 is not UTF-8"), (b"[]", "not a JSON obj"),
     (b'\n{"x": 1}', "line 2: unknown key 'x'")],
)  # fmt: skip
def test_a_broken_allow_list_is_refused(
    data: bytes, word: str, tmp_path: Path, capsys: Told
) -> None:
    train, allowed = put(tmp_path / "t.jsonl", LEAK), put(tmp_path / "allow.jsonl", data)
    code = call("check", [train], tmp_path / "out", "--allowlist", allowed)
    assert_refused(code, capsys.readouterr().err, "allow.jsonl", word, out=tmp_path / "out")


def test_a_review_needs_the_folder_of_a_check(tmp_path: Path, capsys: Told) -> None:
    for place in (tmp_path / "gone", tmp_path, put(tmp_path / "t.jsonl", FINE)):
        assert main(["review", str(place)]) == 2
        assert "run the check again" in capsys.readouterr().err


def test_cleaning_what_is_flagged_whole_leaves_an_empty_file(tmp_path: Path) -> None:
    train, out = put(tmp_path / "t.jsonl", LEAK * 3), tmp_path / "out"
    assert call("clean", [train], out) == 0
    assert (out / "data/t.jsonl").read_bytes() == b""
    assert (summary(out)["rows_read"], summary(out)["rows_kept"]) == (3, 0)


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [(KeyboardInterrupt(), 130, "interrupted"), (MemoryError(), 2, "not enough memory"),
     (AssertionError("odd"), 2, "this is a defect")],
)  # fmt: skip
def test_no_failure_has_the_exit_code_of_a_verdict(
    error: BaseException, code: int, word: str, tmp_path: Path, capsys: Told,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def fail(*_: object) -> None:
        raise error

    train, out = put(tmp_path / "t.jsonl", LEAK), tmp_path / "out"
    for name in ("_settle", "_scan"):
        with monkeypatch.context() as m:
            m.setattr(decontam.run.run, name, fail)
            assert call("check", [train], out) == code
        assert word in capsys.readouterr().err
        assert_unpublished(out)
    assert call("check", [train], out) == 1


def test_the_program_itself_says_2_without_a_traceback(tmp_path: Path) -> None:
    bad, good = put(tmp_path / "a/t.jsonl", FINE + b"5\n"), put(tmp_path / "b/t.jsonl", LEAK)
    base = [sys.executable, "-m", "decontam", "check", "--against", str(items_file(tmp_path))]
    cases = [([str(bad)], 2), ([str(tmp_path / "gone")], 2), ([str(good)], 1),
             ([str(bad), str(good), "--workers", "2"], 2)]  # fmt: skip
    for given, code in cases:
        found = subprocess.run([*base, "--json", *given], cwd=ROOT, capture_output=True, text=True)
        assert found.returncode == code, found.stderr
        assert "Traceback" not in found.stderr
        assert (QUESTION in found.stdout) is False
    with Path("/dev/full").open("w") as device:
        found = subprocess.run([*base, "--json", str(good)], cwd=ROOT, stdout=device,
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert found.returncode == 2
    assert "No space left on device" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("command", "code"),
    [("check", 1), ("check --json", 1), ("clean", 0), ("clean --json", 0), ("index", 0),
     ("review", 0)],
)  # fmt: skip
def test_a_reader_that_has_gone_changes_no_exit_code(
    command: str, code: int, tmp_path: Path
) -> None:
    train, out = put(tmp_path / "t.jsonl", LEAK), tmp_path / "out"
    name, *more = command.split()
    against = ["--against", str(items_file(tmp_path)), "--out", str(out)]
    given = {"index": against, "review": [str(out)]}.get(name, [str(train), *against])
    if name == "review":
        assert call("check", [train], out) == 1
    read, write = os.pipe()
    os.close(read)
    base = [sys.executable, "-m", "decontam", name, *given, *more]
    found = subprocess.run(base, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (found.returncode, found.stderr) == (code, "")
    assert (out / ("index.json" if name == "index" else "summary.json")).is_file()
