"""Items by name: which text is the question, which the answer, which stands apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evals.dataset_rows import dataset_rows
from evals.items import EvalItem
from evals.load_items import load_items, named_items
from evals.suite import Benchmark, ItemsFrom
from evals.tulu_sources import AGIEVAL_ENGLISH

Rows = Sequence[Mapping[str, Any]]

pytestmark = pytest.mark.usefixtures("without_the_hub")


def mirror(hub: Path, dataset: str, splits: Mapping[str, Rows], config: str = "default") -> Path:
    """Lay out one configuration of a dataset as the Hub does."""
    files = "\n".join(f"  - split: {s}\n    path: {config}/{s}.parquet" for s in splits)
    folder = hub / dataset
    (folder / config).mkdir(parents=True)
    readme = f"---\nconfigs:\n- config_name: {config}\n  data_files:\n{files}\n---\n# A dataset\n"
    (folder / "README.md").write_text(readme, encoding="utf-8")
    for split, rows in splits.items():
        pq.write_table(pa.Table.from_pylist(list(rows)), folder / config / f"{split}.parquet")
    return hub


GSM8K: Rows = [
    {"question": "How many?", "answer": "1 + 2 = <<1+2=3>>3\n#### 3"},
    {"question": "How much?", "answer": "#### 1,000"},
]


def gsm8k(hub: Path) -> Path:
    return mirror(hub, "openai/gsm8k", {"test": GSM8K}, "main")


def test_gsm8k_is_its_question_and_the_number_after_the_hashes(tmp_path: Path) -> None:
    assert named_items("gsm8k", gsm8k(tmp_path)) == [
        EvalItem("gsm8k", "gsm8k/0", "How many?", "3"),
        EvalItem("gsm8k", "gsm8k/1", "How much?", "1,000"),
    ]


def test_a_task_of_the_same_dataset_reads_the_same_columns(tmp_path: Path) -> None:
    items = named_items("gsm8k_cot", gsm8k(tmp_path))
    assert items[0] == EvalItem("gsm8k_cot", "gsm8k_cot/0", "How many?", "3")


def test_mbpp_by_name_has_every_split_and_in_a_suite_the_scored_one(tmp_path: Path) -> None:
    row = {"text": "Write it.", "code": "pass"}
    splits = {s: [{**row, "task_id": i}] for i, s in enumerate(("train", "test", "validation"))}
    hub = mirror(
        tmp_path, "google-research-datasets/mbpp", {**splits, "prompt": splits["test"]}, "full"
    )
    named = named_items("mbpp", hub)
    assert len(named) == 4
    assert len({i.id for i in named}) == 4
    scored = load_items(Benchmark(name="mbpp", task="mbpp", items=1, skill="code"), hub)
    assert scored == [EvalItem("mbpp", "1", "Write it.", "pass")]


def test_each_turn_of_a_conversation_is_an_item(tmp_path: Path) -> None:
    rows = [{"question_id": 81, "turns": ["Write.", "Now rewrite."]}]
    items = named_items("mt_bench", mirror(tmp_path, "lmsys/mt_bench", {"train": rows}))
    assert [(i.id, i.prompt) for i in items] == [("81/0", "Write."), ("81/1", "Now rewrite.")]


def test_a_subject_of_mmlu_pro_has_its_rows_alone(tmp_path: Path) -> None:
    row = {"question": "Why?", "options": ["A", "B"], "answer_index": 1}
    rows = [
        {**row, "question_id": 7, "category": "law"},
        {**row, "question_id": 8, "category": "computer science"},
    ]
    hub = mirror(tmp_path, "TIGER-Lab/MMLU-Pro", {"test": rows})
    assert named_items("mmlu_pro_computer_science", hub) == [
        EvalItem("mmlu_pro_computer_science", "8", "Why?", "B", options=("A", "B"))
    ]
    assert [i.id for i in named_items("mmlu_pro", hub)] == ["7", "8"]


def test_a_stock_task_that_no_table_knows_is_read_by_its_templates(tmp_path: Path) -> None:
    rows = [
        {
            "id": "Mercury_1",
            "question": "Which is hot?",
            "choices": {"text": ["ice", "fire"], "label": ["A", "B"]},
            "answerKey": "B",
        }
    ]
    hub = mirror(tmp_path, "allenai/ai2_arc", {"test": rows}, "ARC-Easy")
    assert named_items("arc_easy", hub) == [
        EvalItem("arc_easy", "Mercury_1", "Which is hot?", "fire", options=("ice", "fire"))
    ]


def test_option_lines_leave_the_prompt_and_a_letter_becomes_its_option(tmp_path: Path) -> None:
    rows = [{"question": "Which? ", "choices": ["w", "x", "y", "z"], "answer": 2}]
    hub = mirror(tmp_path, "cais/mmlu", {"test": rows}, "abstract_algebra")
    item = EvalItem(
        "mmlu_abstract_algebra",
        "mmlu_abstract_algebra/0",
        "Which?",
        "y",
        options=("w", "x", "y", "z"),
    )
    assert named_items("mmlu_abstract_algebra", hub) == [item]


def test_a_passage_is_apart_from_the_question(tmp_path: Path) -> None:
    rows = [{"passage": "It rains.", "question": "does it rain", "label": 1, "idx": 0}]
    hub = mirror(tmp_path, "aps/super_glue", {"validation": rows}, "boolq")
    assert named_items("boolq", hub) == [
        EvalItem("boolq", "boolq/0", "does it rain?", "yes", "It rains.", ("no", "yes"))
    ]


def test_a_tag_is_each_of_its_tasks(tmp_path: Path) -> None:
    rows = [{"question": "q", "choices": {"text": ["a"], "label": ["A"]}, "answerKey": "A"}]
    splits = {"test": rows}
    mirror(tmp_path, "allenai/ai2_arc", splits, "ARC-Easy")
    folder = tmp_path / "allenai/ai2_arc"
    (folder / "ARC-Challenge").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "ARC-Challenge/test.parquet")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    block = readme.removeprefix("---\nconfigs:\n").partition("---")[0]
    both = f"---\nconfigs:\n{block}{block.replace('ARC-Easy', 'ARC-Challenge')}---\n"
    (folder / "README.md").write_text(both, encoding="utf-8")
    assert {i.benchmark for i in named_items("ai2_arc", tmp_path)} == {"arc_challenge", "arc_easy"}


def test_a_suite_is_all_its_benchmarks(tmp_path: Path) -> None:
    suite = tmp_path / "two.yaml"
    suite.write_text(
        "tier: development\nbenchmarks:\n"
        "  gsm8k: {items: 2, skill: word problems}\n"
        "  mini_gsm: {items: 500, skill: word problems}\n",
        encoding="utf-8",
    )
    items = named_items(str(suite), gsm8k(tmp_path))
    assert [i.benchmark for i in items] == ["gsm8k"] * 2 + ["mini_gsm"] * 500
    assert named_items("mini-dev")[0].benchmark == "mini_gsm"
    assert named_items("mini_gsm") == items[2:]


def test_columns_that_a_suite_names_are_taken_as_they_are(tmp_path: Path) -> None:
    source = ItemsFrom(path="openai/gsm8k", config="main", prompt="question", answer="answer")
    benchmark = Benchmark(name="own", task="own", items=2, skill="x", items_from=source)
    item = load_items(benchmark, gsm8k(tmp_path))[1]
    assert item == EvalItem("own", "own/1", "How much?", "#### 1,000")


def test_ids_that_repeat_are_not_used(tmp_path: Path) -> None:
    rows = [{"id": 1, "prompt": "a"}, {"id": 1, "prompt": "b"}]
    hub = mirror(tmp_path, "Paul/XSTest", {"train": rows})
    assert [i.id for i in named_items("xstest", hub)] == ["xstest/0", "xstest/1"]


def test_json_lines_of_a_mirror_are_read_by_datasets(tmp_path: Path) -> None:
    folder = tmp_path / "org/name"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text('{"a": 1}\n{"a": 2}\n', encoding="utf-8")
    assert list(dataset_rows("org/name", None, "test", tmp_path)) == [{"a": 1}, {"a": 2}]


def test_a_group_in_a_suite_is_one_benchmark_with_the_task_in_its_ids(tmp_path: Path) -> None:
    row = {"query": "Q: Why? Answer Choices: (A)x (B)y\nA: Among A through B, the answer is"}
    for name in AGIEVAL_ENGLISH:
        rows = [{**row, "choices": ["(A)x", "(B)y"], "gold": [1]}]
        mirror(tmp_path, f"hails/agieval-{name}", {"test": rows})
    task = "agieval_english_cot"
    items = load_items(Benchmark(name="agi", task=task, items=8, skill="reasoning"), tmp_path)
    assert items[0] == EvalItem(
        "agi", "agi/agieval_aqua_rat_cot/0", "Why?", "(B)y", options=("(A)x", "(B)y")
    )
    assert len({i.id for i in items}) == 8
