"""The verifier `code`: what the program in a response is, and whether it is right."""

from __future__ import annotations

import json
import multiprocessing
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from evals.verifiers import verifier
from evals.verifiers.code import CodeReference, code
from evals.verifiers.code_text import fenced_blocks, program_of

PROMPT = '''\
from typing import List


def double(xs: List[int]) -> List[int]:
    """Twice each number.

    >>> double([1, 2])
    [2, 4]
    """
'''
TESTS = "def check(f):\n    assert f([1, 2]) == [2, 4]\n    assert f([]) == []\n\ncheck(double)"
BODY = "    return [2 * x for x in xs]\n"
FUNCTION = "def double(xs):\n    return [2 * x for x in xs]\n"
WRONG = "def double(xs):\n    return [3 * x for x in xs]\n"


def fenced(text: str, language: str = "python") -> str:
    return f"```{language}\n{text}```"


# response, whether it is right with the prompt, whether it is right without
CASES = {
    "a body": (BODY, True, False),
    "a body without indentation": ("return [2 * x for x in xs]", True, False),
    "a body whose first line lacks it": ("ys = [2 * x for x in xs]\n    return ys", True, False),
    "a body with tabs": ("\treturn [2 * x for x in xs]\n", False, False),
    "a body after empty lines": (f"\n\n{BODY}", True, False),
    "a body and prose": (f"{BODY}\nThis doubles each number.", True, False),
    "a body and another function": (f"{BODY}\n\ndef g():\n    return 1\n", True, False),
    "a body and half a function": (f"{BODY}\n\ndef g(", True, False),
    "a body that is cut off": ("    ys = [2 * x for x in", False, False),
    "a wrong body": ("    return xs\n", False, False),
    "a body of one pass": ("    pass", False, False),
    "a fenced body": (fenced(BODY), True, False),
    "a function": (FUNCTION, True, True),
    "a function that uses the prompt's imports": (
        "def double(xs: List[int]) -> List[int]:\n" + BODY, True, False),
    "a function with Windows' line ends": (FUNCTION.replace("\n", "\r\n"), True, True),
    "a function in a fence": (fenced(FUNCTION), True, True),
    "a fence without a language": (fenced(FUNCTION, ""), True, True),
    "a fence in capitals": (fenced(FUNCTION, "Python"), True, True),
    "a fence of py": (fenced(FUNCTION, "py"), True, True),
    "a fence of tildes": (f"~~~python\n{FUNCTION}~~~", True, True),
    "a fence of four": (f"````python\n{FUNCTION}````", True, True),
    "a fence with a title": (fenced(FUNCTION, "python title='x'"), True, True),
    "a fence that is not closed": (f"```python\n{FUNCTION}", True, True),
    "a fence in a list": (
        "1. So:\n   ```python\n   " + FUNCTION.replace("\n    ", "\n       ") + "   ```",
        True, True),
    "a fence that holds fences": (
        f'```python\n{FUNCTION}"""\n```text\n"""\n```', True, True),
    "prose around a fence": (f"Sure!\n\n{fenced(FUNCTION)}\n\nIt works.", True, True),
    "prose without a fence": (f"Here it is:\n\n{FUNCTION}\nI hope it helps.", True, True),
    "prose that is Python": (f"Sure\n\n{FUNCTION}", False, False),
    "an indented function": ("    def double(xs):\n        return [2 * x for x in xs]\n",
                             False, True),
    "wrong, then right": (f"{fenced(WRONG)}\nNo, rather:\n{fenced(FUNCTION)}", True, True),
    "right, then wrong": (f"{fenced(FUNCTION)}\nor\n{fenced(WRONG)}", False, False),
    "imports, then the function": (
        fenced("import operator\n") + "\n"
        + fenced("def double(xs):\n    return [operator.mul(2, x) for x in xs]\n"), True, True),
    "a helper, then the function": (
        fenced("def twice(x):\n    return 2 * x\n") + "\nand\n"
        + fenced("def double(xs):\n    return [twice(x) for x in xs]\n"), True, True),
    "a failing example before": (
        fenced("assert double([1]) == 5\n") + "\n" + fenced(FUNCTION), True, True),
    "an example of use after": (
        fenced(FUNCTION) + "\nUse it:\n" + fenced("print(double(input()))\n"), True, True),
    "what it prints, after": (fenced(FUNCTION) + "\n" + fenced("[2, 4]\n", "text"), True, True),
    "how to start it, before": (
        fenced("pip install x\n", "bash") + "\n" + fenced(FUNCTION), True, True),
    "another language": (fenced("const double = xs => xs;\n", "js"), False, False),
    "a main block": (
        FUNCTION + "\nif __name__ == '__main__':\n    print(double(input()))\n", True, True),
    "a main block that is wrong": (
        fenced(FUNCTION + "if __name__ == '__main__':\n    raise SystemExit(1)\n"), True, True),
    "its own tests, right": (fenced(FUNCTION + "assert double([3]) == [6]\n"), True, True),
    "its own tests, wrong": (fenced(FUNCTION + "assert double([3]) == [7]\n"), False, False),
    "another name": (fenced(FUNCTION.replace("double", "twice")), False, False),
    "a lambda": ("double = lambda xs: [2 * x for x in xs]", True, True),
    "an alias": (fenced(FUNCTION.replace("double", "twice") + "double = twice\n"), True, True),
    "a class": (
        fenced("class double(list):\n    def __init__(self, xs):\n"
               "        super().__init__(2 * x for x in xs)\n"), True, True),
    "a method": (
        fenced("class Solution:\n    def double(self, xs):\n        return [2 * x for x in xs]\n"),
        False, False),
    "an async function": (fenced("async " + FUNCTION), False, False),
    "an event loop": (
        fenced("import asyncio\nasync def one(x): return 2 * x\ndef double(xs):\n"
               "    async def all(): return [await one(x) for x in xs]\n"
               "    return asyncio.run(all())\n"), True, True),
    "a decorated function": (
        fenced("import functools\n@functools.lru_cache\ndef two(): return 2\n"
               "def double(xs):\n    return [two() * x for x in xs]\n"), True, True),
    "a generator": (fenced("def double(xs):\n    yield from xs\n"), False, False),
    "unicode": (fenced("def double(xs):\n    größe = 2\n    return [größe * x for x in xs]  # ✓\n"),
                True, True),
    "printing": (fenced("def double(xs):\n    print(xs)\n    return [2 * x for x in xs]\n"),
                 True, True),
    "reading": (fenced("def double(xs):\n    return eval(input())\n"), False, False),
    "global state": (
        fenced("seen = []\ndef double(xs):\n    global seen\n    seen += xs\n"
               "    return [2 * x for x in seen]\n"), False, False),
    "default state": (
        fenced("def double(xs, ys=[]):\n    ys += [2 * x for x in xs]\n    return ys\n"),
        False, False),
    "changing its input": (
        fenced("def double(xs):\n    for i, x in enumerate(xs): xs[i] = 2 * x\n    return xs\n"),
        True, True),
    "leaving": (fenced("import sys\ndef double(xs):\n    sys.exit(0)\n"), False, False),
    "leaving at once": (fenced("import os\nos._exit(0)\n" + FUNCTION), False, False),
    "a name in a branch": (
        fenced("try:\n    import nothing_of_the_kind\nexcept ImportError:\n    pass\n"
               "if True:\n    def double(xs): return [2 * x for x in xs]\n"), True, True),
    "a test of its own name": (
        fenced("def check(f): pass\ndef double(xs): return 0\n"), False, False),
    "a console's marks": (">>> def double(xs):\n...     return [2 * x for x in xs]", False, False),
    "only prose": ("I cannot do that.", False, False),
    "an empty fence": ("```python\n```", False, False),
    "nothing": ("", False, False),
    "white space": ("  \n\t\n", False, False),
}  # fmt: skip
WITH_PROMPT = CodeReference(TESTS, entry_point="double", prompt=PROMPT).to_json()
WITHOUT = CodeReference(TESTS, entry_point="double").to_json()


