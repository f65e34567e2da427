"""Places and names that cannot serve are refused, and a full disk leaves nothing half-written."""

from __future__ import annotations

import errno
import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile import (
    FINE,
    LEAK,
    PUBLISHED,
    assert_refused,
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

Told = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]


pytestmark = pytest.mark.usefixtures("without_the_hub")


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
    "no dataset either": (lambda _: "no-such-org/no-such-data", "no-such-org/no-such-data"),
    "an empty name": (lambda _: "", "an empty name"),
    "a name with NUL": (lambda _: "a\0b.jsonl", "does not exist"),
    "a name of 5,000 letters": (lambda _: "a" * 5000, "name too long"),
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


@pytest.mark.parametrize("name", ["README.jsonl", "license.2024.jsonl.gz", "notice.json"])
def test_a_file_of_rows_is_read_whatever_its_name(name: str, tmp_path: Path) -> None:
    for plain in ("README", "License.txt", "card.md", "dataset_infos.json"):
        put(tmp_path / "d" / plain, b"no rows")
    put(tmp_path / "d/a.jsonl", FINE)
    put(tmp_path / "d" / name, gzip.compress(LEAK) if name.endswith(".gz") else LEAK)
    assert call("check", [tmp_path / "d"], tmp_path / "out") == 1
    assert summary(tmp_path / "out")["rows_read"] == 2


def test_rows_below_the_output_folder_are_refused(tmp_path: Path, capsys: Told) -> None:
    train, out = tmp_path / "d/**/*.jsonl", tmp_path / "d/out"
    put(tmp_path / "d/a.jsonl", LEAK + FINE)
    assert call("clean", [train], out, against=items_file(tmp_path)) == 0
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    assert call("clean", [train], out, against=items_file(tmp_path)) == 2
    told = capsys.readouterr().err
    assert f"a.jsonl lies in --out {out}; choose another place" in told
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("name", "data"),
    [("summary.json", b"{"), ("summary.json", b"[]"), ("matches.parquet", b"PAR1"),
     ("matches.parquet", None), ("items.parquet", b""), ("request.json", b"{"),
     ("request.json", b"[]"), ("removed.jsonl", b"{"), ("removed.jsonl", b"5")],
)  # fmt: skip
def test_results_that_were_damaged_are_not_reported_again(
    name: str, data: bytes | None, tmp_path: Path, capsys: Told
) -> None:
    train, out = put(tmp_path / "t.jsonl", LEAK), tmp_path / "out"
    assert call("clean", [train], out) == 0
    put(out / name, data) if data is not None else (out / name).unlink()
    assert call("clean", [train], out) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {out}")
    assert "damaged" in told
    assert "remove" in told


@pytest.mark.parametrize("name", ["data", "data/a.jsonl", "removed.jsonl", "review.html",
                                  "bad_rows.jsonl"])  # fmt: skip
def test_a_finished_cleaning_of_which_something_was_deleted_is_not_called_done(
    name: str, tmp_path: Path, capsys: Told
) -> None:
    train, out = tmp_path / "train", tmp_path / "out"
    put(train / "a.jsonl", FINE + b"5\n")
    put(train / "b.jsonl", LEAK)
    put(train / "c.jsonl", FINE)
    options = ("--allow-bad-rows", 1, "--action", "verbatim=drop_file")
    for _ in range(2):
        assert call("clean", [train], out, *options) == 0
    assert {p.name for p in (out / "data").iterdir()} == {"a.jsonl", "c.jsonl"}
    shutil.rmtree(out / name) if name == "data" else (out / name).unlink()
    capsys.readouterr()
    assert call("clean", [train], out, *options) == 2
    told = capsys.readouterr()
    gone = "data/a.jsonl" if name == "data" else name
    assert f"{out} holds the results of this request, but {gone} is missing; remove" in told.err
    assert told.out == ""
    shutil.rmtree(out)
    assert call("clean", [train], out, *options) == 0


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
