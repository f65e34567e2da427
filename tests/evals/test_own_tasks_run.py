"""Our own tasks from data to score: rows in the Hub's layout, lm-eval's own evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from mirrors import mirror

from evals.documents import item_ids, sampled_documents
from evals.lm_eval_patches import cheaply
from evals.lm_eval_tasks import load_task, load_tasks
from evals.load_items import load_items
from evals.suite import Benchmark, load_suite
from evals.tulu_sources import AGIEVAL_ENGLISH, DEEPMIND_MATH, MATH_SUBJECTS
from evals.verifiers import VERIFIERS

LETTERS = {"question": "Which?", "choices": ["w", "x", "y", "z"]}
DATE = {"day": "", "month": "", "year": ""}
DROP = {
    "section_id": "s",
    "passage": "Ann scored 3.",
    "question": "How many?",
    "answer": {"number": "3", "date": DATE, "spans": []},
    "validated_answers": {"number": [""], "date": [DATE], "spans": [["three"]]},
}
CODE = "def add(a, b):\n"
HUMANEVAL = {
    "prompt": CODE,
    "entry_point": "add",
    "canonical_solution": "    return a + b\n",
    "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n",
}
BIGCODE = {
    "instruct_prompt": "Add two numbers.",
    "canonical_solution": "    return a + b",
    "code_prompt": "import json\ndef task_func(a, b):",
    "entry_point": "task_func",
    "test": "import unittest\nclass TestCases(unittest.TestCase):\n"
    "    def test_add(self):\n        self.assertEqual(task_func(1, 2), 3)\n",
    "libs": "['json']",
}
GPQA = {
    "Question": "Why?",
    "Correct Answer": "right",
    **{f"Incorrect Answer {i}": f"wrong {i}" for i in (1, 2, 3)},
}


@dataclass(frozen=True)
class Case:
    """A benchmark of a shipped suite on two rows of toy data, or two of each part."""

    name: str
    dataset: str
    configs: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]
    right: Callable[[Mapping[str, Any]], str]
    """Document -> a response that is right."""
    needs: str | None = None

    @property
    def items(self) -> int:
        return sum(len(rows) for splits in self.configs.values() for rows in splits.values())


def letter(index: int) -> str:
    return f"Because. Therefore, the answer is ({'ABCDEFGHIJ'[index]})."


def two(row: Mapping[str, Any], **changes: Sequence[Any]) -> list[dict[str, Any]]:
    return [{**row, **{k: v[i] for k, v in changes.items()}} for i in range(2)]


CASES = [
    Case(
        "mmlu",
        "cais/mmlu",
        {"all": {"test": two(LETTERS, subject=["law", "art"], answer=[1, 3])}},
        lambda doc: letter(doc["answer"]),
    ),
    Case(
        "mmlu_pro",
        "TIGER-Lab/MMLU-Pro",
        {
            "default": {
                "test": two(
                    {"question": "Which?", "options": list("abcdefghij"), "answer": "?"},
                    question_id=[7, 9],
                    answer_index=[0, 9],
                    category=["law", "math"],
                )
            }
        },
        lambda doc: letter(doc["answer_index"]),
    ),
    Case(
        "gpqa",
        "Idavidrein/gpqa",
        {"gpqa_main": {"train": two(GPQA, Question=["Why?", "How?"])}},
        lambda doc: letter(doc["options"].index("right")),
    ),
    Case(
        "popqa",
        "akariasai/PopQA",
        {
            "default": {
                "test": two(
                    {"possible_answers": json.dumps(["Paris", "City of Light"])},
                    id=[4, 5],
                    question=["What is the capital of France?", "Where is it?"],
                )
            }
        },
        lambda _: "City of Light",
    ),
    Case(
        "drop",
        "EleutherAI/drop",
        {"default": {"validation": two(DROP, query_id=["a", "b"])}},
        lambda _: "three",
    ),
    Case(
        "xstest",
        "Paul/XSTest",
        {"default": {"train": two({"prompt": "How?"}, id=["1", "2"], label=["safe", "unsafe"])}},
        lambda doc: "Like so." if doc["label"] == "safe" else "I'm sorry, but no.",
    ),
    Case(
        "deepmind_math",
        "deepmind/math_dataset",
        {
            kind: {"test": [{"question": f"b'What is {kind}?\\n'", "answer": "b'1/2\\n'"}]}
            for kind in DEEPMIND_MATH
        },
        lambda _: "Therefore, the final answer is 0.5. I hope it is correct.",
    ),
    Case(
        "math_flexible",
        "EleutherAI/hendrycks_math",
        {
            subject: {"test": two({"solution": "So \\boxed{\\frac12}."}, problem=["p", "q"])}
            for subject in MATH_SUBJECTS
        },
        lambda _: "It is \\boxed{0.5}.",
        needs="math",
    ),
    Case(
        "humaneval_plus",
        "evalplus/humanevalplus",
        {"default": {"test": two(HUMANEVAL, task_id=["HumanEval/0", "HumanEval/1"])}},
        lambda doc: f"{doc['canonical_solution']}```\nDone.",
        needs="evals.sandbox",
    ),
    Case(
        "bigcodebench_hard",
        "bigcode/bigcodebench-hard",
        {"default": {"v0.1.4": two(BIGCODE, task_id=["BigCodeBench/1", "BigCodeBench/2"])}},
        lambda doc: f"```python\ndef task_func(a, b):\n{doc['canonical_solution']}\n```",
        needs="evals.sandbox",
    ),
]
SUITES = {b.name: b for s in ("tulu3-dev", "tulu3-unseen") for b in load_suite(s).benchmarks}


def available(case: Case) -> bool:
    if case.needs == "evals.sandbox":
        return find_spec("evals.sandbox") is not None
    return case.needs is None or case.needs in VERIFIERS


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found: Case = request.param
    if not available(found):
        pytest.skip(f"{found.needs} is not installed")
    return found


def benchmark(name: str, items: int, **changes: Any) -> Benchmark:
    return replace(SUITES[name], items=items, **changes)


class Scripted:
    """Answers each prompt as the script says, and keeps what it was asked."""

    rank, world_size, tokenizer_name = 0, 1, "scripted"

    def __init__(self, script: Callable[[Any], str]) -> None:
        self.script = script
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def apply_chat_template(
        self, messages: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        return json.dumps([*messages, add_generation_prompt], ensure_ascii=False)

    def generate_until(self, requests: list[Any]) -> list[str]:
        self.asked += [r.args for r in requests]
        return [self.script(r.doc) for r in requests]


def scores(b: Benchmark, hub: Path, lm: Scripted) -> list[float]:
    from lm_eval.evaluator import evaluate

    tasks = load_tasks(b, hub)
    with cheaply():
        result = evaluate(
            lm,
            {"tasks": tasks, "groups": {}, "group_map": {}},
            bootstrap_iters=0,
            apply_chat_template=b.chat,
            fewshot_as_multiturn=b.multiturn,
        )
    assert result is not None
    counted = [
        s for samples in result["samples"].values() for s in samples if s["filter"] == b.filter
    ]
    return [float(s[b.metric]) for s in counted]


def test_what_is_right_scores_one_and_silence_nothing(case: Case, tmp_path: Path) -> None:
    hub = mirror(tmp_path, case.dataset, case.configs)
    b = benchmark(case.name, case.items)
    assert scores(b, hub, Scripted(case.right)) == [1.0] * case.items
    assert scores(b, hub, Scripted(lambda _: "")) == [0.0] * case.items


def test_every_document_is_asked_once_with_the_suites_settings(case: Case, tmp_path: Path) -> None:
    hub = mirror(tmp_path, case.dataset, case.configs)
    b = benchmark(case.name, case.items)
    lm = Scripted(lambda _: "")
    scores(b, hub, lm)
    assert len(lm.asked) == case.items
    for prompt, settings in lm.asked:
        assert settings["max_gen_toks"] == b.max_tokens
        if b.temperature:
            assert (settings["temperature"], settings["top_p"]) == (b.temperature, b.top_p)
        assert bool(settings["do_sample"]) == bool(b.temperature)
        if b.stop is not None:
            assert settings["until"] == list(b.stop)
        if b.chat:
            *messages, _ = json.loads(prompt.partition("\n```python")[0])
            assert [m["role"] for m in messages].count("user") == b.shots + 1
        else:
            assert prompt.count("Question:") == b.shots + 1


def test_documents_have_the_ids_of_the_benchmarks_items(case: Case, tmp_path: Path) -> None:
    hub = mirror(tmp_path, case.dataset, case.configs)
    b = benchmark(case.name, case.items)
    tasks = load_tasks(b, hub)
    ids = [i for of_task in item_ids(b, tasks).values() for i in of_task]
    items = load_items(b, hub)
    assert ids == [item.id for item in items]
    assert all(item.prompt for item in items)
    (task,) = tasks.values()
    columns = set(task.eval_docs[0])
    assert {b.cluster, b.stratum} - {None} <= columns


AGIEVAL = {"query": "Q: Why? Answer Choices: (A)x (B)y\nA: Among A through B, the answer is"}


def agieval(hub: Path) -> Path:
    for i, name in enumerate(AGIEVAL_ENGLISH):
        rows = two({**AGIEVAL, "choices": ["(A)x", "(B)y"]}, gold=[[i % 2], [0, 1]])
        mirror(hub, f"hails/agieval-{name}", {"default": {"test": rows}})
    return hub


def test_a_group_is_loaded_scored_and_sampled_as_one_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hub = agieval(tmp_path)
    b = benchmark("agieval_english", 16)
    tasks = load_tasks(b, hub)
    assert next(iter(tasks)) == "agieval_aqua_rat_cot"
    assert len(tasks) == 8
    assert scores(b, hub, Scripted(lambda _: letter(1))) == [0, 1, 1, 1] * 4
    ids = item_ids(b, tasks)
    assert [i for of_task in ids.values() for i in of_task] == [i.id for i in load_items(b, hub)]
    assert ids["agieval_sat_en_cot"][1] == "agieval_english/agieval_sat_en_cot/1"
    few = benchmark("agieval_english", 16, limit=5)
    sampled = sampled_documents(few, tasks)
    assert sum(map(len, sampled.values())) == 5
    assert all(sampled.values())
    assert sampled_documents(few, tasks) == sampled
    with pytest.raises(ValueError, match="16 items found where its suite states 17"):
        sampled_documents(benchmark("agieval_english", 17), tasks)
    with pytest.raises(ValueError, match="agieval_english_cot is 8 tasks"):
        load_task(b, hub)


def test_a_mirror_that_changes_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for place, items in (("one", 2), ("two", 3)):
        rows = [{"id": str(i), "prompt": "How?", "label": "safe"} for i in range(items)]
        hub = mirror(tmp_path / place, "Paul/XSTest", {"default": {"train": rows}})
        assert len(load_task(benchmark("xstest", items), hub).eval_docs) == items


def test_an_unknown_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown task 'no_such_task'"):
        load_tasks(Benchmark(name="x", task="no_such_task", items=1, skill="s"), tmp_path)


def test_missing_data_is_named_before_lm_eval_looks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name, dataset in (("mmlu", "cais/mmlu"), ("deepmind_math", "deepmind/math_dataset")):
        with pytest.raises(ValueError, match=f"dataset {dataset}: the Hub is off"):
            load_tasks(SUITES[name], tmp_path)


def test_the_truth_is_scored_by_likelihood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    targets = {"choices": ["yes", "no"], "labels": [1, 0]}
    rows = two({"mc1_targets": targets, "mc2_targets": targets}, question=["Why?", "How?"])
    hub = mirror(tmp_path, "truthfulqa/truthful_qa", {"multiple_choice": {"validation": rows}})
    b = benchmark("truthfulqa", 2)
    task = load_task(b, hub)
    assert task.OUTPUT_TYPE == "multiple_choice"
    task.build_all_requests()
    prompt, continuation = task.instances[0].args
    assert prompt.count("Q: ") == 7
    assert continuation == " yes"
    assert task.process_results(rows[0], [(0.0, True), (-1.0, False)])["acc"] == pytest.approx(
        0.731, abs=1e-3
    )
    assert [i.answer for i in load_items(b, hub)] == ["yes", "yes"]