@pytest.fixture(scope="module")
def verdicts() -> dict[tuple[str, bool], bool]:
    """All cases, run at the same time."""
    asked = [(name, prompted) for name in CASES for prompted in (True, False)]
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(
            lambda c: code(CASES[c[0]][0], WITH_PROMPT if c[1] else WITHOUT).correct, asked
        )
        return dict(zip(asked, found, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_a_response_is_judged(name: str, verdicts: dict[tuple[str, bool], bool]) -> None:
    assert (verdicts[name, True], verdicts[name, False]) == CASES[name][1:]


def test_the_verdict_holds_the_program_and_the_ground() -> None:
    right = code(f"Sure:\n{fenced(FUNCTION)}", WITHOUT)
    assert (right.correct, right.extracted) == (True, FUNCTION.rstrip("\n"))
    assert right.reason == "passed: ran to the end"
    assert code(fenced(WRONG), WITHOUT).reason == "failed: AssertionError:"
    assert code("", WITHOUT).extracted is None
    missing = code("def g(): pass", WITHOUT)
    assert missing.reason == "failed: NameError: name 'double' is not defined"


def test_a_loop_without_end_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    from evals.sandbox import Limits

    module = sys.modules["evals.verifiers.code"]
    monkeypatch.setattr(module, "_LIMITS", Limits(wall_seconds=0.5))
    verdict = code(fenced("def double(xs):\n    while True: pass\n"), WITHOUT)
    assert not verdict.correct
    assert verdict.reason.startswith("timeout: ")


def test_helpers_of_the_prompt_are_kept_for_a_whole_function() -> None:
    prompt = (
        "import math\n\ndef half(x):\n    return x / 2\n\ndef double(xs):\n    '''Undo half.'''\n"
    )
    tests = "assert double([1]) == [2] and half(2) == 1 and math"
    reference = CodeReference(tests, entry_point="double", prompt=prompt).to_json()
    assert code(fenced(FUNCTION), reference).correct
    assert code(BODY, reference).correct


UNITTEST = CodeReference(
    "import unittest\nclass TestCases(unittest.TestCase):\n"
    "    def setUp(self): self.xs = [1]\n"
    "    def test_one(self): self.assertEqual(double(self.xs), [2])\n"
    "    def test_none(self): self.assertEqual(double([]), [])\n",
    entry_point="double",
    unittest=True,
).to_json()


@pytest.mark.parametrize(
    ("response", "correct"),
    [
        (FUNCTION, True),
        (WRONG, False),
        ("import sys\ndef double(xs): sys.exit(0)", False),
        ("import unittest\nunittest.TestCase.assertEqual = lambda *a: None\n" + WRONG, False),
        ("import unittest.case\nunittest.case.TestCase.run = lambda *a: None\n" + WRONG, False),
        ("import unittest\nunittest.TestResult.failures = []\n" + WRONG, False),
        ("import sys, types\nsys.modules['unittest'] = types.ModuleType('unittest')\n" + WRONG,
         False),
        ("import builtins\nbuiltins.type = builtins.issubclass = lambda *a: False\n" + WRONG,
         False),
    ],
)  # fmt: skip
def test_unittest_cases_judge_and_cannot_be_patched_beforehand(
    response: str, correct: bool
) -> None:
    assert code(response, UNITTEST).correct is correct


def test_a_failing_case_is_named() -> None:
    assert "test_one: AssertionError: Lists differ: [3] != [2]" in code(WRONG, UNITTEST).reason


def test_cases_without_tests_prove_nothing() -> None:
    reference = CodeReference("import unittest", unittest=True).to_json()
    assert code(FUNCTION, reference).reason == "failed: AssertionError: no test was run"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("not json", "code reference is not JSON"),
        ("[]", "a mapping with a key 'tests'"),
        ('{"entry_point": "f"}', "a mapping with a key 'tests'"),
        ('{"tests": "x", "test": "y"}', "unknown key 'test'"),
        ('{"tests": 3}', "tests is 3; it must be of type"),
        ('{"tests": " "}', "its tests are empty"),
        ('{"tests": "def f(:"}', "its tests are not Python"),
    ],
)
def test_a_malformed_reference_is_an_error(reference: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        code(FUNCTION, reference)


def test_references_survive_json() -> None:
    reference = CodeReference("assert 'å'", "f", "def f():\n", True, False)
    assert CodeReference(**json.loads(reference.to_json())) == reference


def test_blocks_are_found_by_their_fences() -> None:
    text = "```sh\na\n```\n```python\nb\n```\n~~~py\nc\n~~~\n```\nd\n```"
    assert fenced_blocks(text) == ["b", "c"]
    assert fenced_blocks("```\na\n```\n```js\nb\n```") == ["a"]
    assert fenced_blocks("`inline` and ```x``` in a line") == []


@pytest.mark.parametrize(
    "text",
    [
        "def f(\n" * 3_000,
        "(" * 50_000,
        "-" * 50_000 + "1",
        "```python\n" * 3_000,
        "def f():\n" + " x\n" * 3_000,
        "x = '''\n" * 3_001,
        "import a\n?\n" * 3_000,
        "[" * 300 + "\n" * 3_000,
    ],
)
@pytest.mark.parametrize("prompt", ["", PROMPT])
def test_hostile_texts_are_read_in_little_time(text: str, prompt: str) -> None:
    started = time.process_time()
    program_of(text, entry_point="double", prompt=prompt)
    assert time.process_time() - started < 20


def _judge(response: str) -> bool:
    return verifier("code")(response, WITH_PROMPT).correct


def test_it_judges_alike_on_every_thread_and_in_processes() -> None:
    responses = [BODY, FUNCTION, WRONG, fenced(FUNCTION), ""]
    expected = [True, True, False, True, False]
    assert [_judge(r) for r in responses] == expected
    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(_judge, responses)) == expected
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.extend(map(_judge, responses)))
    thread.start()
    thread.join()
    assert found == expected
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as processes:
        assert list(processes.map(_judge, responses)) == expected
