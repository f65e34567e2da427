"""`python -m evals items`: one JSON object a line, or one line of error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_load_items import gsm8k

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.usefixtures("without_the_hub")


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
