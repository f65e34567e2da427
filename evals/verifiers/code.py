"""Code: right if the tests run to their end after it, in the sandbox."""

from __future__ import annotations

import ast
import functools
import json
import warnings
from dataclasses import asdict, dataclass, fields

from evals.sandbox import Limits, run_python
from evals.verifiers.code_text import program_of
from evals.verifiers.verdict import Verdict

_LIMITS = Limits()
_LIMITS_WITH_PACKAGES = Limits(
    wall_seconds=60.0, cpu_seconds=30, memory_bytes=8 << 30, open_files=256
)

# What a solution did to `unittest` does not reach the copy that judges it.
_FRESH_UNITTEST = """\
import sys
for name in [name for name in sys.modules if name.partition(".")[0] == "unittest"]:
    del sys.modules[name]
"""
_RUN_CASES = """
import unittest
_found = [c for c in list(globals().values())
          if isinstance(c, type) and issubclass(c, unittest.TestCase)]
_result = unittest.TestResult()
unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromTestCase, _found)).run(_result)
_wrong = [f"{case.id()}: {line}"
          for case, text in _result.failures + _result.errors
          for line in [l for l in text.splitlines() if l[:1].strip()][1:2]]
if not _result.wasSuccessful() or not _result.testsRun:
    raise AssertionError("; ".join(_wrong) or "no test was run")
"""


@dataclass(frozen=True, slots=True)
class CodeReference:
    """How a program is judged."""

    tests: str
    """Python that raises if the program is wrong: assertions, or `unittest` cases."""
    entry_point: str | None = None
    """The name that the tests call."""
    prompt: str = ""
    """Code that the response may continue."""
    unittest: bool = False
    """Whether the tests are `unittest.TestCase` classes that have yet to be run."""
    packages: bool = False
    """Whether third-party packages may be imported."""

    def to_json(self) -> str:
        """The text that the verifier takes as its reference."""
        return json.dumps(asdict(self), ensure_ascii=False)


def code(response: str, reference: str) -> Verdict:
    """Run the response's program, then the tests.

    Args:
        response: The model's text: code, fenced code within prose, or a continuation of the
            reference's prompt.
        reference: A `CodeReference` as JSON.

    Raises:
        ValueError: the reference is malformed; the machine cannot confine a program.
    """
    wanted = _reference(reference)
    program = program_of(response, entry_point=wanted.entry_point, prompt=wanted.prompt)
    if program is None:
        return Verdict(False, None, "no code found")
    tests = _FRESH_UNITTEST + wanted.tests + _RUN_CASES if wanted.unittest else wanted.tests
    limits = _LIMITS_WITH_PACKAGES if wanted.packages else _LIMITS
    outcome = run_python(program, tests=tests, limits=limits, packages=wanted.packages)
    return Verdict(outcome.passed, program, f"{outcome.status}: {outcome.detail}")


@functools.lru_cache(maxsize=4096)
def _reference(text: str) -> CodeReference:
    try:
        body = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"code reference is not JSON: {error}: {text[:60]!r}") from error
    kinds = {"tests": str, "entry_point": str | None, "prompt": str, "unittest": bool,
             "packages": bool}  # fmt: skip
    if not isinstance(body, dict) or "tests" not in body:
        raise ValueError(f"code reference is a mapping with a key 'tests', not {text[:60]!r}")
    for key, value in body.items():
        if key not in kinds:
            known = ", ".join(f.name for f in fields(CodeReference))
            raise ValueError(f"code reference: unknown key {key!r}; known: {known}")
        if not isinstance(value, kinds[key]):
            raise ValueError(f"code reference: {key} is {value!r}; it must be of type {kinds[key]}")
    _require_python(body["tests"])
    return CodeReference(**body)


def _require_python(tests: str) -> None:
    if not tests.strip():
        raise ValueError("code reference: its tests are empty, so anything would pass")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(tests)
    except SyntaxError as error:
        raise ValueError(f"code reference: its tests are not Python: {error}") from error
