"""BigCodeBench-Hard (Zhuo et al. 2024, arXiv:2406.15877), from instructions: tests in the sandbox.

The instruction is that of the benchmark's own generator (Apache-2.0).
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

Doc = Mapping[str, Any]

INSTRUCTION = (
    "Please provide a self-contained Python script that solves the following problem in a "
    "markdown code block:"
)
BLOCK = re.compile(r"```[ \t]*(?:python|py|Python)?[^\n]*\n(.*?)(?:```|\Z)", re.DOTALL)
RUNNER = """
import unittest as _unittest
_result = _unittest.TestResult()
_unittest.defaultTestLoader.loadTestsFromTestCase(TestCases).run(_result)
if not _result.testsRun or not _result.wasSuccessful():
    raise AssertionError(f"{len(_result.failures + _result.errors)} of {_result.testsRun} fail")
"""
SECONDS = 240
"""Time limit of a problem, as the benchmark sets it."""
MEMORY = 30 << 30
"""Address space of a problem, as the benchmark sets it."""


def runnable(dataset: Dataset) -> Dataset:
    """The problems, where every library that their tests import is installed.

    Raises:
        ValueError: libraries are missing: their problems would count as failed.
    """
    missing = absent(library for row in dataset["libs"] for library in libraries(row))
    if missing:
        raise ValueError(
            f"bigcodebench_hard: its tests import {', '.join(missing)}, not installed here; "
            f"install them (BigCodeBench's Requirements/requirements-eval.txt)"
        )
    return dataset


def libraries(row: str) -> list[str]:
    """The modules that a problem imports; the dataset holds them as the text of a list."""
    return [str(name) for name in ast.literal_eval(row)]


def absent(modules: Iterable[str]) -> list[str]:
    """The modules that cannot be imported, in order."""
    return sorted({m for m in modules if importlib.util.find_spec(m.partition(".")[0]) is None})


def prompt(doc: Doc) -> str:
    """The instruction and the problem."""
    return f"{INSTRUCTION}\n{doc['instruct_prompt'].strip()}\n"


def solution(response: str, entry_point: str) -> str:
    """The code of a response: its first block that defines the function asked for, else its
    longest block, else all of it.
    """
    blocks = BLOCK.findall(response)
    defines = re.compile(rf"^[ \t]*(?:async )?def {re.escape(entry_point)}\b", re.MULTILINE)
    named = next((block for block in blocks if defines.search(block)), None)
    return named if named is not None else max(blocks, key=len, default=response)


def program(doc: Doc, response: str) -> str:
    """What is run: the problem's own imports and stub ("calibrated"), the code, the tests."""
    code = solution(response, doc["entry_point"])
    return f"{doc['code_prompt']}\n    pass\n{code}\n{doc['test']}\n{RUNNER}"


def score(doc: Doc, results: Sequence[str]) -> dict[str, float]:
    """Whether every test passes in the sandbox."""
    sandbox = importlib.import_module("evals.sandbox")
    limits = sandbox.Limits(wall_seconds=SECONDS, cpu_seconds=SECONDS, memory_bytes=MEMORY)
    outcome = sandbox.run_python(program(doc, results[0]), limits=limits)
    return {"pass@1": float(outcome.status == "passed")}
