"""However files are cut, compressed, named and shared out, the results are the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planted import (
    FORMATS,
    ITEMS,
    NAMES,
    left,
    lines,
    planted,
    results,
    row,
    rows,
    write_items,
    write_parquet,
)

import decontam.rows.lines
import decontam.rows.shards
import decontam.run.run
from decontam.command import main
from decontam.items.index import Index
from decontam.items.item import read_items
from decontam.policy import resolve
from decontam.rows.files import find_files
from decontam.rows.read import read_shard
from decontam.rows.shards import shards
from decontam.rules.rule import prepare
from decontam.run.run import Request, run

RESULTS = {
    "data", "items.parquet", "matches.parquet", "removed.jsonl", "request.json", "review.html",
    "summary.json",
}  # fmt: skip

Cut = Callable[[int, int], None]


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Cut:
    """Sets the bytes of a shard and of a block."""

    def cut(shard: int, block: int) -> None:
        monkeypatch.setattr(decontam.rows.shards, "SHARD", shard)
        monkeypatch.setattr(decontam.run.run, "SHARD", shard)
        monkeypatch.setattr(decontam.rows.lines, "BLOCK", block)

    return cut


@pytest.fixture(scope="module")
def index() -> Index:
    return prepare(resolve("default"), read_items(ITEMS))


def checked(index: Index, out: Path, *train: Path | str, **how: object) -> dict[str, bytes]:
    """The results of a cleaning, without the key of the request."""
    request = Request(tuple(map(str, train)), out, clean=True, **how)  # type: ignore[arg-type]
    run(request, index)
    assert left(out) - {"bad_rows.jsonl"} == RESULTS
    found = results(out)
    del found["request.json"]
    return found


def flagged(out: Path) -> list[tuple[str, int]]:
    table = pq.read_table(out / "matches.parquet", columns=["file", "row"])
    return [(line["file"], line["row"]) for line in table.to_pylist()]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of every format."""
    folder = tmp_path_factory.mktemp("corpus") / "train"
    (folder / "deep").mkdir(parents=True)
    for place, (suffix, write) in enumerate(FORMATS.items()):
        (folder / ("deep" if place % 2 else "") / f"f{place}.{suffix}").write_bytes(write(rows(40)))
    return folder


@pytest.mark.parametrize("workers", [2, 3])
def test_the_results_are_the_same_for_any_number_of_workers(
    index: Index, corpus: Path, cut: Cut, tmp_path: Path, workers: int
) -> None:
    cut(700, 1 << 21)
    alone = checked(index, tmp_path / "alone", corpus)
    assert len(flagged(tmp_path / "alone")) == len(FORMATS) * len(planted(40))
    assert checked(index, tmp_path / "shared", corpus, workers=workers) == alone


@pytest.mark.parametrize(
    ("shard", "block"), [(97, 13), (500, 1), (1000, 1 << 21), (1 << 26, 1), (1 << 26, 256)]
)
def test_the_results_are_the_same_for_any_size_of_shards_and_blocks(
    index: Index, corpus: Path, cut: Cut, tmp_path: Path, shard: int, block: int
) -> None:
    whole = checked(index, tmp_path / "whole", corpus)
    cut(shard, block)
    assert checked(index, tmp_path / "cut", corpus) == whole


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_names_the_rows_that_hold_items(
    index: Index, cut: Cut, tmp_path: Path, suffix: str
) -> None:
    cut(300, 64)
    name = f"rows.{suffix}"
    (tmp_path / name).write_bytes(FORMATS[suffix](rows(60)))
    found = checked(index, tmp_path / "out", tmp_path / name)
    assert flagged(tmp_path / "out") == [(name, number) for number in planted(60)]
    removed = [json.loads(line) for line in found["removed.jsonl"].splitlines()]
    assert [line["row"] for line in removed] == planted(60)


