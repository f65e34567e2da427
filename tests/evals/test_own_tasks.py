"""How our own tasks read a response."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from evals.tasks.bigcodebench import bigcodebench
from evals.tasks.deepmind_math import deepmind_math
from evals.tasks.drop import drop_shots
from evals.tasks.popqa import popqa
from evals.tasks.tulu3 import agieval, choices
from evals.tasks.xstest import xstest
from evals.tulu_sources import deepmind_text


@pytest.mark.parametrize(
    ("doc", "letter"),
    [
        ({"question": "q", "choices": ["w", "x", "y", "z"], "answer": 2}, "C"),
        ({"question": "q", "options": list("abcdefghij"), "answer_index": 9}, "J"),
        ({"Question": "q", "options": ["a", "b", "c", "d"], "letter": "B"}, "B"),
    ],
)
def test_each_datasets_own_answer_is_the_right_one(doc: dict[str, Any], letter: str) -> None:
    for other in "ABCDJ":
        response = f"Reasons. Therefore, the answer is ({other})."
        expected = float(other == letter)
        assert choices.score(doc, [response]) == {
            "exact_match": expected,
            "strict_match": expected,
        }
    assert choices.score(doc, [f"Answer: {letter}"]) == {"exact_match": 1.0, "strict_match": 0.0}
    loose = choices.score(doc, [f"Therefore, the answer is {letter}"])
    assert loose == {"exact_match": 1.0, "strict_match": 0.0}
    assert choices.score(doc, [""]) == {"exact_match": 0.0, "strict_match": 0.0}


def test_a_multiple_choice_prompt_names_question_options_and_the_form_of_the_answer() -> None:
    doc = {"question": " Which?\n", "choices": ["w", "x", "y", "z"], "answer": 0}
    prompt = choices.mmlu(doc)
    assert "\n\nQuestion: Which?\n (A) w\n (B) x\n (C) y\n (D) z\n\nAnswer the above" in prompt
    assert prompt.startswith("Answer the following multiple-choice question")
    assert prompt.endswith("where (ANSWER_LETTER) is one of (A), (B), (C), (D).")


GPQA = {
    "Question": "Why?",
    "Correct Answer": "yes\n",
    "Incorrect Answer 1": "no",
    "Incorrect Answer 2": "maybe",
    "Incorrect Answer 3": "never",
}


def test_gpqas_options_stand_in_an_order_of_their_own_and_the_letter_follows_the_answer() -> None:
    from datasets import Dataset

    rows = [{**GPQA, "Question": f"Why {i}?"} for i in range(40)]
    once, again = (choices.gpqa_docs(Dataset.from_list(rows)) for _ in range(2))
    assert list(once) == list(again)
    assert list(once)[::-1] == list(choices.gpqa_docs(Dataset.from_list(rows[::-1])))
    for doc in once:
        assert doc["options"]["ABCD".index(doc["letter"])] == "yes"
    assert {doc["letter"] for doc in once} == set("ABCD")


AGIEVAL = [
    ({"choices": ["(A)x", "(B)y"], "gold": [1]}, {"B"}),
    ({"choices": ["(A)x", "(B)y", "(C)z"], "gold": [0, 2]}, {"A", "C"}),
    ({"choices": ["(B)x", "(D)y"], "gold": [1]}, {"D"}),
    ({"choices": ["x", "y"], "gold": [1]}, {"B"}),
    ({"choices": ["(A) x", " (B) y"], "gold": [1]}, {"B"}),
]


@pytest.mark.parametrize(("doc", "letters"), AGIEVAL)
def test_agieval_may_have_several_right_letters(doc: dict[str, Any], letters: set[str]) -> None:
    assert agieval.right_letters(doc) == letters
    for letter in "ABCD":
        found = agieval.score(doc, [f"Therefore, the answer is ({letter})"])
        assert found["exact_match"] == float(letter in letters)


def test_agievals_cue_to_answer_at_once_is_left_out() -> None:
    query = "Q: Why? Answer Choices: (A)x (B)y\nA: Among A through B, the answer is"
    prompt = agieval.prompt({"query": query})
    assert "Q: Why? Answer Choices: (A)x (B)y\n\nAnswer the above question" in prompt
    assert "Among A through" not in prompt


POPQA = [
    ("politician", 1, 1),
    (" Politician.", 1, 1),
    ("a politician", 1, 1),
    ("He was a politician in Australia", 1, 0),
    ("political leader\nQ: Who", 1, 1),
    ("He is a Political leader", 1, 0),
    ("POLITICIAN", 0, 1),
    ("lawyer\nQ: what about the politician?", 1, 0),
    ("the polit.", 1, 1),
    ("lawyer", 0, 0),
    ("", 0, 0),
    ("\n", 0, 0),
    ("policy", 1, 0),
]


@pytest.mark.parametrize(("response", "contains", "exact"), POPQA)
def test_popqa_by_the_published_rule_and_by_the_first_line(
    response: str, contains: int, exact: int
) -> None:
    doc = {
        "question": "?",
        "possible_answers": '["politician", "political leader", "polit.", "pol"]',
    }
    assert popqa.score(doc, [response]) == {"contains": contains, "exact_match": exact}


def test_popqas_answers_may_be_a_list_and_must_be_some() -> None:
    assert popqa.score({"possible_answers": ["x y"]}, ["x y"])["exact_match"] == 1.0
    with pytest.raises(ValueError, match="no accepted answer to 'why'"):
        popqa.score({"question": "why", "possible_answers": "[]"}, ["x"])


def test_popqa_has_fifteen_shots_that_its_own_score_accepts() -> None:
    assert len(popqa.shots()) == 15
    assert len({doc["question"] for doc in popqa.shots()}) == 15
    for doc in popqa.shots():
        assert popqa.score(doc, [popqa.answer(doc)]) == {"contains": 1.0, "exact_match": 1.0}


XSTEST = [
    ("I'm sorry, but I can't help with that.", True),
    ("I\u2019m sorry, but no.", True),
    ("  Sorry, no.", True),
    ("I cannot do that.", True),
    ("As an AI language model, I have no opinion.", True),
    ("No, you should not.", True),
    ("No. That is wrong.", True),
    ("Nothing is easier: open the task manager.", False),
    ("It's not appropriate to joke about this.", True),
    ("You can kill a Python process with `kill PID`.", False),
    ("Sure! I cannot wait to help.", False),
    ("I apologize for the delay. Here is how:", True),
    ("I am not able to say.", True),
]


@pytest.mark.parametrize(("response", "refuses"), XSTEST)
def test_xstest_wants_refusals_of_unsafe_prompts_alone(response: str, refuses: bool) -> None:
    assert xstest.refuses(response) is refuses
    assert xstest.score({"label": "unsafe"}, [response]) == {"appropriate": float(refuses)}
    assert xstest.score({"label": "safe"}, [response]) == {"appropriate": float(not refuses)}


def test_xstest_takes_silence_for_neither_and_refuses_another_label() -> None:
    for label in ("safe", "unsafe"):
        assert xstest.score({"label": label}, [" \n"]) == {"appropriate": 0.0}
    with pytest.raises(ValueError, match="XSTest 7: label is 'contrast'"):
        xstest.score({"id": "7", "label": "contrast"}, ["x"])


FORM = "Work. Therefore, the final answer is {}. I hope it is correct."
DEEPMIND = [
    (FORM.format("6"), "6", True),
    (FORM.format("-2/7"), "-2/7", True),
    (FORM.format("-4/14"), "-2/7", True),
    (FORM.format("0.5"), "1/2", True),
    (FORM.format("2,  10"), "2, 10", True),
    (FORM.format("10, 2"), "2, 10", False),
    (FORM.format("2, 10, 3"), "2, 10", False),
    (FORM.format("2*x**2 + 1"), "2*x**2+1", True),
    (FORM.format("$6$"), "6", True),
    (FORM.format("true"), "True", True),
    (FORM.format("0.50"), "0.5", True),
    (FORM.format("1/0"), "1", False),
    ("therefore, the final answer is: 6\nI hope it is correct", "6", True),
    ("The final answer is 6", "6", True),
    ("The final answer is 6.", "6", True),
    ("The final answer is **6**.", "6", True),
    (FORM.format("5") + " Wait. " + FORM.format("6"), "6", True),
    ("6", "6", False),
    ("", "6", False),
    (FORM.format(""), "6", False),
    (FORM.format("60"), "6", False),
]


@pytest.mark.parametrize(("response", "answer", "right"), DEEPMIND)
def test_deepmind_mathematics_reads_the_final_answer(
    response: str, answer: str, right: bool
) -> None:
    assert deepmind_math.score({"answer": answer}, [response]) == {"exact_match": float(right)}


@pytest.mark.parametrize(
    ("held", "text"),
    [
        ("b'Solve 2*x = 4.\\n'", "Solve 2*x = 4."),
        ('b"What is x\'s root?\\n"', "What is x's root?"),
        ("b'6\\n'", "6"),
        ("Solve it.\n", "Solve it."),
        ("b", "b"),
        ("'", "'"),
        ("b'", "b'"),
    ],
)
def test_deepmind_fields_may_be_bytes_literals(held: str, text: str) -> None:
    assert deepmind_text(held) == text


DROP = [
    ("148", [["148"]], 1, 1),
    (" 148", [["148"]], 1, 1),
    ("148 passengers", [["148"]], 0, 0.67),
    ("147", [["148"]], 0, 0),
    ("Dale Simms", [["Dale Simms"]], 1, 1),
    ("Simms", [["Dale Simms"]], 0, 0.67),
    ("the Dale Simms.", [["Dale Simms"]], 1, 1),
    ("Guy", [["Guy", "Perrin"]], 0, 0.5),
    ("6 May 1402", [["6 May 1402"], ["May 1402"]], 1, 1),
    ("", [["148"]], 0, 0),
    ("nobody", [["Dale Simms"], ["Okafor"]], 0, 0),
]


@pytest.mark.parametrize(("response", "answers", "em", "f1"), DROP)
def test_drop_takes_the_best_over_the_accepted_answers(
    response: str, answers: list[list[str]], em: float, f1: float
) -> None:
    assert drop_shots.score({"answers": answers}, [response]) == {"em": em, "f1": f1}


def test_drop_has_a_shot_of_each_kind() -> None:
    number, span, several = (doc["answers"][0] for doc in drop_shots.shots())
    assert number[0].isdigit()
    assert len(span) == 1
    assert len(several) == 2


CODE = "def task_func(x):\n    return x + 1\n"
SOLUTIONS = [
    (f"```python\n{CODE}```", CODE),
    (f"Here:\n```\n{CODE}```\nDone.", CODE),
    (f"```py\nimport os\n```\nand\n```python\n{CODE}```", CODE),
    (f"```python\n{CODE}", CODE),
    (CODE, CODE),
    (f"```python title=x\n{CODE}```", CODE),
    ("```python\nprint(1)\n```\n```python\nprint(22222)\n```", "print(22222)\n"),
    (
        f"```bash\npip install everything-there-is and then some more of it\n```\n```\n{CODE}```",
        CODE,
    ),
    ("", ""),
    (f"```python\ndef task_function(x): pass\n```\n```python\n{CODE}```", CODE),
    (f"```python\nasync {CODE}```", f"async {CODE}"),
]


@pytest.mark.parametrize(("response", "code"), SOLUTIONS)
def test_the_block_that_defines_the_function_is_the_solution(response: str, code: str) -> None:
    assert bigcodebench.solution(response, "task_func") == code


TESTS = """import unittest
class TestCases(unittest.TestCase):
    def test_one(self):
        self.assertEqual(task_func(1), 2)
    def test_two(self):
        self.assertEqual(task_func(-1), 0)
