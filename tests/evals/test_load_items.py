"""Items by name: which text is the question, which the answer, and what a wrong request is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evals import stock_tasks
from evals.dataset_rows import dataset_rows
from evals.items import EvalItem
from evals.load_items import load_items, named_items
from evals.suite import Benchmark, ItemsFrom
from evals.tulu_sources import AGIEVAL_ENGLISH

ROOT = Path(__file__).parent.parent.parent
SHARED = Path(os.environ.get("ASSAY_SHARED", "../shared"))
SHARED = SHARED if SHARED.is_absolute() else (ROOT / SHARED).resolve()

Rows = Sequence[Mapping[str, Any]]


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("ASSAY_HUB", raising=False)


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


def test_another_number_of_items_than_the_suite_states_is_refused(tmp_path: Path) -> None:
    benchmark = Benchmark(name="gsm8k", task="gsm8k", items=1319, skill="word problems")
    with pytest.raises(ValueError, match="2 items found where its suite states 1319"):
        load_items(benchmark, gsm8k(tmp_path))


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evals", *arguments], capture_output=True, text=True, cwd=ROOT
    )


def test_the_command_prints_one_json_object_a_line(tmp_path: Path) -> None:
    done = command("items", "gsm8k", "--hub", str(gsm8k(tmp_path)))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout.splitlines()[0]) == {
        "benchmark": "gsm8k",
        "id": "gsm8k/0",
        "prompt": "How many?",
        "answer": "3",
        "passage": None,
        "options": [],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gsm9k"], "error: unknown suite or task 'gsm9k'; did you mean 'gsm8k'"),
        (["gsm8k", "--hub", "/nowhere"], "error: --hub /nowhere is not a folder"),
        (["gsm8k"], "error: dataset openai/gsm8k: the Hub is off"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(arguments: list[str], message: str) -> None:
    done = command("items", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_has_enough_is_no_error() -> None:
    items = subprocess.Popen(
        [sys.executable, "-m", "evals", "items", "mini-dev"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert items.stdout
    assert items.stderr
    items.stdout.readline()
    items.stdout.close()
    assert items.stderr.read() == b""
    assert items.wait() == 0
    items.stderr.close()


realdata = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"no folder {SHARED}; set ASSAY_SHARED to the real benchmarks"
)

ITEMS = {
    "gsm8k": 1319,
    "ifeval": 541,
    "ifbench": 300,
    "humaneval": 164,
    "mbpp": 974,
    "bbh": 6511,
    "mgsm": 2750,
    "mmlu_pro": 12032,
    "xstest": 450,
    "mt_bench": 160,
    "bbh_cot_fewshot": 6511,
    "bbh_zeroshot_date_understanding": 250,
    "mgsm_direct": 2750,
    "mgsm_direct_te": 250,
    "mmlu_pro_law": 1101,
    "mbpp_instruct": 500,
}


@realdata
@pytest.mark.realdata
@pytest.mark.parametrize("name", ITEMS)
def test_each_benchmark_of_the_mirror_has_all_its_items(name: str) -> None:
    items = named_items(name, SHARED / "hub")
    assert len(items) == ITEMS[name]
    assert len({(i.benchmark, i.id) for i in items}) == len(items)
    assert all(i.prompt.strip() for i in items)
    assert "Options:" not in "".join(i.prompt for i in items if i.options)


def item(name: str, key: str) -> EvalItem:
    return next(i for i in named_items(name, SHARED / "hub") if i.id == key)


@realdata
@pytest.mark.realdata
def test_real_items_have_their_parts_apart() -> None:
    date = item("bbh", "bbh/date_understanding/3")
    assert date.prompt.endswith("What is the date one week ago from today in MM/DD/YYYY?")
    assert (date.answer, date.options[-1]) == ("07/01/1972", "08/12/1972")
    fallacy = item("bbh", "bbh/formal_fallacies/3")
    assert (fallacy.answer, fallacy.options) == ("valid", ("valid", "invalid"))
    assert item("bbh", "bbh/boolean_expressions/3") == EvalItem(
        "bbh", "bbh/boolean_expressions/3", "False or not ( True ) and False is", "False"
    )
    ethics = item("mmlu_pro", "73")
    assert (ethics.answer, len(ethics.options)) == ("Postmodern ethics", 10)
    code = item("humaneval", "HumanEval/12")
    assert code.prompt.startswith("from typing import List, Optional")
    assert code.answer is not None
    assert "return None" in code.answer
    assert item("mgsm", "mgsm/en/1").answer == item("gsm8k", "gsm8k/1").answer == "3"
    assert item("mgsm", "mgsm/en/1").prompt == item("gsm8k", "gsm8k/1").prompt
    assert item("mt_bench", "82/1").prompt.startswith("Take a moment to evaluate")
    assert item("ifeval", "1001").answer is None


@realdata
@pytest.mark.realdata
def test_the_mirror_is_read_without_torch_datasets_or_lm_eval() -> None:
    code = f"""
import sys
from pathlib import Path
from evals.load_items import named_items
for name in ("bbh", "mgsm_direct", "mmlu_pro"):
    named_items(name, Path({str(SHARED)!r}) / "hub")
print(sorted({{"torch", "datasets", "lm_eval", "transformers", "pandas"}} & set(sys.modules)))
"""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert found.stdout.strip() == "[]"
