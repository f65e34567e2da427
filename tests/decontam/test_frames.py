"""Data frames and Arrow tables are checked and cleaned as the rows that they hold."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import decontam
import decontam.rows.frames
from decontam.rows.frames import mappings

PROMPT = "How many ducks does Janet keep if she buys seven and gives away three of them?"
ITEMS: list[dict[str, object]] = [{"benchmark": "b", "id": "1", "prompt": PROMPT}]

Row = dict[str, object]


def said(*turns: str) -> list[dict[str, str]]:
    roles = ("user", "assistant") * len(turns)
    return [{"role": r, "content": t} for r, t in zip(roles, turns, strict=False)]


SHAPES: dict[str, list[Row]] = {
    "plain": [{"text": t} for t in ("one", PROMPT, "two", f"so: {PROMPT}", "three")],
    "pairs": [{"prompt": p, "response": "Four."} for p in ("one", PROMPT, "two")],
    "messages": [{"messages": said(*t)} for t in (("one", "a"), (PROMPT, "four", "why"), ("two",))],
    "with gaps": [
        {"text": "one", "prompt": None}, {"text": None, "prompt": PROMPT}, {"text": PROMPT}],
    "with other columns": [
        {"text": PROMPT, "n": 1, "when": pd.Timestamp("2024-01-01"), "on": True},
        {"text": "one", "n": None, "when": pd.NaT, "on": None}],
}  # fmt: skip


def through_parquet(rows: list[Row]) -> pd.DataFrame:
    """As pandas reads it, with arrays where the rows have lists."""
    held = io.BytesIO()
    pq.write_table(table(rows), held)
    return pd.read_parquet(held)


def table(rows: list[Row]) -> pa.Table:
    names = list(dict.fromkeys(key for row in rows for key in row))
    return pa.table({n: pa.array([r.get(n) for r in rows], from_pandas=True) for n in names})


def chunked(rows: list[Row]) -> pa.Table:
    return pa.concat_tables([table(rows).slice(k, 1) for k in range(len(rows))])


KINDS: dict[str, Callable[[list[Row]], Any]] = {
    "frame": pd.DataFrame,
    "frame of Parquet": through_parquet,
    "frame with an index": lambda rows: pd.DataFrame(rows, index=[f"r{k}" for k, _ in
                                                                  enumerate(rows)]),
    "frame with types of Arrow": lambda rows: pd.DataFrame(rows).convert_dtypes(),
    "table": table,
    "table of chunks": chunked,
}  # fmt: skip


@pytest.mark.parametrize("together", [1, 2, 1000])
@pytest.mark.parametrize("rows", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_frame_or_table_is_checked_and_cleaned_as_its_rows(
    kind: Callable[[list[Row]], Any],
    rows: list[Row],
    together: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decontam.rows.frames, "TOGETHER", together)
    given = kind(rows)
    report, expected = decontam.check(given, ITEMS), decontam.check(rows, ITEMS)
    assert list(report.evidence()) == list(expected.evidence())
    assert report.digests == expected.digests
    assert report.flagged
    cleaned = report.clean(given)
    assert type(cleaned) is type(given)
    kept = [k for k in range(len(rows)) if k not in report.flagged]
    if isinstance(given, pd.DataFrame):
        pd.testing.assert_frame_equal(cleaned, given.iloc[kept])
    else:
        assert cleaned.equals(given.take(kept))


@pytest.mark.parametrize("absent", [None, np.nan, np.float32("nan"), pd.NA, pd.NaT])
def test_a_cell_without_a_value_is_absent(absent: object) -> None:
    frame = pd.DataFrame({"text": pd.Series(["one", absent], dtype=object), "n": [0, 1]})
    assert list(mappings(frame)) == [{"text": "one", "n": 0}, {"n": 1}]
    with pytest.raises(ValueError, match=r"row 1 has the keys \['n'\]"):
        decontam.check(frame, ITEMS)
    with pytest.raises(ValueError, match=r"row 1 has no field 'text'; it has \['n'\]"):
        decontam.check(frame, ITEMS, fields=["text"])


def test_a_cell_of_a_table_without_a_value_is_absent() -> None:
    given = pa.table({"text": ["one", None], "n": [0.0, float("nan")], "on": [None, False]})
    assert list(mappings(given)) == [{"text": "one", "n": 0.0}, {"on": False}]


def test_frames_are_cleaned_by_the_fields_that_were_checked() -> None:
    frame = pd.DataFrame({"body": ["one", PROMPT], "text": ["x", "y"]})
    report = decontam.check(frame, ITEMS, fields=["body"])
    assert report.clean(frame)["body"].tolist() == ["one"]


@pytest.mark.parametrize("kind", [pd.DataFrame, pa.Table.from_pylist])
def test_rows_of_a_frame_that_were_not_scanned_are_never_called_clean(
    kind: Callable[[list[Row]], Any],
) -> None:
    rows = SHAPES["plain"]
    report = decontam.check(kind(rows), ITEMS)
    for wrong in (rows[:-1], [*rows, rows[0]], rows[::-1]):
        with pytest.raises(ValueError, match=r"is not the row that was checked|rows given"):
            report.clean(kind(wrong))
    assert report.clean(rows) == [rows[k] for k in (0, 2, 4)]


def test_items_may_be_a_frame_or_a_table() -> None:
    items = [*ITEMS, {"benchmark": "b", "id": "2", "prompt": PROMPT[::-1], "answer": "four"}]
    rows = SHAPES["plain"]
    expected = decontam.check(rows, items).items
    assert decontam.check(rows, pd.DataFrame(items)).items == expected
    assert decontam.check(rows, pa.Table.from_pylist(items)).items == expected


def test_what_was_found_is_at_hand_as_data_frames() -> None:
    report = decontam.check(SHAPES["plain"], ITEMS)
    matches, items = report.matches.to_pandas(), report.items.to_pandas()
    assert matches["row"].tolist() == list(report.flagged) == [1, 3]
    assert matches["label"].tolist() == ["verbatim", "verbatim"]
    assert items[["benchmark", "item", "rows"]].values.tolist() == [["b", "1", 2]]


BROKEN = pa.Array.from_buffers(pa.string(), 3, pa.array([b"a", b"b", b"\xff"]).buffers())

REFUSED: dict[str, tuple[Any, str]] = {
    "an empty frame": (pd.DataFrame({"text": []}), "no rows to check"),
    "an empty table": (pa.table({"text": pa.array([], pa.string())}), "no rows to check"),
    "two columns of a name": (
        pd.DataFrame([["a", "b"]], columns=["text", "text"]), "two columns are called 'text'"),
    "two columns of a table": (
        pa.Table.from_arrays([pa.array(["a"])] * 2, ["text", "text"]), "two columns are called"),
    "no column that is known": (pd.DataFrame({"body": ["a"]}), r"row 0 has the keys \['body'\]"),
    "numbers for names": (pd.DataFrame([["a"]]), r"row 0 has the keys \['0'\]"),
    "invalid UTF-8": (pa.table({"text": BROKEN}), "row 2 holds what cannot be read"),
    "a date far away": (
        pa.table({"text": ["a"], "on": pa.array([2**30], pa.date32())}), "row 0 holds what cannot"),
    "numbers": (pd.DataFrame({"text": [1, 2]}), "row 0: 'text' is 1; make it a string"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "word"), REFUSED.values(), ids=REFUSED)
def test_a_frame_or_table_that_cannot_be_read_is_refused(given: Any, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        decontam.check(given, ITEMS)
