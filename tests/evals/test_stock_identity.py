"""Stock tasks through our loader and through bare lm-eval: the same requests, the same scores.

Bare lm-eval is pointed at the mirror by `dataset_path` alone. Where the mirror has less than the
Hub (no split for shots in MGSM and MMLU-Pro, no null column `answer` in MGSM), bare lm-eval is
given the same substitute, without which it cannot load the task, or drops a word of the prompt.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from evals.documents import item_ids, sampled_documents
from evals.engines import Generation, Request
from evals.lm_eval_patches import cheaply
from evals.lm_eval_tasks import load_tasks
from evals.load_items import load_items
from evals.null_columns import with_mgsm_answer
from evals.offline_tasks import offline
from evals.run import run
from evals.stock_tasks import stock_settings, task_file
from evals.suite import Benchmark

ROOT = Path(__file__).parent.parent.parent
SHARED = Path(os.environ.get("ASSAY_SHARED", "../shared"))
SHARED = SHARED if SHARED.is_absolute() else (ROOT / SHARED).resolve()
HUB = SHARED / "hub"

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(
        not SHARED.is_dir(), reason=f"no folder {SHARED}; set ASSAY_SHARED to the real benchmarks"
    ),
]


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("ASSAY_HUB", raising=False)


def benchmark(task: str, items: int, **settings: Any) -> Benchmark:
    return Benchmark(name=task, task=task, items=items, skill="x", **settings)


PLAIN = [
    benchmark("gsm8k", 1319, shots=5, max_tokens=256, filter="flexible-extract"),
    benchmark("gsm8k_cot", 1319, shots=8, max_tokens=256, filter="flexible-extract"),
    benchmark("bbh_cot_fewshot", 6511, shots=3, max_tokens=1024, filter="get-answer"),
    benchmark("mgsm_direct", 2750, max_tokens=256, filter="flexible-extract"),
    benchmark("mgsm_cot_native", 2750, max_tokens=256, filter="flexible-extract"),
    benchmark("mmlu_pro", 12032, max_tokens=2048, filter="custom-extract"),
]
IFEVAL = [benchmark("ifeval", 541, max_tokens=1280, metric="prompt_level_strict_acc")]
CODE = [
    benchmark("humaneval", 164, max_tokens=1024, filter="create_test", metric="pass@1"),
    benchmark("humaneval_instruct", 164, max_tokens=1024, filter="create_test", metric="pass@1"),
    benchmark("mbpp", 500, shots=3, max_tokens=256, metric="pass_at_1"),
]


def available(package: str, benchmarks: list[Benchmark]) -> list[Any]:
    """The benchmarks, skipped where the package that makes them loadable offline is not there."""
    from importlib.util import find_spec

    missing = find_spec(package) is None
    skip = pytest.mark.skipif(missing, reason=f"{package} is not installed")
    return [pytest.param(b, marks=skip, id=b.name) for b in benchmarks]


SLOW = {"bbh_cot_fewshot", "mmlu_pro"}
CASES = [
    *(
        pytest.param(b, id=b.name, marks=[pytest.mark.slow] if b.name in SLOW else [])
        for b in PLAIN
    ),
    *available("evals.ifeval", IFEVAL),
    *available("evals.sandbox", CODE),
]


@functools.cache
def ours(b: Benchmark) -> dict[str, Any]:
    return load_tasks(b, HUB)


@functools.cache
def bare(b: Benchmark) -> dict[str, Any]:
    """The same tasks from lm-eval's own manager over lm-eval's own folder."""
    from lm_eval.tasks import TaskManager

    names = list(ours(b))
    manager = TaskManager(
        include_defaults=False, include_path=sorted({str(task_file(n).parent) for n in names})
    )
    found = {}
    for name in names:
        stock = stock_settings(task_file(name))
        changes: dict[str, Any] = {"task": name, "dataset_path": str(HUB / stock["dataset_path"])}
        changes["generation_kwargs"] = {
            **stock["generation_kwargs"],
            "max_gen_toks": b.max_tokens,
        }
        changes["num_fewshot"] = b.shots
        if name.startswith("mgsm"):
            changes |= {"training_split": None, "process_docs": with_mgsm_answer}
        if name.startswith("mmlu_pro"):
            changes |= {"fewshot_split": None, "fewshot_config": None}
        entry = manager.task_index[name]
        # Its own metric would be fetched; the sandbox's verdicts are compared with it elsewhere.
        with offline(stock):
            found[name] = manager._factory.build(
                entry, overrides=changes, registry=dict(manager.task_index)
            )
        found[name].set_fewshot_seed(1234)
    return found


def chat(messages: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
    turns = "".join(f"<{m['role']}>{m['content']}" for m in messages)
    return turns + ("<assistant>" if add_generation_prompt else "")


def instances(tasks: Mapping[str, Any], as_chat: bool) -> Iterator[tuple[str, Any, Any]]:
    """Task, its name, and each of its requests; shots are drawn from the seed again."""
    for name, task in tasks.items():
        task.set_fewshot_seed(1234)
        task.build_all_requests(
            apply_chat_template=as_chat,
            fewshot_as_multiturn=as_chat,
            chat_template=chat if as_chat else None,
        )
        yield from ((name, task, instance) for instance in task.instances)


def requests(tasks: Mapping[str, Any], as_chat: bool) -> list[tuple[Any, ...]]:
    return [
        (name, instance.doc_id, instance.request_type, *instance.args)
        for name, _, instance in instances(tasks, as_chat)
    ]


@pytest.mark.parametrize("b", CASES)
@pytest.mark.parametrize("as_chat", [False, True], ids=["plain", "chat"])
def test_requests_are_those_of_bare_lm_eval_on_every_item(b: Benchmark, as_chat: bool) -> None:
    with cheaply():
        found = requests(ours(b), as_chat)
        wanted = requests(bare(b), as_chat)
    assert len(found) == b.items
    assert found == wanted


@pytest.mark.parametrize("b", CASES)
def test_ids_are_those_of_the_items_in_their_order(b: Benchmark) -> None:
    ids = [i for of_task in item_ids(b, ours(b)).values() for i in of_task]
    assert len(set(ids)) == b.items
    items = [i.id for i in load_items(b, HUB)]
    # The tasks of MMLU-Pro stand by subject, its items in the dataset's order.
    assert ids == items or (b.name == "mmlu_pro" and sorted(ids) == sorted(items))
    assert sampled_documents(b, ours(b)) == {
        name: list(range(len(task.eval_docs))) for name, task in ours(b).items()
    }


class Parrot:
    """Says the reference, part of it, or nonsense, as the prompt's digest decides."""

    rank, world_size = 0, 1
    tokenizer_name = "parrot"

    def __init__(self, references: Mapping[str, str]) -> None:
        self.references = references

    def apply_chat_template(
        self, messages: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        return chat(messages, add_generation_prompt)

    def generate_until(self, instances: list[Any]) -> list[str]:
        return [self.say(instance.args[0]) for instance in instances]

    def say(self, prompt: str) -> str:
        reference = self.references[prompt]
        forms = (
            reference,
            f"Some steps, 12 of them. So the answer is {reference}.",
            f"The answer is {reference}",
            f"#### {reference}",
            f" {reference}\n\nQ: more",
            "17",
            "the answer is (A).",
            "",
        )
        return forms[hashlib.sha256(prompt.encode()).digest()[0] % len(forms)]


def samples(tasks: Mapping[str, Any], as_chat: bool, references: Mapping[str, str]) -> list[Any]:
    from lm_eval.evaluator import evaluate

    for task in tasks.values():
        task.set_fewshot_seed(1234)
    with cheaply():
        result = evaluate(
            Parrot(references),
            {"tasks": dict(tasks), "groups": {}, "group_map": {}},
            bootstrap_iters=0,
            log_samples=True,
            apply_chat_template=as_chat,
            fewshot_as_multiturn=as_chat,
            confirm_run_unsafe_code=True,
        )
    assert result is not None
    return sorted(result["samples"].items())


def reference_texts(tasks: Mapping[str, Any], as_chat: bool) -> dict[str, str]:
    return {
        instance.args[0]: reference(task, instance.doc)
        for _, task, instance in instances(tasks, as_chat)
    }


def reference(task: Any, doc: Mapping[str, Any]) -> str:
    """What would be right; the target of a task that runs code is its tests."""
    solution = doc.get("canonical_solution") or doc.get("code")
    return str(solution or task.doc_to_target(doc))


class ParrotEngine:
    """The parrot behind our own protocol."""

    identity: ClassVar = {"engine": "parrot"}
    tokenizer_name = "parrot"

    def __init__(self, references: Mapping[str, str]) -> None:
        self.parrot = Parrot(references)

    def chat(self, messages: Any, *, add_generation_prompt: bool) -> str:
        return chat(messages, add_generation_prompt)

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Generation]]:
        for index, request in enumerate(requests):
            yield index, Generation(self.parrot.say(request.prompt), "stop", 1)

    def loglikelihood(self, pairs: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize("b", CASES)
def test_responses_and_scores_are_those_of_bare_lm_eval_on_every_item(b: Benchmark) -> None:
    as_chat = b.name != "gsm8k"
    with cheaply():
        references = reference_texts(bare(b), as_chat)
    wanted = dict(samples(bare(b), as_chat, references))
    ids = item_ids(b, bare(b))
    expected = {
        (ids[task][s["doc_id"]], s["filter"]): (
            s["arguments"][0][0], s["resps"][0][0], s["doc_hash"], float(s[b.metric]))
        for task, of_task in wanted.items()
        for s in of_task
    }  # fmt: skip
    rows = run(ParrotEngine(references), [replace(b, chat=as_chat)], hub=HUB).runs[b.name].scores
    found = {(r.item, r.filter): (r.prompt, r.response, r.document_digest, r.score) for r in rows}
    assert len({item for item, _ in found}) == b.items
    assert 0 < sum(r.score for r in rows if r.filter == b.filter) < b.items
    assert found == expected
