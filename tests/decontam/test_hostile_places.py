"""Places, names, items, indexes and options that cannot serve are refused, and nothing is left."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile import (
    FINE,
    ITEM,
    LEAK,
    PUBLISHED,
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


@pytest.fixture(autouse=True)
def _without_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("ASSAY_HUB", raising=False)


def link(path: Path, target: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


NAMES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a broken link": (lambda p: link(p / "t.jsonl", p / "gone"), "is a link to nothing"),
    "a link to itself": (lambda p: link(p / "t.jsonl", p / "t.jsonl"), "is a link to nothing"),
    "a folder with a link to a folder": (
        lambda p: link(p / "d" / "x", folder(p / "e")).parent, "is a link to a folder"),
    "a FIFO": (lambda p: fifo(p / "t.jsonl"), "is not a regular file"),
    "a .csv": (lambda p: put(p / "t.csv", FINE), "not a format that can be read; it can be .jsonl"),
    "a .txt": (lambda p: put(p / "t.txt", FINE), "t.txt: not a format"),
    "a .tar": (lambda p: put(p / "t.tar", FINE), "t.tar: not a format"),
    "a .tar.gz": (lambda p: put(p / "t.tar.gz", FINE), "t.tar.gz: not a format"),
    "a .parquet.gz": (lambda p: put(p / "t.parquet.gz", FINE), "not a format"),
    "a name without a suffix": (lambda p: put(p / "t", FINE), "not a format"),
    "a .txt among rows": (
        lambda p: (put(p / "d/a.jsonl", FINE), put(p / "d/b.txt", FINE))[0].parent, "b.txt: not a"),
    "an empty folder": (lambda p: folder(p / "d"), "holds no training data"),
    "a folder with a README only": (
        lambda p: put(p / "d/README.md", b"x").parent, "holds no training data"),
    "a glob without a match": (lambda p: p / "*.jsonl", "no file matches; check the pattern"),
    "nothing there": (lambda p: p / "t.jsonl", "does not exist; name a file"),
    "no dataset either": (lambda p: "no-such-org/no-such-data", "no-such-org/no-such-data"),
    "an empty name": (lambda p: "", "an empty name"),
    "a name with NUL": (lambda p: "a\0b.jsonl", "does not exist"),
    "a name of 5,000 letters": (lambda p: "a" * 5000, "name too long"),
    "a name that is not UTF-8": (lambda p: put(p / "b\udcff.jsonl", FINE), "rename the file"),
    "a name of two lines": (lambda p: put(p / "a\nb.jsonl", FINE), "rename the file"),
    "a shelf for the output": (lambda p: put(p / "out/t.jsonl", FINE).parent, "choose"),
}  # fmt: skip


@pytest.mark.parametrize(("made", "word"), NAMES.values(), ids=NAMES)
def test_a_name_that_is_no_training_data_is_refused(
    made: Callable[[Path], object], word: str, tmp_path: Path, capsys: Told
) -> None:
    code = call("check", [made(tmp_path)], tmp_path / "out")
    assert_refused(code, capsys.readouterr().err, word, out=tmp_path / "out")


def test_a_file_that_may_not_be_read_is_refused(
    tmp_path: Path, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, real = put(tmp_path / "t.jsonl", FINE), Path.open

    def closed(self: Path, *arguments: Any, **more: Any) -> Any:
        if self == train:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return real(self, *arguments, **more)

    monkeypatch.setattr(Path, "open", closed)
    code = call("check", [train], tmp_path / "out")
    assert_refused(
        code, capsys.readouterr().err, "t.jsonl", "Permission denied", out=tmp_path / "out"
    )


def test_two_files_of_a_name_are_told_and_cleaned_apart(tmp_path: Path) -> None:
    a, b = put(tmp_path / "a/t.jsonl", FINE), put(tmp_path / "b/t.jsonl", LEAK + FINE)
    assert call("clean", [a, b], tmp_path / "out") == 0
    removed = json.loads((tmp_path / "out/removed.jsonl").read_text())
    assert (removed["file"], removed["row"]) == ("b/t.jsonl", 0)
    for name in ("a/t.jsonl", "b/t.jsonl"):
        assert (tmp_path / "out/data" / name).read_bytes() == FINE


def test_one_file_is_read_once_under_one_name_and_refused_under_two(
    tmp_path: Path, capsys: Told
) -> None:
    a = put(tmp_path / "a/t.jsonl", FINE)
    assert call("check", [a, a, a.parent], tmp_path / "out") == 0
    assert summary(tmp_path / "out")["rows_read"] == 1
    assert call("check", [link(tmp_path / "f", a.parent)], tmp_path / "linked") == 0
    code = call("check", [a, link(tmp_path / "l.jsonl", a)], tmp_path / "twice")
    assert_refused(code, capsys.readouterr().err, "are one file", out=tmp_path / "twice")


def test_an_output_that_cannot_be_made_is_refused(
    tmp_path: Path, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = put(tmp_path / "t.jsonl", FINE)
    against = items_file(tmp_path)
    for out in (train / "below", train):
        for command in ("check", "clean"):
            code = call(command, [train], out, against=against)
            assert_refused(code, capsys.readouterr().err, str(train), "choose", out=out)
    code = call("index", [], train / "below", against=against)
    assert_refused(code, capsys.readouterr().err, str(train), "choose", out=train / "below")

    def refuse(self: Path, *arguments: Any, **more: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    code = call("check", [train], tmp_path / "new", against=against)
    told = capsys.readouterr().err
    assert_refused(code, told, "new: Permission denied; choose", out=tmp_path / "new")


def test_an_output_folder_of_others_is_left_alone(tmp_path: Path, capsys: Told) -> None:
    train, other = put(tmp_path / "a/t.jsonl", FINE), put(tmp_path / "b/t.jsonl", LEAK)
    mine = put(tmp_path / "mine/data/letter.txt", b"dear")
    code = call("check", [train], tmp_path / "mine")
    assert_refused(code, capsys.readouterr().err, "mine holds data; choose", out=tmp_path / "none")
    assert mine.read_bytes() == b"dear"
    assert call("check", [train], tmp_path / "out") == 0
    held = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    assert call("check", [other], tmp_path / "out") == 2
    assert "holds the results of another check" in capsys.readouterr().err
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == held
    assert call("check", [train], tmp_path / "out") == 0


def full(*arguments: object, **more: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


POINTS: dict[str, tuple[Any, str]] = {
    "request": (decontam.run.place, "write_atomically"),
    "shard": (decontam.run.shard, "_write"),
    "matches": (decontam.run.run, "_settle"),
    "tables": (decontam.report.report, "item_table"),
    "page": (decontam.run.run, "write_review"),
}


@pytest.mark.parametrize("command", ["check", "clean"])
@pytest.mark.parametrize(("module", "name"), POINTS.values(), ids=POINTS)
def test_a_full_disk_leaves_nothing_and_the_request_goes_on_later(
    command: str, module: Any, name: str, tmp_path: Path, capsys: Told,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    train, out = put(tmp_path / "t.jsonl", FINE + LEAK), tmp_path / "out"
    with monkeypatch.context() as m:
        m.setattr(module, name, full)
        code = call(command, [train], out)
    assert_refused(
        code, capsys.readouterr().err, "out: No space left on device; make room", out=out
    )
    assert call(command, [train], out) == (1 if command == "check" else 0)


@pytest.mark.parametrize("step", range(6))
def test_publishing_that_fails_midway_is_taken_back(
    step: int, tmp_path: Path, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, out = put(tmp_path / "t.jsonl", FINE + LEAK), tmp_path / "out"
    moved, real = 0, Path.rename

    def rename(self: Path, target: Path) -> Path:
        nonlocal moved
        if target.parent == out:
            moved += 1
            if moved > step:
                full()
        return real(self, target)

    with monkeypatch.context() as m:
        m.setattr(Path, "rename", rename)
        code = call("clean", [train], out)
    assert_refused(code, capsys.readouterr().err, "No space left", "make room", out=out)
    assert call("clean", [train], out) == 0
    assert (out / "data/t.jsonl").read_bytes() == FINE


@pytest.mark.parametrize("left", [("data",), ("data", "removed.jsonl", "matches.parquet")])
def test_what_a_killed_publication_left_is_swept_by_the_next_request(
    left: tuple[str, ...], tmp_path: Path, capsys: Told
) -> None:
    train, out = put(tmp_path / "t.jsonl", FINE + LEAK), tmp_path / "out"
    assert call("clean", [train], out) == 0
    for name in PUBLISHED - {*left}:
        path = out / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    put(train, FINE * 2 + b"5\n")
    assert_refused(call("clean", [train], out), capsys.readouterr().err, "row 2", out=out)
    put(train, LEAK + FINE)
    assert call("clean", [train], out) == 0
    assert (out / "data/t.jsonl").read_bytes() == FINE


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    place = folder(tmp_path / "tiny")
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system can only be mounted by root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_disk_that_is_really_full_is_named_and_not_the_training_file(
    suffix: str, tiny: Path, tmp_path: Path, capsys: Told
) -> None:
    rows = [json.dumps({"text": os.urandom(500).hex()}).encode() + b"\n" for _ in range(3000)]
    train = put(tmp_path / "t.jsonl", b"".join(rows))
    if suffix == ".parquet":
        import pyarrow.json as pj
        import pyarrow.parquet as pq

        pq.write_table(pj.read_json(train), train := tmp_path / "t.parquet")
    against = items_file(tmp_path)
    code = call("clean", [train], tiny / "out", against=against)
    told = capsys.readouterr().err
    assert_refused(code, told, "No space left on device", "make room", out=tiny / "out")
    assert "fetch" not in told
    assert call("check", [train], tiny / "out", against=against) == 0


ITEMS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "items.jsonl holds no items"),
    "blank": (b"\n\n", "items.jsonl holds no items"),
    "not JSON": (b"\n{\n", "items.jsonl: line 2 is not JSON"),
    "not UTF-8": (b'{"prompt": "\xff"}', "line 1 is not JSON: 'utf-8'"),
    "UTF-16": (json.dumps(ITEM).encode("utf-16"), "line 1 is not JSON: 'utf-8'"),
    "nested deeply": (b"[" * 10**5, "line 1 is not JSON"),
    "a list": (b"[1]", "line 1: is list, not a mapping"),
    "no prompt": (b'{"benchmark": "b", "id": "1"}', "line 1: 'prompt' is None"),
    "a list for an id": (json.dumps({**ITEM, "id": [1]}).encode(), "line 1: 'id' is [1]"),
    "one id twice": (
        json.dumps(ITEM).encode() + b"\n" + json.dumps({**ITEM, "prompt": "x y z"}).encode(),
        "two different items with the id '1'"),
    "two prompts": (
        b'{"benchmark": "b", "id": "1", "prompt": "a b", "prompt": "c d"}', "'prompt' is given twice"),
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
    ("--allowlist", "gone", "gone: cannot be read"), ("--threshold", "1", "unrecognized"),
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
