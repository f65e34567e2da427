"""The report accounts for every row and every item."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from scipy.stats import binomtest

import decontam
import decontam.rows.batch
from decontam.report.overlap import wilson
from evals.mini import problems

Row = dict[str, object]

ITEMS = [
    {"benchmark": "gsm", "id": str(i), "prompt": p.prompt}
    for i, p in enumerate(problems("mini_gsm"))
]
ITEMS += [
    {"benchmark": "empty", "id": "1", "prompt": " "},
    {"benchmark": "empty", "id": "2", "prompt": "Yes?"},
]
LEAKS = {i: f"A note about item {i}: {ITEMS[i]['prompt']}" for i in range(0, 60, 5)}
ROWS: list[Row] = [{"id": i, "text": LEAKS.get(i, f"Note {i}.")} for i in range(60)]


def test_the_summary_counts_rows_items_and_benchmarks() -> None:
    summary = decontam.check(ROWS, ITEMS).summary()
    benchmarks = summary.pop("benchmarks")
    assert isinstance(summary.pop("seconds"), float)
    assert summary == {
        "policy": "default", "mode": "user", "rows_read": 60, "rows_flagged": 12,
        "rows_unreadable": 0, "items_total": 502, "items_indexed": 500, "items_matched": 12,
        "template_variants": 0, "matches": 12,
        "bytes_read": sum(len(str(r["text"]).encode()) for r in ROWS),
        "turns_unscanned": 0, "bytes_unscanned": 0, "fields_unscanned": [],
    }  # fmt: skip
    assert isinstance(benchmarks, dict)
    assert benchmarks["gsm"]["verdict"] == "contaminated"
    assert benchmarks["gsm"]["rate"] == 12 / 500
    assert benchmarks["empty"] == {
        "benchmark": "empty", "items": 2, "indexed": 0, "matched": 0,
        "rate": None, "interval": None, "verdict": "unchecked",
    }  # fmt: skip


def test_an_item_that_cannot_be_found_says_why() -> None:
    report = decontam.check(ROWS, ITEMS)
    assert [(i.indexed, i.reason, i.score) for i in report.accounts[-2:]] == [
        (False, "empty prompt", None),
        (False, "prompt of 1 tokens; at least 2 are needed", None),
    ]
    assert [(i.rows, i.score) for i in report.accounts[:2]] == [(1, 1.0), (0, 0.0)]


def test_exactly_two_percent_of_a_benchmark_is_not_contaminated() -> None:
    report = decontam.check([{"text": p["prompt"]} for p in ITEMS[:10]], ITEMS)
    gsm = report.benchmarks[0]
    assert (gsm.matched, gsm.verdict) == (10, "traces")


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (10, 10), (27, 1319)])
def test_the_interval_is_wilsons(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    assert wilson(successes, trials) == pytest.approx((expected.low, expected.high))


def test_cleaning_keeps_the_other_rows_in_order() -> None:
    report = decontam.check(iter(ROWS), iter(ITEMS))
    assert report.flagged == tuple(range(0, 60, 5))
    assert report.clean(ROWS) == [r for i, r in enumerate(ROWS) if i % 5]


def test_rows_are_cleaned_by_the_fields_that_were_checked() -> None:
    rows = [{"body": r["text"]} for r in ROWS]
    report = decontam.check(rows, ITEMS, fields=["body"])
    assert report.clean(rows) == [r for i, r in enumerate(rows) if i % 5]


def test_a_report_of_files_cleans_no_rows(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(r) + "\n" for r in ROWS))
    with pytest.raises(ValueError, match="files were checked, not rows; clean them with python -m"):
        decontam.check(tmp_path, ITEMS).clean(ROWS)


def test_rows_that_were_not_scanned_are_never_called_clean() -> None:
    report = decontam.check(ROWS, ITEMS)
    for wrong in (ROWS[:-1], [*ROWS, ROWS[0]], ROWS[::-1], [{"text": "x"}, *ROWS[1:]]):
        with pytest.raises(ValueError, match=r"is not the row that was checked|rows given"):
            report.clean(wrong)


def test_the_tables_are_the_same_bytes_for_any_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for policy in decontam.PRESETS:
        for batch in (1, 97, 10**6):
            monkeypatch.setattr(decontam.rows.batch, "BATCH", batch)
            decontam.check(ROWS, ITEMS, policy).write(tmp_path / f"{policy}-{batch}")
        for name in ("matches.parquet", "items.parquet"):
            files = [(tmp_path / f"{policy}-{b}" / name).read_bytes() for b in (1, 97, 10**6)]
            assert files[0] == files[1] == files[2]


def test_the_written_tables_hold_the_report(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    report = decontam.check(ROWS, ITEMS)
    report.write(tmp_path / "out")
    matches = pq.read_table(tmp_path / "out" / "matches.parquet").to_pylist()
    assert [(m["row"], m["item"], m["label"]) for m in matches] == [
        (m.row, m.item, m.label) for m in report.evidence()
    ]
    assert len(pq.read_table(tmp_path / "out" / "items.parquet")) == len(ITEMS)
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == report.summary()


def test_a_report_without_matches_has_typed_tables(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    decontam.check([{"text": "nothing here"}], ITEMS).write(tmp_path)
    table = pq.read_table(tmp_path / "matches.parquet")
    assert len(table) == 0
    assert str(table.schema.field("train_start").type) == "int64"
    assert str(table.schema.field("weighted").type) == "double"


def test_importing_the_package_loads_neither_pandas_nor_pyarrow() -> None:
    code = "import sys, decontam; print(sorted({'pandas', 'pyarrow', 'scipy'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
