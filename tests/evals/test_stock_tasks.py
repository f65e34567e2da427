"""lm-eval's task files, read without lm-eval and without running their code."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evals.question import Question, question_in
from evals.read_items import read_items
from evals.stock_items import stock_source
from evals.stock_tasks import Function, stock_settings, stock_tasks, task_file


def test_a_task_is_itself_with_its_includes_merged() -> None:
    (name, settings), *others = stock_tasks("bbh_zeroshot_date_understanding").items()
    assert not others
    assert name == "bbh_zeroshot_date_understanding"
    assert settings["dataset_path"] == "SaylorTwift/bbh"
    assert settings == stock_settings(task_file(name))


def test_a_group_is_the_tasks_it_lists_down_to_the_last_group() -> None:
    assert len(stock_tasks("bbh")) == len(stock_tasks("bbh_cot_fewshot")) == 27
    assert len(stock_tasks("mmlu")) == 57
    assert {"arc_challenge", "gsm8k", "mmlu_anatomy"} <= set(stock_tasks("openllm"))


def test_a_tag_is_found_in_every_folder_that_declares_or_includes_it() -> None:
    assert {"gsm8k_cot", "gsm8k_platinum_cot", "gsm8k_llama"} <= set(
        stock_tasks("chain_of_thought")
    )


def test_an_unknown_name_is_no_task() -> None:
    assert stock_tasks("no_such_task") == stock_tasks("") == {}


def test_a_group_is_no_task_file() -> None:
    with pytest.raises(ValueError, match="unknown task 'bbh'"):
        task_file("bbh")


def test_a_task_that_a_group_names_in_vain_is_told() -> None:
    with pytest.raises(ValueError, match="group scrolls: its task 'scrolls_contractnli' is not"):
        stock_tasks("scrolls")


def test_code_is_a_name(tmp_path: Path) -> None:
    file = tmp_path / "task.yaml"
    file.write_text("task: t\ndoc_to_text: !function code.run\n", encoding="utf-8")
    assert stock_settings(file) == {"task": "t", "doc_to_text": "code.run"}
    assert isinstance(stock_settings(file)["doc_to_text"], Function)


@pytest.mark.parametrize("text", ["- a", "a: [", "a: !!python/object/apply:os.getcwd []"])
def test_a_file_that_is_no_task_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "task.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"task file .*task\.yaml"):
        stock_settings(file)


@pytest.mark.parametrize(
    ("template", "question"),
    [
        ("{{prompt}}", Question("{{prompt}}")),
        ("prompt", Question("prompt")),
        ("Q: {{input}}\nA:", Question("{{input}}")),
        ("Question: {{question}}?\nAnswer:", Question("{{question}}?")),
        ("The capital of {{land}} is", Question("The capital of {{land}} is")),
        ("Do this: {{text}} With these tests:\n", Question("{{text}}")),
        ("{{q}}\nA. {{a}}\nB. {{b}}\nAnswer:", Question("{{q}}", None, ("{{a}}", "{{b}}"))),
        ("{{q}}\n(A) {{c[0]}}\n(B) {{c[1]}}", Question("{{q}}", None, ("{{c[0]}}", "{{c[1]}}"))),
        ("Text: {{passage.strip()}}\n{{q}}", Question("{{q}}", "{{passage.strip()}}")),
        ("Summarise:\n{{article}}\nSummary:", Question("{{article}}")),
    ],
)
def test_a_template_gives_the_question_without_its_frame(template: str, question: Question) -> None:
    assert question_in(template) == question


@pytest.mark.parametrize("template", ["{% if x %}{{q}}{% endif %}", "{{\nq\n}}"])
def test_a_template_whose_frame_cannot_be_told_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="cannot be told apart"):
        question_in(template)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ q.__class__.__mro__ }}", "doc_to_text cannot be rendered: .*unsafe"),
        ("{{ q", "doc_to_text: question and frame cannot be told apart"),
        ("{{ q | no_filter }}", "doc_to_text is no template: No filter named 'no_filter'"),
        ("{{ q[5].a }}", "doc_to_text cannot be rendered"),
    ],
)
def test_templates_run_in_a_sandbox(tmp_path: Path, template: str, message: str) -> None:
    folder = tmp_path / "org/name"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"q": ["why"]}), folder / "test.parquet")
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files:\n"
        "  - split: test\n    path: test.parquet\n---\n",
        encoding="utf-8",
    )
    settings = {"dataset_path": "org/name", "test_split": "test", "doc_to_text": template}
    with pytest.raises(ValueError, match=f"task t: {message}"):
        read_items("t", stock_source("t", settings), tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"dataset_path": "org/name"},
        {"dataset_path": "json", "test_split": "t", "dataset_kwargs": {"data_files": "x"}},
    ],
)
def test_data_that_is_no_split_of_a_hub_dataset_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="task t: its data is no split of a plain Hub dataset"):
        stock_source("t", {"doc_to_text": "{{q}}", **settings})