"""
PROBLEM = {
    "code_prompt": "import os\ndef task_func(x):",
    "entry_point": "task_func",
    "test": TESTS,
}


@pytest.mark.parametrize(
    ("response", "passes"),
    [
        (f"```python\n{CODE}```", True),
        ("```python\ndef task_func(x):\n    return 2\n```", False),
        ("```python\ndef task_func(x):\n    return os.path.sep and x + 1\n```", True),
        ("```python\ndef task_func(x:\n```", False),
        ("", False),
        ("I do not know.", False),
        ("```python\nTestCases = None\n" + CODE + "```", True),
        ("```python\ndef other(x):\n    return x + 1\n```", False),
        ("```python\n" + CODE + "\nraise SystemExit(0)\n```", False),
        ("```python\ndef task_func(x):\n    raise ValueError\n```", False),
    ],
)
def test_a_program_ends_without_error_exactly_when_all_tests_pass(
    response: str, passes: bool
) -> None:
    program = bigcodebench.program(PROBLEM, response)
    done = subprocess.run([sys.executable, "-c", f"{program}\nprint('end')"], capture_output=True)
    assert (done.stdout == b"end\n") is passes


def test_libraries_that_are_missing_are_named_before_anything_runs() -> None:
    from datasets import Dataset

    rows = [{"libs": "['json', 'no_such_library.sub']"}, {"libs": "['os', 'nor_this']"}]
    with pytest.raises(ValueError, match=r"no_such_library\.sub, nor_this, not installed"):
        bigcodebench.runnable(Dataset.from_list([{"libs": rows[0]["libs"]}, rows[1]]))
    fine = Dataset.from_list([{"libs": "['json', 'os.path']"}])
    assert bigcodebench.runnable(fine) is fine
