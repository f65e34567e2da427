"""Our `code_eval` says what the definition says, and stock tasks get it without a network."""

from __future__ import annotations

import ast
import math
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unconfined import verdicts

from evals.sandbox.code_eval import CodeEval, _pass_at_k
from evals.sandbox.offline import confined, prepare

SHARED = Path(os.environ.get("ASSAY_SHARED", "../shared"))
HUMANEVAL = "openai/openai_humaneval"
MBPP = "google-research-datasets/mbpp"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"no folder {SHARED}; set ASSAY_SHARED to the real benchmarks"
)


def test_the_result_has_the_shape_that_lm_eval_reads() -> None:
    rates, results = CodeEval().compute(
        references=["assert add(2, 3) == 5", "assert f() == 1"],
        predictions=[
            ["def add(a, b): return a * b", "def add(a, b): return a + b"],
            ["def f(): return 1", "def f():\n  while True: pass"],
        ],
        k=[1, 2, 10],
        timeout=1.0,
    )
    assert rates == {"pass@1": 0.5, "pass@2": 1.0}
    assert results[0][1] == (
        1,
        {"task_id": 0, "passed": True, "result": "passed", "completion_id": 1},
    )
    assert results[0][0][1]["result"].startswith("failed: AssertionError")
    assert results[1][1][1]["result"] == "timed out"


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), min_size=1, max_size=6),
       st.integers(1, 30))  # fmt: skip
def test_pass_at_k_is_the_estimator_of_the_metric(counts: list[tuple[int, int]], k: int) -> None:
    import numpy as np

    counts = [(n, min(n, c)) for n, c in counts]
    results: Any = {
        i: [(j, {"passed": j < c}) for j in range(n)] for i, (n, c) in enumerate(counts)
    }
    found = _pass_at_k(results, [k])
    if any(n < k for n, _ in counts):
        assert found == {}
        return
    each = [
        1.0 if n - c < k else 1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1))
        for n, c in counts
    ]
    assert found == {f"pass@{k}": float(np.mean(each))}
    exact = [1 - math.comb(n - c, k) / math.comb(n, k) for n, c in counts]
    assert math.isclose(found[f"pass@{k}"], math.fsum(exact) / len(exact), abs_tol=1e-12)


