"""Items that cannot be had: the name, the folder or the column that is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_load_items import GSM8K, Rows, gsm8k, mirror

from evals import stock_tasks
from evals.load_items import load_items, named_items
from evals.suite import Benchmark

pytestmark = pytest.mark.usefixtures("without_the_hub")


def refused(what: str, hub: Path | None = None) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        named_items(what, hub)
    return str(caught.value)


def test_an_unknown_name_is_told_its_neighbours(tmp_path: Path) -> None:
    assert refused("gsm9k").startswith("unknown suite or task 'gsm9k'; did you mean 'gsm8k'")
    assert "'mini-dev'" in refused("mini-dve")
    assert "'arc_easy'" in refused("arc_eazy")
    assert ", bbh, " in refused("qqqq")
    assert ", gsm8k, " in refused("qqqq")
    assert refused(str(tmp_path / "no.yaml")) == f"suite file {tmp_path}/no.yaml does not exist"


def test_names_work_where_lm_eval_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock_tasks, "_stock", lambda: None)
    assert len(named_items("gsm8k", gsm8k(tmp_path))) == 2
    assert "unknown suite or task 'arc_easy'" in refused("arc_easy")


def test_missing_data_names_the_folder_that_was_looked_in(tmp_path: Path) -> None:
    assert refused("gsm8k", tmp_path) == (
        f"dataset openai/gsm8k: the Hub is off (HF_HUB_OFFLINE=1) and "
        f"{tmp_path}/openai/gsm8k does not exist"
    )
    assert "no mirror is given (--hub DIR)" in refused("gsm8k")
    gsm8k(tmp_path)
    (tmp_path / "openai/gsm8k/main/test.parquet").write_bytes(b"PAR1")
    assert "main/test.parquet cannot be read as parquet" in refused("gsm8k", tmp_path)
    (tmp_path / "openai/gsm8k/main/test.parquet").unlink()
    assert refused("gsm8k", tmp_path).endswith("openai/gsm8k/main/test.parquet does not exist")


@pytest.mark.parametrize(
    ("config", "split", "rows", "message"),
    [
        ("socratic", "test", GSM8K, "no configuration 'main'; it has socratic"),
        ("main", "train", GSM8K, "no split 'test'; it has train"),
        ("main", "test", [{"query": "q", "answer": "a"}], "no column 'question'; it has query, "),
        ("main", "test", [], "no rows"),
        ("main", "test", [{"question": None, "answer": "1"}], "item gsm8k/0 has no prompt"),
    ],
)
def test_data_of_another_shape_is_refused_by_what_it_lacks(
    tmp_path: Path, config: str, split: str, rows: Rows, message: str
) -> None:
    assert message in refused("gsm8k", mirror(tmp_path, "openai/gsm8k", {split: rows}, config))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("winogrande", "doc_to_text is Python code (preprocess_winogrande.doc_to_text)"),
        ("hellaswag", "process_docs is Python code (utils.process_docs)"),
        ("squadv2", "task squadv2 is Python code"),
        ("blimp_adjunct_island", "doc_to_text holds no question"),
    ],
)
def test_a_task_that_needs_its_own_code_is_refused_with_the_remedy(task: str, message: str) -> None:
    told = refused(task)
    assert task in told
    assert message in told
    assert told.endswith("pass a file of items instead")


def test_a_template_that_misses_a_column_names_it(tmp_path: Path) -> None:
    hub = mirror(tmp_path, "allenai/ai2_arc", {"test": [{"query": "?"}]}, "ARC-Easy")
    assert refused("arc_easy", hub) == (
        "task arc_easy: doc_to_text cannot be rendered: 'question' is undefined; the row has query"
    )


def test_another_number_of_items_than_the_suite_states_is_refused(tmp_path: Path) -> None:
    benchmark = Benchmark(name="gsm8k", task="gsm8k", items=1319, skill="word problems")
    with pytest.raises(ValueError, match="2 items found where its suite states 1319"):
        load_items(benchmark, gsm8k(tmp_path))
