"""What a check left is read whole, or what is missing or damaged is named."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_review import HOSTILE, PLAIN, SUMMARY, hostile, leave

from decontam.report import review
from decontam.report.outcome import Outcome, read_outcome
from decontam.report.review import write_review


def damage(folder: Path, name: str, change: str) -> None:
    path = folder / name
    if change == "gone":
        path.unlink()
    elif change == "torn":
        path.write_bytes(path.read_bytes()[:-20])
    elif change in ("rows_read", "benchmarks"):
        path.write_text(json.dumps({k: v for k, v in SUMMARY.items() if k != change}))
    elif change == "a word":
        path.write_text(json.dumps(SUMMARY | {"rows_read": "many"}))
    else:
        table = pq.read_table(path)
        at = table.schema.get_field_index("score" if name.startswith("m") else "indexed")
        new = {"nan": [float("nan")], "null": [None], "words": ["high"]}.get(change)
        table = table.remove_column(at)
        if new is not None:
            kind = pa.string() if change == "words" else pa.float64()
            table = table.append_column("score", pa.array(new, kind))
        pq.write_table(table, path)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("matches.parquet", "gone", "is missing"),
        ("items.parquet", "gone", "is missing"),
        ("summary.json", "gone", "is missing"),
        ("matches.parquet", "torn", "is damaged"),
        ("items.parquet", "torn", "is damaged"),
        ("summary.json", "torn", "is damaged"),
        ("summary.json", "rows_read", r"is damaged \(rows_read: Field required"),
        ("summary.json", "a word", r"is damaged \(rows_read: Input should be a valid integer"),
        ("matches.parquet", "no column", r"is damaged \(no column 'score'"),
        ("items.parquet", "no column", r"is damaged \(no column 'indexed'"),
        ("matches.parquet", "nan", r"is damaged \(column 'score' holds a number that is not"),
        ("matches.parquet", "null", r"is damaged \(column 'score' has lines without a value"),
        ("matches.parquet", "words", r"is damaged \(column 'score' holds string, not float"),
    ],
)
def test_an_input_that_is_missing_or_damaged_is_named_with_the_remedy(
    tmp_path: Path, name: str, change: str, message: str
) -> None:
    damage(leave(tmp_path, [PLAIN]), name, change)
    with pytest.raises(ValueError, match=f"{name} {message}.*; run the check again"):
        write_review(tmp_path)
    assert not (tmp_path / review.PAGE).exists()


def test_an_outcome_is_read_whole(tmp_path: Path) -> None:
    outcome = read_outcome(leave(tmp_path, hostile()), 100)
    assert isinstance(outcome, Outcome)
    assert list(outcome.matches) == hostile()
    assert outcome.found == len(HOSTILE)