@pytest.mark.parametrize(
    ("references", "predictions", "message"),
    [
        (["x", "y"], [["z"]], "2 references for 1 lists"),
        ([], [], "no candidate to run"),
        (["x"], [[]], "no candidate to run"),
        (["x"], ["z"], "candidates 0 are one text"),
    ],
)
def test_what_cannot_be_scored_is_an_error(
    references: list[str], predictions: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        CodeEval().compute(references=references, predictions=predictions)


TRICKY = [
    "x = 1",
    "assert True",
    "assert False",
    "raise SystemExit(0)",
    "import os; os._exit(0)",
    "input()",
    "print('å' * 1000)",
    "if __name__ == '__main__':\n    raise ValueError",
    "def f(:",
    "x = 1\n\x00",
    "while True: pass",
    "import asyncio\nasync def f(): return 1\nassert asyncio.run(f()) == 1",
    "class A:\n    def __eq__(self, o): return True\nassert A() == 2",
    "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.fail()",
    "def f(n): return f(n)\nf(1)",
    "import collections, typing, math, re, itertools",
    "from __future__ import annotations\ndef f(x: Undefined): pass",
    "x = '''unclosed",
    "exit()",
    "try:\n    1 / 0\nexcept ZeroDivisionError:\n    pass",
    "def f():\n\treturn 1\nassert f() == 1",
    "  x = 1",
    "\ufeffx = 1",
    "x = 1 \\",
    "global_state = []\ndef f(): global_state.append(1); return len(global_state)\nassert f() == 1",
]


def _ours(programs: Sequence[str], timeout: float = 3.0) -> list[bool]:
    """Verdicts of the metric; a program is split as the metric joins it."""
    _, results = CodeEval().compute(
        references=["" for _ in programs], predictions=[[p] for p in programs], timeout=timeout
    )
    return [results[i][0][1]["passed"] for i in range(len(programs))]


def test_verdicts_are_the_definitions() -> None:
    assert _ours(TRICKY) == verdicts([p + "\n" for p in TRICKY])


@pytest.mark.realdata
@needs_shared
def test_verdicts_on_humaneval_and_its_mutants_are_the_definitions() -> None:
    programs = [
        f"{row['prompt']}{solution}\n{row['test']}\ncheck({row['entry_point']})"
        for row in _rows(HUMANEVAL, None, "test")
        for solution in (row["canonical_solution"], _mutant(row["canonical_solution"], 1))
    ]
    found = _ours(programs)
    assert all(found[::2])
    assert found == verdicts([p + "\n" for p in programs])
    assert found[1::2].count(False) > 20


@pytest.mark.realdata
@needs_shared
def test_verdicts_on_mbpp_and_its_mutants_are_the_definitions() -> None:
    rows = [r for split in ("test", "prompt") for r in _rows(MBPP, "full", split)][::5]
    programs = [
        "\n".join([solution, row["test_setup_code"], *row["test_list"]])
        for row in rows
        for solution in (row["code"], _mutant(row["code"], 2))
    ]
    found = _ours(programs)
    assert all(found[::2])
    assert found == verdicts([p + "\n" for p in programs])
    assert found[1::2].count(False) > 20


def _rows(dataset: str, config: str | None, split: str) -> list[dict[str, Any]]:
    import datasets

    datasets.disable_progress_bars()
    return list(datasets.load_dataset(str(SHARED / "hub" / dataset), config, split=split))


class _Mutator(ast.NodeTransformer):
    """Changes one comparison, number or operator."""

    def __init__(self, target: int) -> None:
        self.seen, self.target = -1, target

    def visit(self, node: ast.AST) -> ast.AST:
        node = self.generic_visit(node)
        if isinstance(node, ast.Compare | ast.BinOp) or (
            isinstance(node, ast.Constant) and type(node.value) is int
        ):
            self.seen += 1
            if self.seen == self.target:
                return _changed(node)
        return node


def _changed(node: ast.Compare | ast.BinOp | ast.Constant) -> ast.AST:
    if isinstance(node, ast.Compare):
        return ast.Compare(node.left, [ast.LtE(), *node.ops[1:]], node.comparators)
    if isinstance(node, ast.BinOp):
        return ast.BinOp(node.left, ast.Sub(), node.right)
    return ast.Constant(node.value + 1)


def _mutant(body: str, seed: int) -> str:
    """A solution with one thing changed; it may still be right.  Bodies stay indented."""
    indented = body[:1].isspace()
    tree = ast.parse("def f():\n" + body if indented else body.replace("\r\n", "\n"))
    counter = _Mutator(-2)
    counter.visit(tree)
    target = random.Random(f"{seed}{body}").randint(0, max(0, counter.seen))
    changed = ast.unparse(ast.fix_missing_locations(_Mutator(target).visit(tree)))
    return changed.split("\n", 1)[1] + "\n" if indented else changed


@pytest.fixture
def without_stock_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith(("lm_eval.tasks.humaneval", "lm_eval.tasks.mbpp")):
            monkeypatch.delitem(sys.modules, name)


@pytest.mark.realdata
@needs_shared
@pytest.mark.parametrize(("task", "metric", "items"), [
    ("humaneval", "pass@1", 164), ("mbpp", "pass_at_1", 500)])  # fmt: skip
def test_stock_tasks_load_and_score_in_the_sandbox(
    task: str, metric: str, items: int, without_stock_modules: None
) -> None:
    import evaluate

    from evals.lm_eval_tasks import load_task
    from evals.suite import Benchmark

    load = evaluate.load
    with prepare():
        loaded = load_task(
            Benchmark(name=task, task=task, items=items, skill="code", max_tokens=512),
            SHARED / "hub",
        )
    assert evaluate.load is load
    assert confined(loaded)
    document = next(iter(loaded.eval_docs))
    right = (
        [document["prompt"] + document["canonical_solution"]]
        if task == "humaneval"
        else document["code"]
    )
    wrong = [document["prompt"] + "    return 0"] if task == "humaneval" else "x = 0"
    assert loaded.process_results(document, [right]) == {metric: 1.0}
    assert loaded.process_results(document, [wrong]) == {metric: 0.0}


def test_other_metrics_are_loaded_as_ever_and_errors_leave_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import evaluate

    asked: list[str] = []
    monkeypatch.setattr(evaluate, "load", asked.append)
    before = evaluate.load
    with prepare():
        assert isinstance(evaluate.load("code_eval"), CodeEval)
        evaluate.load("rouge")
    assert evaluate.load == before
    assert asked == ["rouge"]
    with pytest.raises(ZeroDivisionError), prepare():
        _ = 1 / 0
    assert evaluate.load == before


def test_a_task_whose_metric_is_another_is_not_confined() -> None:
    class Task:
        UNSAFE_CODE = True
        _metric_fn_list: dict[str, Any]

    def metric(names: dict[str, Any]) -> Any:
        made: dict[str, Any] = dict(names)
        exec("def score(): pass", made)
        return made["score"].__call__

    task: Any = Task()
    task._metric_fn_list = {"a": metric({"compute_": CodeEval()})}
    assert confined(task)
    task._metric_fn_list = {"a": metric({"compute_": CodeEval()}), "b": metric({})}
    assert not confined(task)
    task._metric_fn_list = {"a": None}
    assert not confined(task)
    task._metric_fn_list = {}
    assert not confined(task)
    task.UNSAFE_CODE = False
    assert confined(task)