def test_a_shard_that_ends_while_another_is_still_scanned_may_come_first(
    index: Index, corpus: Path, cut: Cut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(700, 1 << 21)
    forwards = checked(index, tmp_path / "forwards", corpus)
    scanned = decontam.run.run.in_this_process

    def backwards(scan, tasks, options):  # type: ignore[no-untyped-def]
        return scanned(scan, tasks[::-1], options)

    monkeypatch.setattr(decontam.run.run, "in_this_process", backwards)
    assert checked(index, tmp_path / "backwards", corpus) == forwards


def test_the_order_and_manner_in_which_files_are_named_does_not_matter(
    index: Index, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [path for path in corpus.rglob("*") if path.is_file()]
    folder = checked(index, tmp_path / "folder", corpus)
    assert checked(index, tmp_path / "backwards", *sorted(files, reverse=True)) == folder
    monkeypatch.chdir(corpus)
    relative = sorted(path.relative_to(corpus) for path in files)
    assert checked(index, tmp_path / "relative", *relative) == folder
    assert checked(index, tmp_path / "dot", ".") == folder
    monkeypatch.chdir(corpus / "deep")
    assert checked(index, tmp_path / "above", *(Path("..", path) for path in relative)) == folder
    assert checked(index, tmp_path / "parent", "..") == folder


def test_relative_results_are_written_where_the_command_was_given(
    corpus: Path, cut: Cut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(700, 1 << 21)
    items = write_items(tmp_path)
    monkeypatch.chdir(tmp_path)
    command = ["clean", str(corpus), "--against", items.name, "--workers", "2", "--out", "out"]
    assert main(command) == 0
    assert left(tmp_path / "out") == RESULTS


def test_a_cleaned_file_never_leaves_its_folder(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for path in (tmp_path / "outside.jsonl", tmp_path / "a" / "b" / "inside.jsonl"):
        path.write_bytes(lines(rows(3)))
    monkeypatch.chdir(tmp_path / "a")
    checked(index, Path("out"), "b/inside.jsonl", "b/../../outside.jsonl")
    written = {p.relative_to("out/data").as_posix() for p in Path("out/data").rglob("*.jsonl")}
    assert written == {"a/b/inside.jsonl", "outside.jsonl"}


ENDS = {"LF": b"\n", "CRLF": b"\r\n", "blank lines": b"\n\n \r\n", "CR in white space": b" \r \n"}


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("final", [True, False])
@pytest.mark.parametrize("bom", [True, False])
def test_rows_are_numbered_alike_wherever_shards_and_blocks_end(
    cut: Cut, tmp_path: Path, ends: str, final: bool, bom: bool
) -> None:
    records = [json.dumps(row(k), ensure_ascii=False).encode() for k in range(9)]
    data = ENDS[ends].join(records) + (ENDS[ends] if final else b"")
    path = tmp_path / "rows.jsonl"
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + data)
    # A mark at the head of a file is looked for in its first block, of megabytes.
    for shard in range(4 if bom else 1, len(data) // 8):
        cut(shard, (3 if bom else 1) + shard % 37)
        assert texts(path) == [str(row(k)["text"]) for k in range(9)]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_rows_are_read_once_and_in_order(cut: Cut, tmp_path: Path, data: st.DataObject) -> None:
    words = st.text(st.sampled_from('aé☃𝄞"\\\n\r\u2028,[]{}'), min_size=1, max_size=12)
    written = data.draw(st.lists(words.map(lambda text: f"x{text}"), min_size=1, max_size=12))
    plain = data.draw(st.booleans())
    ends = data.draw(st.sampled_from(["\n", "\r\n", "\n\n", "\n\t\n"]))
    lines = [json.dumps({"text": text}, ensure_ascii=plain) for text in written]
    body = ends.join(lines) + data.draw(st.sampled_from(["", ends]))
    array = data.draw(st.booleans())
    path = tmp_path / ("rows.json" if array else "rows.jsonl")
    path.write_bytes((f"[{','.join(lines)}]" if array else body).encode())
    cut(data.draw(st.integers(1, 200)), data.draw(st.integers(1, 200)))
    assert texts(path) == written


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(count=st.integers(1, 60), group=st.integers(1, 20), shard=st.integers(1, 4000))
def test_rows_of_a_parquet_file_are_numbered_alike_however_its_row_groups_are_shared_out(
    index: Index, cut: Cut, tmp_path_factory: pytest.TempPathFactory, count: int, group: int,
    shard: int,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("parquet")
    write_parquet(folder / "rows.parquet", rows(count), group)
    cut(shard, 1)
    run(Request((str(folder / "rows.parquet"),), folder / "out"), index)
    assert flagged(folder / "out") == [("rows.parquet", number) for number in planted(count)]


def test_an_item_is_found_though_a_border_cuts_its_characters(
    index: Index, cut: Cut, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines([row(7), row(1), row(14)]))
    assert NAMES[1] in path.read_text(encoding="utf-8")
    for border in range(150, path.stat().st_size, 9):
        cut(border, 3)
        run(Request((str(path),), tmp_path / f"out{border}"), index)
        assert flagged(tmp_path / f"out{border}") == [("rows.jsonl", 0), ("rows.jsonl", 2)]


def test_an_unreadable_row_is_named_by_its_number_in_the_file(
    index: Index, cut: Cut, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(rows(20)) + b"{torn\n" + lines(rows(5)))
    for shard in (90, 1000, 1 << 26):
        cut(shard, 10)
        with pytest.raises(ValueError, match=r"rows.jsonl: row 20 is not JSON"):
            run(Request((str(path),), tmp_path / f"out{shard}"), index)


def test_unreadable_rows_that_are_allowed_are_the_same_bytes_however_files_are_cut(
    index: Index, cut: Cut, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(rows(20)) + b"{torn\n" + lines(rows(5)) + b"[]\n")
    whole = checked(index, tmp_path / "whole", path, allow_bad_rows=2)
    told = [json.loads(line) for line in whole["bad_rows.jsonl"].splitlines()]
    assert [(line["file"], line["row"]) for line in told] == [(path.name, 20), (path.name, 26)]
    cut(100, 7)
    assert checked(index, tmp_path / "cut", path, allow_bad_rows=2, workers=2) == whole


def test_a_shard_given_up_for_its_unreadable_rows_is_never_called_checked(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decontam.run.shard, "MOST_BAD", 3)
    monkeypatch.setattr(decontam.rows.lines, "BLOCK", 64)
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"{torn\n" * 40 + lines(rows(40)))
    for allowed in (5, 100):
        with pytest.raises(ValueError, match=r"rows.jsonl: row 0 is not JSON"):
            run(Request((str(path),), tmp_path / "out", allow_bad_rows=allowed), index)
    assert left(tmp_path / "out") == {"request.json", "work"}


def test_results_with_unreadable_rows_are_not_those_of_a_request_that_allows_none(
    index: Index, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(rows(20)) + b"{torn\n")
    checked(index, tmp_path / "out", path, allow_bad_rows=1)
    with pytest.raises(ValueError, match="1 unreadable rows; give --allow-bad-rows 1"):
        run(Request((str(path),), tmp_path / "out", clean=True), index)


def texts(path: Path) -> Sequence[str]:
    """What a file's rows say, read shard by shard."""
    found = []
    for shard in shards(find_files([str(path)])):
        before = len(found)
        for block in read_shard(shard, "all", ()):
            docs = {b.numbers[k]: b.doc(k) for b in block.batches for k in range(len(b.numbers))}
            assert sorted(docs) == list(
                range(len(found) - before, len(found) - before + block.rows)
            )
            found += [docs[number].segments[0].text for number in sorted(docs)]
    return found
